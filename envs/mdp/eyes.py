"""The Eyes contract: what the actor observes through cameras, beside or instead of true sensors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from ..sim.sim import Sim
from .observations import Sensors


class Eyes(ABC):
    """Looks at N worlds. Tensor attributes (N, ...) are saved and restored with the environment."""

    sizes: Mapping[str, int] = {}
    """Names that shapes of terms may use, see `observations.Sizes`."""

    @property
    @abstractmethod
    def gives(self) -> Sensors:
        """The sensors that it gives, as they are without a world: (0, ...) each."""

    @abstractmethod
    def begin(self, worlds: Tensor) -> None:
        """New episodes begin in `worlds` (K,)."""

    @abstractmethod
    def see(self, qpos: Tensor, true: Sensors, worlds: Tensor, awake: Tensor) -> Sensors:
        """The sensors of `worlds` (K,), (K, ...) each, in the states `qpos` (K, nq).

        true: their true sensors. awake: (K,) bool; for the others the last values are enough.
        """

    @property
    def views(self) -> tuple[str, ...]:
        """Names of the cameras of `pictures`."""
        return ()

    def pictures(self) -> np.ndarray | None:
        """What the cameras have shown last, (N, V, S, S, 3) uint8; None: it keeps no pictures."""
        return None

    def metrics(self) -> dict[str, float]:
        """What a run logs of it."""
        return {}

    def close(self) -> None:  # noqa: B027  # most have nothing to close
        """End what it runs."""

    def look(self, sim: Sim, true: Sensors, worlds: Tensor | slice) -> Sensors:
        """`see` for worlds of a simulation; those that rest are not awake."""
        every = torch.arange(sim.num_worlds, device=sim.device)[worlds]
        awake = torch.ones_like(every, dtype=torch.bool)
        if sim.resting is not None:
            awake = ~sim.resting[every]
        return self.see(sim.state("qpos")[every], true, every, awake)
