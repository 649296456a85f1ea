"""Jitter of the physics time step, as on a machine that is late."""

from __future__ import annotations

import torch
from torch import Tensor

from ..sim.draws import Draws
from ..sim.sim import Sim

RATE = (1250.0, 10000.0)
"""Bounds of the rate [1/s] of the exponential added to a physics step, per episode [D C.2]."""


LONGEST = 2.5
"""Longest physics step, in nominal steps; above it contacts are not solved well."""


class Clock:
    """The physics step of N worlds, drawn anew for every control step.

    [D] adds Exp(k) to each of the n physics steps of a control step. Here all n steps get the mean
    of n such draws, Gamma(n, k)/n. The duration of a control step has the same distribution, and
    physics is still stepped in one call.
    """

    def __init__(self, sim: Sim, substeps: int, rng: Draws) -> None:
        self._sim, self._rng, self._substeps = sim, rng, substeps
        self.step_s = torch.full(
            (sim.num_worlds,), sim.model.opt.timestep, dtype=torch.float64, device=rng.device
        )
        """(N,) physics step without jitter [s]."""
        self.late_s = torch.zeros(sim.num_worlds, dtype=torch.float64, device=rng.device)
        """(N,) mean of the time added to a physics step [s]."""

    def reset(self, worlds: Tensor, value: dict[str, Tensor]) -> None:
        """Begin new episodes in `worlds` (K,)."""
        low, high = RATE
        rate = low + (high - low) * self._rng.uniform(len(worlds))
        self.step_s[worlds] = self._sim.model.opt.timestep * value["timestep"]
        # [R] B: the scale of the time step multiplies the sum of step and jitter.
        self.late_s[worlds] = value["timestep"] * value["timestep.jitter"] / rate.double()

    def apply(self) -> None:
        """Write the physics step of the coming control step."""
        size = (self._substeps, len(self.late_s))
        uniform = self._rng.uniform(*size, dtype=torch.float64)
        mean = -torch.log1p(-uniform).mean(dim=0)
        longest = LONGEST * self._sim.model.opt.timestep
        self._sim.field("opt.timestep")[:] = (self.step_s + self.late_s * mean).clamp_max(longest)
