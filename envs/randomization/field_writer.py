"""Where values are written, and how they vary over the elements of a hand."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import mujoco
import numpy as np
import torch
from torch import Tensor

from ..sim.model import OBJECT
from ..sim.sim import Sim

Kind = Literal["normal", "half", "uniform"]


class Nominal:
    """The model's own values, from which every world's are made, and which elements are whose."""

    def __init__(self, model: mujoco.MjModel) -> None:
        self.model = model
        self.object_body = model.body(OBJECT).id
        self.object_geom = model.geom(OBJECT).id
        block, solid = self.object_body, range(model.ngeom)
        self.elements = {
            "hand_dofs": [i for i in range(model.nv) if model.dof_bodyid[i] != block],
            "hand_joints": [i for i in range(model.njnt) if model.jnt_bodyid[i] != block],
            "geoms": [i for i in solid if model.geom_contype[i]],
            "hand_geoms": [i for i in solid if i != self.object_geom and model.geom_contype[i]],
            # What is welded to the world cannot show its mass.
            "links": [i for i in range(model.nbody) if model.body_weldid[i] and i != block],
            "couplings": [i for i in range(model.ntendon) if model.tendon_limited[i]],
            "motors": list(range(model.nu)),
            "block": [block],
        }
        self.indices = {name: torch.tensor(ids) for name, ids in self.elements.items()}
        self._fields: dict[str, Tensor] = {}

    def field(self, name: str) -> Tensor:
        """The compiled values of a model field, copied."""
        if name not in self._fields:
            source = self.model.opt if name.startswith("opt.") else self.model
            value = np.array(getattr(source, name.removeprefix("opt.")), dtype=np.float64)
            self._fields[name] = torch.from_numpy(value)
        return self._fields[name]


@dataclass(frozen=True)
class Writer:
    """One set of new worlds (K,), the values that they drew, and where those are written."""

    nominal: Nominal
    sim: Sim
    worlds: Tensor
    value: dict[str, Tensor]
    active: Collection[str]
    rng: torch.Generator

    def factor(self, row: str, count: int) -> Tensor:
        """(K, count): what `row` says, times exp(N(0, v)) per element when its spread is drawn."""
        mean = self.value[row].unsqueeze(-1) if row in self.value else torch.ones(1, 1)
        if f"{row}.spread" not in self.active:
            return mean.expand(len(self.worlds), count)
        return mean * torch.exp(self.draw(f"{row}.spread", (count,), "normal"))

    def draw(self, row: str, shape: tuple[int, ...], kind: Kind) -> Tensor:
        """(K, *shape): N(0, v), |N(0, v)| or U(0, v), v being the value of `row`."""
        size = (len(self.worlds), *shape)
        strength = self.value[row].reshape(-1, *(1 for _ in shape))
        if kind == "uniform":
            return strength * torch.rand(size, generator=self.rng, dtype=torch.float64)
        noise = strength * torch.randn(size, generator=self.rng, dtype=torch.float64)
        return noise.abs() if kind == "half" else noise

    def base(self, field: str, elements: str) -> Tensor:
        """(E, ...) nominal values."""
        return self.nominal.field(field)[self.nominal.indices[elements]]

    def put(self, field: str, elements: str, value: Tensor) -> None:
        """Write (K, E, ...)."""
        self.sim.field(field)[self.worlds[:, None], self.nominal.indices[elements]] = value
