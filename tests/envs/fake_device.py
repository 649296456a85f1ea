"""A device that is none: its tensors hold numbers, and refuse to meet tensors of the host.

PyTorch's own FakeTensorMode knows no values, so that a step ends at its first `if`. Here tensors
claim to be on `meta`, with their numbers in a tensor of the host inside. What mixes them with a
tensor of the host, as an index, an operand or a target, fails as it would on a GPU.
"""

from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

from sleight.envs.sim.batch_sim import BatchSim
from sleight.envs.sim.sim import SIMS, on_device

DEVICE = torch.device("meta")
MOVES = {torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default}
"""What may read one side and write the other."""


UPLOADS: list[Any] = []
"""Copies from the host to the device so far."""


def _uploads(args: Any, kwargs: dict[str, Any]) -> bool:
    """Whether a move goes from the host to the device."""
    source = args[-1] if len(args) > 1 and isinstance(args[1], Tensor) else args[0]
    target = args[0] if source is not args[0] else None
    there = isinstance(target, OnDevice) or str(kwargs.get("device")) == str(DEVICE)
    return there and not isinstance(source, OnDevice)


class OnDevice(Tensor):
    """A tensor on the device."""

    inner: Tensor

    @staticmethod
    def __new__(cls, inner: Tensor) -> "OnDevice":
        made = Tensor._make_wrapper_subclass(
            cls, inner.shape, strides=inner.stride(), dtype=inner.dtype, device=DEVICE
        )
        made.inner = inner
        return made

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return run(func, args, kwargs or {})


class Literals(TorchFunctionMode):
    """`torch.tensor` of a list makes a tensor of `meta` without a dispatch, and without numbers."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        device = kwargs.get("device")
        if func in (torch.tensor, torch.as_tensor) and device is not None:
            made = func(*args, **{**kwargs, "device": None})
            return made.to(device)
        return func(*args, **kwargs)


class FakeDevice(TorchDispatchMode):
    """While it is entered, tensors can be made on the device."""

    def __enter__(self) -> Any:
        self._literals = Literals()
        self._literals.__enter__()
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self._literals.__exit__(*error)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return run(func, args, kwargs or {})


def run(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """One operation: refused where it mixes both sides, else done on the numbers inside."""
    tensors = [x for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)]
    ours = [x for x in tensors if isinstance(x, OnDevice)]
    if ours and func not in MOVES and any(not isinstance(x, OnDevice) and x.ndim for x in tensors):
        raise RuntimeError(f"{func} meets a tensor of the host")
    there = bool(ours)
    UPLOADS.append(func) if func in MOVES and _uploads(args, kwargs) else None
    if (device := kwargs.get("device")) is not None:
        there = torch.device(device) == DEVICE
        kwargs = {**kwargs, "device": torch.device("cpu")}
    inside = {id(x.inner): x for x in ours}
    args, kwargs = tree_map_only(OnDevice, lambda x: x.inner, (args, kwargs))
    result = func(*args, **kwargs)

    def wrap(x: Tensor) -> Tensor:
        if isinstance(x, OnDevice):
            return x
        known = inside.get(id(x))
        return OnDevice(x) if known is None else known

    return tree_map_only(Tensor, wrap, result) if there else result


class FakeSim(BatchSim):
    """`BatchSim` whose tensors are on the device."""

    def __init__(self, model: Any, num_worlds: int, threads: int, layout: Any, device: str) -> None:
        super().__init__(model, num_worlds, threads)
        self.device = torch.device(device)
        self.layout = on_device(layout, self.device)

    def _tensor(self, kind: str, name: str) -> Tensor:
        return OnDevice(super()._tensor(kind, name))

    def step(self, substeps: int) -> Tensor:
        return OnDevice(super().step(substeps))

    def forward(self, worlds: Tensor) -> None:
        super().forward(worlds.cpu())

    def reset(self, worlds: Tensor) -> None:
        super().reset(worlds.cpu())

    def refresh_constants(self, worlds: Tensor) -> None:
        super().refresh_constants(worlds.cpu())


SIMS.add("fake", FakeSim)
