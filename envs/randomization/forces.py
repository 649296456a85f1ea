"""Forces and torques on the block that nothing explains: random pushes, and the adversary's."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor

from ..sim.model import OBJECT
from ..sim.sim import Sim
from .adversary import WRENCH, Adversary

CHANCE = (0.001, 0.1)
"""Probability of a new push at each 80 ms: log-uniform between these, per episode [D C.2]."""
DECAY = 0.99
"""What is left of a push after 80 ms [D C.2]."""
STEP_S = 0.08
REACH_M = 0.0285
"""An adversary's torque is its force at this lever, half the edge of the block: beta / REACH_M is
rad/s2. The paper scales forces with the mass and torques with the inertia."""
ROWS = ("object.push", "object.twist", "adversary.force")


class Forces:
    """`xfrc_applied` of the block in N worlds, held through each control step."""

    def __init__(
        self,
        sim: Sim,
        active: Collection[str],
        rng: torch.Generator,
        period_s: float,
        adversary: Adversary | None,
    ) -> None:
        self._sim, self._rng = sim, rng
        self._adversary = adversary if "adversary.force" in active else None
        self._pushes = bool({"object.push", "object.twist"} & set(active))
        self._steps = period_s / STEP_S
        self.body = sim.model.body(OBJECT).id
        count = sim.num_worlds
        self.strength = torch.zeros(count, WRENCH)
        """(N, 6) m/s2 and rad/s2."""
        self.beta = torch.zeros(count, WRENCH)
        """(N, 6) of the adversary."""
        self.chance = torch.zeros(count, 1)
        self.push = torch.zeros(count, WRENCH)
        """(N, 6) m/s2 and rad/s2, at present."""
        self.weight = torch.zeros(count, WRENCH)
        """(N, 6) mass and mean moment of inertia of the block."""

    def reset(self, worlds: Tensor, value: dict[str, Tensor]) -> None:
        """Begin new episodes in `worlds` (K,), whose masses are written."""
        push, twist, beta = (value[name].float().unsqueeze(-1) for name in ROWS)
        self.strength[worlds] = _wrench(push, twist)
        self.beta[worlds] = _wrench(beta, beta / REACH_M)
        low, high = CHANCE
        share = torch.rand(len(worlds), 1, generator=self._rng)
        self.chance[worlds] = 1.0 - (1.0 - low * (high / low) ** share) ** self._steps
        self.push[worlds] = 0.0
        self.weight[worlds] = self._weight(worlds)

    def _weight(self, worlds: Tensor) -> Tensor:
        written = self._sim.fields()
        mass = torch.tensor(self._sim.model.body_mass[self.body]).expand(len(worlds))
        inertia = torch.tensor(self._sim.model.body_inertia[self.body]).expand(len(worlds), 3)
        if "body_mass" in written:
            mass = self._sim.field("body_mass")[worlds, self.body]
        if "body_inertia" in written:
            inertia = self._sim.field("body_inertia")[worlds, self.body]
        return _wrench(mass.unsqueeze(-1).float(), inertia.mean(dim=-1, keepdim=True).float())

    def apply(self) -> None:
        """Write the forces of the coming control step."""
        force = self.push
        if self._pushes:
            new = torch.rand(self.chance.shape, generator=self._rng) < self.chance
            drawn = self.strength * torch.randn(self.push.shape, generator=self._rng)
            force = self.push = torch.where(new, drawn, self.push * DECAY**self._steps)
        if self._adversary is not None:
            force = force + self.beta * self._adversary.wrench
        self._sim.state("xfrc_applied")[:, self.body] = (self.weight * force).double()


def _wrench(force: Tensor, torque: Tensor) -> Tensor:
    """(K, 1), (K, 1) -> (K, 6)."""
    return torch.cat((force.expand(-1, 3), torque.expand(-1, 3)), dim=-1)
