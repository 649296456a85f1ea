"""The CPU backend: `mujoco.batch`, a thread pool whose results do not depend on its size."""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
import torch
from mujoco.batch import Batch, SimulationError
from torch import Tensor

from ...errors import ConfigError
from ...machine import usable_cores
from .layout import Layout
from .sim import Sim, on_device

_BROKEN = slice(int(mujoco.mjtWarning.mjWARN_BADQPOS), int(mujoco.mjtWarning.mjWARN_BADQACC) + 1)
"""MuJoCo's warnings for a qpos, qvel or qacc that is not finite or too large."""
_EVERYTHING = int(mujoco.mjtStage.mjSTAGE_ACC)
"""All stages: one MjData serves many worlds, so an output left out would be another world's."""


class BatchSim(Sim):
    """`Sim` on `mujoco.batch.Batch`; threads=0 uses every core that this process may use."""

    def __init__(
        self,
        model: mujoco.MjModel,
        num_worlds: int,
        threads: int = 0,
        layout: Layout | None = None,
        device: str = "cpu",
    ) -> None:
        """layout: of a model with a hand and an object. Raises ConfigError unless device is cpu."""
        if device != "cpu":
            raise ConfigError(f"env.device: got {device}, allowed: cpu with env.backend mujoco")
        self.model = model
        if layout is not None:
            self.layout = on_device(layout, torch.device("cpu"))
        self.num_worlds = num_worlds
        self.device = torch.device("cpu")
        self.failures = 0
        threads = min(threads or usable_cores(), num_worlds)
        self.batch = Batch(model, num_worlds, nthread=threads)
        self._warnings = self._warning_counts()
        self._before = self.batch.state.copy()
        self._default = self.batch.state[0].copy()
        self._tensors: dict[tuple[str, str], Tensor] = {}

    def state(self, name: str) -> Tensor:
        return self._tensor("state", name)

    def output(self, name: str) -> Tensor:
        return self._tensor("output", name)

    def field(self, name: str) -> Tensor:
        return self._tensor("field", name)

    def fields(self) -> list[str]:
        return [name for kind, name in self._tensors if kind == "field"]

    def _tensor(self, kind: str, name: str) -> Tensor:
        key = (kind, name)
        if key not in self._tensors:
            array = self.batch.expand(name) if kind == "field" else self.batch.bind(name)
            if kind == "output":
                # torch has no read-only tensors; the tensor shares the memory that MuJoCo updates.
                array = np.asarray(_Memory(array))
                self.forward(torch.arange(self.num_worlds))  # outputs are zero before a call
            self._tensors[key] = torch.from_numpy(array)
        return self._tensors[key]

    def refresh_constants(self, worlds: Tensor) -> None:
        self.batch.set_const(worlds.numpy())

    def step(self, substeps: int) -> Tensor:
        np.copyto(self._before, self.batch.state)
        failed_ids: np.ndarray | None = None
        try:
            self.batch.step(self._awake(), nstep=substeps)
        except SimulationError as error:
            failed_ids = error.ids
        warnings = self._warning_counts()
        broken = warnings > self._warnings
        self._warnings = warnings
        if failed_ids is not None:
            broken[failed_ids] = True
        # A sum is finite only if every term is finite.
        broken |= ~np.isfinite(self.batch.state.sum(axis=1))
        self.failures += int(broken.sum())
        return torch.from_numpy(broken)

    def _awake(self) -> np.ndarray | None:
        return None if self.resting is None else np.flatnonzero(~self.resting.cpu().numpy())

    def forward(self, worlds: Tensor) -> None:
        ids = worlds.numpy()
        before = self.batch.state[ids]
        self.batch.forward(ids, stage=_EVERYTHING)
        # The solver writes its warm start into the state; computing outputs must not change it.
        self.batch.state[ids] = before

    def reset(self, worlds: Tensor) -> None:
        # One MjData serves many worlds: a world consists of its state and its warnings only.
        ids = worlds.numpy()
        self.batch.state[ids] = self._default
        self.batch.warning[ids] = 0
        self._warnings[ids] = 0

    def _warning_counts(self) -> np.ndarray:
        # Each warning is a pair (last info, count).
        return self.batch.warning[:, _BROKEN, 1].sum(axis=1)

    def save(self) -> dict[str, Tensor]:
        fields = {f"field.{name}": self.field(name).clone() for name in self.fields()}
        return {"state": torch.from_numpy(self.batch.state.copy()), **fields}

    def load(self, saved: dict[str, Tensor]) -> None:
        fields = {n.removeprefix("field."): v for n, v in saved.items() if n.startswith("field.")}
        for name, value in fields.items():
            self.field(name)[:] = value
        self.batch.state[:] = saved["state"].numpy()
        all_worlds = torch.arange(self.num_worlds)
        if fields:
            self.refresh_constants(all_worlds)
        self.forward(all_worlds)

    def broken_state(self, world: int) -> dict[str, Any]:
        own = {name: self.field(name)[world].numpy().copy() for name in self.fields()}
        return {"state": self._before[world].copy(), **own}


class _Memory:
    """The memory of an array, declared writable; it lives as long as the views of it.

    An instance, not a class created for each array: classes are freed only by the garbage
    collector, and they would keep all worlds of a finished simulation in memory.
    """

    def __init__(self, array: np.ndarray) -> None:
        self._owner = array
        address, _ = array.__array_interface__["data"]
        self.__array_interface__ = {**array.__array_interface__, "data": (address, False)}
