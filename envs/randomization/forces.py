"""Random forces and torques on the object: pushes, twists, and those of the adversary."""

from __future__ import annotations

from collections.abc import Collection

import mujoco
import numpy as np
import torch
from torch import Tensor

from ..sim.draws import Draws
from ..sim.sim import Sim
from .adversary import WRENCH, Adversary

CHANCE = (0.001, 0.1)
"""Bounds of the probability of a new push per 80 ms, drawn log-uniform per episode [D C.2]."""
DECAY = 0.99
"""Fraction of a push that remains after 80 ms [D C.2]; `object.push.duration` shortens it."""
STEP_S = 0.08
REACH_M = 0.0285
"""Lever arm of the adversary's force, half the edge of the block: beta / REACH_M is its torque in
rad/s2. The paper scales forces with the mass and torques with the inertia."""
ROWS = ("object.push", "object.twist", "object.push.duration", "adversary.force")


class Forces:
    """`xfrc_applied` of the object in N worlds, constant during each control step."""

    def __init__(
        self,
        sim: Sim,
        active: Collection[str],
        rng: Draws,
        period_s: float,
        adversary: Adversary | None,
    ) -> None:
        self._sim, self._rng = sim, rng
        device = sim.device
        self._adversary = adversary if "adversary.force" in active else None
        self._pushes = bool({"object.push", "object.twist"} & set(active))
        self._steps = period_s / STEP_S
        self.body = sim.layout.object_body
        bodies = list(sim.layout.object_bodies)
        self._bodies = torch.tensor(bodies, device=device)
        mass = sim.model.body_mass[bodies].sum()
        own, orbit = _mean_inertia(sim.model, bodies)
        self._nominal = tuple(torch.tensor(v, device=device) for v in (mass, own, orbit))
        count = sim.num_worlds
        self.strength = torch.zeros(count, WRENCH, device=device)
        """(N, 6) strength of pushes and twists [m/s2, rad/s2]."""
        self.beta = torch.zeros(count, WRENCH, device=device)
        """(N, 6) strength of the adversary [m/s2, rad/s2]."""
        self.chance = torch.zeros(count, 1, device=device)
        self.decay = torch.ones(count, 1, device=device)
        """(N, 1) fraction of a push that remains after a control step."""
        self.push = torch.zeros(count, WRENCH, device=device)
        """(N, 6) present push and twist [m/s2, rad/s2]."""
        self.weight = torch.zeros(count, WRENCH, device=device)
        """(N, 6) mass of the object (force), its mean moment of inertia (torque)."""

    def reset(self, worlds: Tensor, value: dict[str, Tensor]) -> None:
        """Begin new episodes in `worlds` (K,), after their masses were written."""
        push, twist, duration, beta = (value[name].float().unsqueeze(-1) for name in ROWS)
        self.strength[worlds] = _wrench(push, twist)
        self.beta[worlds] = _wrench(beta, beta / REACH_M)
        low, high = CHANCE
        share = self._rng.uniform(len(worlds), 1)
        self.chance[worlds] = 1.0 - (1.0 - low * (high / low) ** share) ** self._steps
        self.decay[worlds] = DECAY ** (self._steps / duration)
        self.push[worlds] = 0.0
        self.weight[worlds] = self._weight(worlds, value["object.size"])

    def _weight(self, worlds: Tensor, size: Tensor) -> Tensor:
        """(K, 6) mass and inertia of the object with its inner parts."""
        nominal, own, orbit = (value.expand(len(worlds)) for value in self._nominal)
        mass, written = nominal, self._sim.fields()
        if "body_mass" in written:
            mass = self._sim.field("body_mass")[worlds][:, self._bodies].sum(dim=-1)
        if "body_inertia" in written:
            parts = self._sim.field("body_inertia")[worlds][:, self._bodies]
            own = parts.mean(dim=-1).sum(dim=-1)
        inertia = own + orbit * mass / nominal * size**2
        return _wrench(mass.unsqueeze(-1).float(), inertia.unsqueeze(-1).float())

    def apply(self) -> None:
        """Write the forces of the coming control step."""
        force = self.push
        if self._pushes:
            new = self._rng.uniform(*self.chance.shape) < self.chance
            drawn = self.strength * self._rng.normal(*self.push.shape)
            force = self.push = torch.where(new, drawn, self.push * self.decay)
        if self._adversary is not None:
            force = force + self.beta * self._adversary.wrench
        self._sim.state("xfrc_applied")[:, self.body] = self.weight * force


def _mean_inertia(model: mujoco.MjModel, bodies: list[int]) -> tuple[np.float64, np.float64]:
    """Mean principal moment of inertia of these bodies together in the model's first pose [kg m2]:
    the sum of their own, and what their distances from the common centre of mass add."""
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    mass, place = model.body_mass[bodies], data.xipos[bodies]
    away = place - mass @ place / mass.sum()
    own = model.body_inertia[bodies].mean(axis=1).sum()
    return np.float64(own), np.float64(2.0 / 3.0 * mass @ (away**2).sum(axis=1))


def _wrench(force: Tensor, torque: Tensor) -> Tensor:
    """Strengths of force (K, 1) and torque (K, 1) as (K, 6)."""
    return torch.cat((force.expand(-1, 3), torque.expand(-1, 3)), dim=-1)
