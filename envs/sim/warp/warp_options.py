"""Options that Warp keeps in another form than MuJoCo: the friction cone and impratio."""

from __future__ import annotations

import mujoco
import torch
import warp as wp
from torch import Tensor

from ....errors import ConfigError
from ..draws import usable_device
from .warp_model import WarpModel


def warp_device(name: str) -> torch.device:
    """The torch device of a name, with its number. Raises ConfigError unless Warp can use it."""
    device = usable_device(name, "env.device")
    if device.type not in ("cpu", "cuda"):
        raise ConfigError(f"env.device: got {name}, allowed with env.backend warp: cpu or cuda")
    if device.type == "cpu":
        # Warp's own flags make the compiler several times slower; the CPU is for tests.
        wp.config.cpu_compiler_flags, wp.config.optimization_level = "-march=native", 1
    wp.config.log_level = wp.LOG_WARNING
    wp.init()
    return device


class Options:
    """`opt.cone`, which Warp's worlds share, and `opt.impratio`, of which Warp keeps 1 / sqrt."""

    def __init__(
        self, target: WarpModel, model: mujoco.MjModel, count: int, device: torch.device
    ) -> None:
        self._target, self._model = target, model
        self._count, self._device = count, device
        self._cone: Tensor | None = None
        self._impratio: Tensor | None = None

    def field(self, name: str) -> Tensor | None:
        """(N,) live values as MuJoCo has them; None for a field that is Warp's own array."""
        if name == "opt.cone":
            if self._cone is None:
                self._cone = self._full(self._model.opt.cone, torch.int32)
            return self._cone
        if name == "opt.impratio":
            if self._impratio is None:
                self._impratio = self._full(self._model.opt.impratio, torch.float32)
                self._inverse = self._target.field("opt.impratio_invsqrt")
            return self._impratio
        return None

    def _full(self, value: float, dtype: torch.dtype) -> Tensor:
        return torch.full((self._count,), value, dtype=dtype, device=self._device)

    def write(self) -> bool:
        """Give Warp what was written; whether graphs must be forgotten. Raises ConfigError."""
        if self._impratio is not None:
            self._inverse.copy_(self._impratio.rsqrt())
        if self._cone is None:
            return False
        low, high = (int(end) for end in self._cone.aminmax())
        if low != high:
            raise ConfigError(
                "env.randomization: got contact.elliptic between 0 and 1, allowed with env.backend"
                " warp: the same cone in all worlds"
            )
        if low == self._target.model.opt.cone:
            return False
        self._target.model.opt.cone = low
        return True
