"""Writes randomized values to model fields, with a spread over the elements of a hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import mujoco
import numpy as np
import torch
from torch import Tensor

from ...sim.draws import Draws
from ...sim.finger_springs import springs_of
from ...sim.layout import Layout
from ...sim.sim import Sim

Kind = Literal["normal", "half", "uniform"]


class Nominal:
    """The nominal values of the model, and the indices of its elements by group."""

    def __init__(self, sim: Sim) -> None:
        self.model, self._device = sim.model, sim.device
        layout, model = sim.layout, sim.model
        bodies = set(layout.object_bodies)
        fingers = _fingers(model, layout)
        springs = springs_of(model)
        self.spring_groups = torch.tensor(list(springs.values()), device=sim.device)
        """(S,) number of the two neighbouring fingers that each spring couples."""
        joint_dofs = [int(model.jnt_dofadr[joint]) for joint in layout.hand_joints]
        self.elements = {
            "hand_dofs": joint_dofs,
            "hand_joints": list(layout.hand_joints),
            "contact_geoms": list(layout.contact_geoms),
            "hand_geoms": list(layout.hand_geoms),
            "object_geoms": list(layout.object_geoms),
            # Visual geoms too: they grow with the object.
            "object_shapes": [g for g in range(model.ngeom) if int(model.geom_bodyid[g]) in bodies],
            # The mass of a body welded to the world has no effect.
            "links": [body for body in layout.hand_bodies if model.body_weldid[body]],
            "couplings": list(layout.couplings),
            "springs": list(springs),
            "fingers": fingers,
            "tip_sites": _listed(layout.tips, model.nsite),
            "motors": _listed(layout.motors, model.nu),
            "object_bodies": list(layout.object_bodies),
            "object_links": list(layout.object_bodies[1:]),
            "object_joints": [i for i in range(model.njnt) if _is_inner(model, i, bodies)],
            "object_dofs": [
                i for i in range(model.nv) if _is_inner(model, model.dof_jntid[i], bodies)
            ],
        }
        self.indices = {
            name: torch.tensor(ids, dtype=torch.long, device=sim.device)
            for name, ids in self.elements.items()
        }
        self._integers: dict[tuple[str, str], Tensor] = {}
        self.geom_bodies = self.of("geom_bodyid", "hand_geoms")
        """(G,) body of each geom of the hand."""
        self.on_tips = torch.isin(self.geom_bodies, self.of("site_bodyid", "tip_sites"))
        """(G,) whether it belongs to the link of a fingertip."""
        self.on_fingers = torch.isin(self.geom_bodies, self.indices["fingers"])
        """(G,) whether it belongs to a link of a finger, those of the fingertips too."""
        self._fields: dict[str, Tensor] = {}

    def of(self, field: str, elements: str) -> Tensor:
        """(E,) integers of the compiled model for a group of elements, as indices."""
        key = (field, elements)
        if key not in self._integers:
            values = getattr(self.model, field)[self.elements[elements]]
            self._integers[key] = torch.tensor(values, dtype=torch.long, device=self._device)
        return self._integers[key]

    def field(self, name: str) -> Tensor:
        """A copy of the compiled values of a model field."""
        if name not in self._fields:
            source = self.model.opt if name.startswith("opt.") else self.model
            value = np.array(getattr(source, name.removeprefix("opt.")), dtype=np.float64)
            self._fields[name] = torch.from_numpy(value).to(self._device)
        return self._fields[name]


def _fingers(model: mujoco.MjModel, layout: Layout) -> list[int]:
    """The bodies that carry exactly one fingertip: the links of fingers, without the palm."""
    carried = dict.fromkeys(layout.hand_bodies, 0)
    for site in _listed(layout.tips, model.nsite):
        body = int(model.site_bodyid[site])
        while body in carried:
            carried[body] += 1
            body = int(model.body_parentid[body])
    return [body for body, tips in carried.items() if tips == 1]


def _is_inner(model: mujoco.MjModel, joint: int, bodies: set[int]) -> bool:
    free = model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_FREE
    return int(model.jnt_bodyid[joint]) in bodies and not free


def _listed(index: Any, count: int) -> list[int]:
    """Indices of a layout as a list."""
    if isinstance(index, slice):
        return list(range(count))[index]
    return [int(i) for i in index.cpu().tolist()]


@dataclass(frozen=True)
class Writer:
    """Writes the drawn values of one set of worlds (K,) into the simulation."""

    nominal: Nominal
    sim: Sim
    worlds: Tensor
    value: dict[str, Tensor]
    active: frozenset[str]
    rng: Draws

    def factor(self, row: str, count: int) -> Tensor:
        """(K, count): the value of `row`, times exp(N(0, v)) per element if its spread is drawn."""
        one = torch.ones(1, 1, device=self.sim.device)
        mean = self.value[row].unsqueeze(-1) if row in self.value else one
        if f"{row}.spread" not in self.active:
            return mean.expand(len(self.worlds), count)
        return mean * torch.exp(self.draw(f"{row}.spread", (count,), "normal"))

    def draw(self, row: str, shape: tuple[int, ...], kind: Kind) -> Tensor:
        """(K, *shape): N(0, v), |N(0, v)| or U(0, v), v being the value of `row`."""
        size = (len(self.worlds), *shape)
        strength = self.value[row].reshape(-1, *(1 for _ in shape))
        if kind == "uniform":
            return strength * self.uniform(size)
        noise = strength * self.rng.normal(*size, dtype=torch.float64)
        return noise.abs() if kind == "half" else noise

    def uniform(self, size: tuple[int, ...]) -> Tensor:
        """U(0, 1) of the shape `size`, float64."""
        return self.rng.uniform(*size, dtype=torch.float64)

    def base(self, field: str, elements: str) -> Tensor:
        """(E, ...) nominal values of a field for a group of elements."""
        return self.nominal.field(field)[self.nominal.indices[elements]]

    def put_option(self, field: str, value: Tensor) -> None:
        """Write values (K, ...) of an option."""
        own = self.sim.field(field)
        own[self.worlds] = value.to(own)

    def put(self, field: str, elements: str, value: Tensor) -> None:
        """Write values (K, E, ...) for a group of elements."""
        own = self.sim.field(field)
        own[self.worlds[:, None], self.nominal.indices[elements]] = value.to(own)
