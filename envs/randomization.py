"""The one table of what may differ between worlds: name, law, unit, limits, and what it writes.

A parameter has a dimensionless coordinate, lambda, which is what automatic domain randomization
moves (Solving Rubik's Cube with a Robot Hand, section 5 and appendix B); a law takes it to a value
in the parameter's unit. Values are always applied to the nominal model, never to the present one,
so nothing drifts over resets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import mujoco
import numpy as np
import torch
from torch import Tensor

from ..errors import ConfigError, nearest
from .model import OBJECT
from .sim import Sim

Write = Callable[["Nominal", Sim, Tensor, dict[str, Tensor]], None]


@dataclass(frozen=True)
class Parameter:
    """One row. `scale`: x0 exp(w l); `offset`: x0 + w l; `spread`: w (exp(l) - 1), l >= 0.

    The paper prints exp(x - 1) for the last one; its authors' code and a nominal of no noise at
    lambda = 0 both say exp(x) - 1.
    """

    name: str
    law: Literal["scale", "offset", "spread"]
    weight: float
    nominal: float
    limits: tuple[float, float]
    unit: str
    what: str
    one_sided: bool = False
    """Only the high end widens; the low end stays nominal."""
    curriculum: bool = False
    """A measure of the task's difficulty, not of the world: apart from the entropy."""

    def value(self, coordinate: np.ndarray) -> np.ndarray:
        """lambda -> value in `unit`."""
        if self.law == "scale":
            value = self.nominal * np.exp(self.weight * coordinate)
        elif self.law == "offset":
            value = self.nominal + self.weight * coordinate
        else:
            value = self.weight * np.expm1(coordinate)
        return np.clip(value, *self.limits)

    def coordinate(self, value: float) -> float:
        """Value in `unit` -> lambda. Raises ConfigError outside the limits."""
        if not self.limits[0] <= value <= self.limits[1]:
            low, high = self.limits
            raise ConfigError(
                f"{self.name}: got {value:g}, allowed: [{low:g}, {high:g}] {self.unit}"
            )
        if self.law == "scale":
            return float(np.log(value / self.nominal) / self.weight)
        if self.law == "offset":
            return (value - self.nominal) / self.weight
        return float(np.log1p(value / self.weight))


PARAMETERS: tuple[Parameter, ...] = (
    Parameter("object.size", "scale", 0.15, 1.0, (0.75, 1.3), "x", "edge of the block"),
    Parameter("object.mass", "scale", 0.5, 1.0, (0.2, 4.0), "x", "mass of the block"),
    Parameter("object.friction", "scale", 0.5, 1.0, (0.2, 3.0), "x", "friction of the block"),
    Parameter("hand.friction", "scale", 0.5, 1.0, (0.2, 3.0), "x", "friction of the hand"),
    Parameter("hand.damping", "scale", 0.5, 1.0, (0.2, 5.0), "x", "damping of the joints"),
    Parameter("hand.gain", "scale", 0.5, 1.0, (0.4, 2.5), "x", "stiffness of the motors"),
    Parameter("gravity", "offset", 1.0, -9.81, (-14.0, -6.0), "m/s2", "vertical gravity"),
    Parameter(
        "observation.noise", "spread", 1.0, 0.0, (0.0, 5.0), "x the 2018 noise",
        "noise of pose and joints, per episode and per step", one_sided=True,
    ),
    Parameter(
        "action.delay", "spread", 0.5, 0.0, (0.0, 2.0), "steps",
        "mean delay of each motor, drawn per episode", one_sided=True,
    ),
    Parameter(
        "goal.angle", "offset", 1.0, 0.5, (0.5, float(np.pi)), "rad",
        "largest rotation to a new goal", one_sided=True, curriculum=True,
    ),
)  # fmt: skip
NAMES = tuple(parameter.name for parameter in PARAMETERS)
BY_NAME = {parameter.name: parameter for parameter in PARAMETERS}


def lookup(name: str, source: str) -> Parameter:
    """The row called `name`; raises ConfigError that names the nearest."""
    if name not in BY_NAME:
        raise ConfigError(f"{source}: got unknown parameter '{name}', {nearest(name, NAMES)}")
    return BY_NAME[name]


class Nominal:
    """The model's own values, from which every world's are made."""

    def __init__(self, model: mujoco.MjModel) -> None:
        self.object_body = model.body(OBJECT).id
        self.object_geom = model.geom(OBJECT).id
        dofs = [i for i in range(model.nv) if model.dof_bodyid[i] != self.object_body]
        geoms = [i for i in range(model.ngeom) if i != self.object_geom and model.geom_contype[i]]
        self.hand_dofs, self.hand_geoms = torch.tensor(dofs), torch.tensor(geoms)
        self.inertia = torch.from_numpy(model.body_inertia[self.object_body].copy())
        self.fields = {
            name: torch.from_numpy(np.array(getattr(model, name)))
            for name in ("geom_size", "geom_rbound", "geom_aabb", "body_mass", "geom_friction",
                         "dof_damping", "actuator_gainprm", "actuator_biasprm")
        }  # fmt: skip


def _size(nominal: Nominal, sim: Sim, worlds: Tensor, value: dict[str, Tensor]) -> None:
    geom, size = nominal.object_geom, value["object.size"]
    base = nominal.fields
    sim.field("geom_size")[worlds, geom] = base["geom_size"][geom] * size[:, None]
    sim.field("geom_rbound")[worlds, geom] = base["geom_rbound"][geom] * size
    sim.field("geom_aabb")[worlds, geom] = base["geom_aabb"][geom] * size[:, None]


def _mass(nominal: Nominal, sim: Sim, worlds: Tensor, value: dict[str, Tensor]) -> None:
    body, mass = nominal.object_body, value["object.mass"]
    sim.field("body_mass")[worlds, body] = nominal.fields["body_mass"][body] * mass
    inertia = mass * value["object.size"] ** 2
    sim.field("body_inertia")[worlds, body] = nominal.inertia * inertia[:, None]
    sim.refresh_constants(worlds)


def _friction(nominal: Nominal, sim: Sim, worlds: Tensor, value: dict[str, Tensor]) -> None:
    # MuJoCo takes the larger coefficient of two geoms, which would leave the smaller of two dead
    # knobs. So the hand's geoms carry the product, and the block's own coefficient is never larger.
    both = (value["object.friction"] * value["hand.friction"])[:, None, None]
    geoms = nominal.hand_geoms
    field = sim.field("geom_friction")
    field[worlds[:, None], geoms] = nominal.fields["geom_friction"][geoms] * both
    field[worlds, nominal.object_geom] = 1e-5


def _damping(nominal: Nominal, sim: Sim, worlds: Tensor, value: dict[str, Tensor]) -> None:
    dofs = nominal.hand_dofs
    damping = nominal.fields["dof_damping"][dofs] * value["hand.damping"][:, None]
    sim.field("dof_damping")[worlds[:, None], dofs] = damping


def _gain(nominal: Nominal, sim: Sim, worlds: Tensor, value: dict[str, Tensor]) -> None:
    gain = value["hand.gain"][:, None]
    base = nominal.fields
    sim.field("actuator_gainprm")[worlds, :, 0] = base["actuator_gainprm"][:, 0] * gain
    sim.field("actuator_biasprm")[worlds, :, 1] = base["actuator_biasprm"][:, 1] * gain


def _gravity(nominal: Nominal, sim: Sim, worlds: Tensor, value: dict[str, Tensor]) -> None:
    sim.field("opt.gravity")[worlds, 2] = value["gravity"]


WRITES: tuple[tuple[tuple[str, ...], Write], ...] = (
    (("object.size",), _size),
    (("object.mass", "object.size"), _mass),
    (("object.friction", "hand.friction"), _friction),
    (("hand.damping",), _damping),
    (("hand.gain",), _gain),
    (("gravity",), _gravity),
)
"""Which parameters reach the model, and how; the others act in the environment itself."""


class Randomizer:
    """Writes the drawn values of the parameters that vary; the rest of the model stays shared."""

    def __init__(self, sim: Sim, active: set[str]) -> None:
        self.sim = sim
        self.nominal = Nominal(sim.model)
        self._writes = [write for names, write in WRITES if active & set(names)]

    def apply(self, worlds: Tensor, values: dict[str, Tensor]) -> None:
        """Write `values` (K,) per parameter into `worlds` (K,)."""
        for write in self._writes:
            write(self.nominal, self.sim, worlds, values)
