"""Writes the values of the table to the physics: model fields per world, from nominal values.

A row that is not used is not written, so its field stays shared between worlds and costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import mujoco
import torch
from torch import Tensor

from ...errors import ConfigError
from ..sim.draws import Draws
from ..sim.model import Extras
from ..sim.sim import Sim
from .writes import joint_writes, object_writes
from .writes.field_writer import Kind, Nominal, Writer
from .writes.hand_shape import SHAPE_ROWS, shape

CONSTANTS = {
    "body_mass", "body_inertia", "body_ipos", "body_pos", "site_pos", "dof_armature",
    "tendon_stiffness", "actuator_damping",
}  # fmt: skip
"""Fields from which MuJoCo derives constants; these are recomputed after a write."""
SOLIMP = (0.5, 0.99)
"""Bounds of dmin and dmax [RG]."""

_PYRAMIDAL, _ELLIPTIC = (
    int(getattr(mujoco.mjtCone, f"mjCONE_{name}")) for name in ("PYRAMIDAL", "ELLIPTIC")
)
Write = Callable[[Writer], None]

_SCALED = (
    ("dof_damping", "hand_dofs", "hand.damping"),
    ("dof_armature", "hand_dofs", "hand.armature"),
    ("dof_damping", "object_dofs", "object.joint.damping"),
    ("dof_armature", "object_dofs", "object.joint.armature"),
    ("dof_frictionloss", "object_dofs", "object.joint.friction"),
)
"""Field, elements, row: the value is the nominal one times the row's factor."""
_ADDED: tuple[tuple[str, str, str, Kind], ...] = (
    ("dof_frictionloss", "hand_dofs", "hand.friction_loss", "half"),
    ("jnt_stiffness", "hand_joints", "hand.stiffness", "half"),
    ("jnt_margin", "hand_joints", "hand.joint_margin", "uniform"),
    ("tendon_stiffness", "couplings", "tendon.stiffness", "half"),
    ("tendon_lengthspring", "couplings", "tendon.spring_length", "normal"),
)
"""Field, elements, row, kind: the value is the nominal one plus noise of the row's strength."""


def _scaled(field: str, elements: str, row: str) -> Write:
    def write(w: Writer) -> None:
        base = w.base(field, elements)
        factor = w.factor(row, len(base))
        w.put(field, elements, base * factor.reshape(*factor.shape, *(1 for _ in base.shape[1:])))

    return write


def _added(field: str, elements: str, row: str, kind: Kind) -> Write:
    def write(w: Writer) -> None:
        base = w.base(field, elements)
        # A spring's dead band keeps its width, so both of its ends move together.
        shape = (len(base), 1) if field == "tendon_lengthspring" else tuple(base.shape)
        w.put(field, elements, base + w.draw(row, shape, kind))

    return write


def _link_mass(w: Writer) -> None:
    mass, inertia = w.base("body_mass", "links"), w.base("body_inertia", "links")
    factor = w.factor("hand.mass", len(mass))
    w.put("body_mass", "links", mass * factor)
    more = factor * w.value["hand.inertia"].unsqueeze(-1)
    w.put("body_inertia", "links", inertia * more.unsqueeze(-1))


def _friction(w: Writer) -> None:
    # The hand's geoms get the product of both: see `object_writes.friction`.
    base, value = w.base("geom_friction", "hand_geoms"), w.value
    slide = value["object.friction"] * value["hand.friction"]
    kinds = [
        slide * value[f"object.friction.{kind}"] * value[f"hand.friction.{kind}"]
        for kind in ("spinning", "rolling")
    ]
    each = w.factor("hand.friction", len(base)) / value["hand.friction"].unsqueeze(-1)
    tips = value["hand.friction.tips"].unsqueeze(-1)
    each = torch.where(w.nominal.on_tips, each * tips, each)
    product = torch.stack((slide, *kinds), dim=-1).unsqueeze(1)
    w.put("geom_friction", "hand_geoms", base * product * each.unsqueeze(-1))
    object_writes.friction(w)


def _contact(w: Writer) -> None:
    """Scale solref, and of solimp 1 - dmax, dmax - dmin and the width, as [RG] does."""
    solref, solimp = w.base("geom_solref", "contact_geoms"), w.base("geom_solimp", "contact_geoms")
    rows = ("timeconst", "dampratio", "compliance", "delta", "width")
    factor = torch.stack([w.value[f"contact.{row}"] for row in rows], dim=-1).unsqueeze(1)
    if "contact.spread" in w.active:
        shape = (len(solref), len(rows))
        factor = factor * torch.exp(w.draw("contact.spread", shape, "normal"))
    dmax = (1.0 - (1.0 - solimp[:, 1]) * factor[..., 2]).clamp(*SOLIMP)
    dmin = (dmax - (solimp[:, 1] - solimp[:, 0]) * factor[..., 3]).clamp(*SOLIMP)
    width = solimp[:, 2] * factor[..., 4]
    rest = solimp[:, 3:].expand(*width.shape, 2)
    w.put("geom_solref", "contact_geoms", (solref * factor[..., :2]).expand(*width.shape, 2))
    changed = torch.stack((dmin, dmax, width), dim=-1)
    w.put("geom_solimp", "contact_geoms", torch.cat((changed, rest), dim=-1))


def _cone(w: Writer) -> None:
    """Choose the elliptic cone, or the pyramid inside it, which slips earlier."""
    draw = w.uniform((len(w.worlds),))
    elliptic = (draw < w.value["contact.elliptic"]) | (w.sim.model.opt.cone == _ELLIPTIC)
    w.put_option("opt.cone", torch.where(elliptic, _ELLIPTIC, _PYRAMIDAL))
    # MuJoCo advises against impratio with pyramids, which couple friction and normal force.
    ratio = w.sim.model.opt.impratio * w.value["contact.impratio"]
    w.put_option("opt.impratio", torch.where(elliptic, ratio, w.sim.model.opt.impratio))


def _margin(w: Writer) -> None:
    """Forces begin at the margin minus the gap, as in the MuJoCo version of [R].

    Newer versions start forces at the margin whatever the gap. Both are summed over two geoms.
    """
    margin, gap = w.base("geom_margin", "contact_geoms"), w.base("geom_gap", "contact_geoms")
    count = (len(margin),)
    deeper = w.draw("contact.gap", count, "uniform")
    w.put("geom_margin", "contact_geoms", margin + w.draw("contact.margin", count, "half") - deeper)
    w.put("geom_gap", "contact_geoms", gap + deeper)


def _gravity(w: Writer) -> None:
    gravity = w.nominal.field("opt.gravity").repeat(len(w.worlds), 1)
    gravity[:, 2] = w.value["gravity"]
    if "gravity.noise" in w.active:
        gravity += w.draw("gravity.noise", (3,), "normal")
    w.put_option("opt.gravity", gravity)


def _timestep(w: Writer) -> None:
    w.put_option("opt.timestep", w.nominal.field("opt.timestep") * w.value["timestep"])


def _latency(w: Writer) -> None:
    late_s = w.value["action.latency"] / 1000.0
    noise = w.rng.normal(len(late_s), dtype=torch.float64)
    late_s = late_s * (1.0 + 0.1 * noise.clamp(-3.0, 3.0))
    w.put(
        "actuator_delay",
        "motors",
        late_s.unsqueeze(-1).expand(-1, len(w.nominal.elements["motors"])),
    )


_CONTACT_ROWS = tuple(
    f"contact.{row}" for row in ("timeconst", "dampratio", "compliance", "delta", "width", "spread")
)
_FRICTION_ROWS = (
    *(f"object.friction{kind}" for kind in ("", ".spinning", ".rolling")),
    *(f"hand.friction{kind}" for kind in ("", ".spinning", ".rolling", ".tips", ".spread")),
    "object.parts.friction",
)
WRITES: tuple[tuple[tuple[str, ...], Write], ...] = (
    (("object.size", "object.gap"), object_writes.size),
    (("object.size", "object.gap", "object.com"), object_writes.centre_of_mass),
    (("object.mass", "object.size", "object.inertia"), object_writes.mass),
    (("hand.mass", "hand.mass.spread", "hand.inertia"), _link_mass),
    (_FRICTION_ROWS, _friction),
    (SHAPE_ROWS, shape),
    (("hand.limits",), joint_writes.limits),
    (("tendon.range",), joint_writes.tendon_range),
    (("tendon.neighbours",), joint_writes.neighbours),
    (joint_writes.STRENGTH_ROWS, joint_writes.strength),
    (("hand.back_emf",), joint_writes.back_emf),
    (("hand.lag", "hand.lag.spread", "hand.slow"), joint_writes.lag),
    (_CONTACT_ROWS, _contact),
    (("contact.elliptic", "contact.impratio"), _cone),
    (("contact.margin", "contact.gap"), _margin),
    (("gravity", "gravity.noise"), _gravity),
    (("timestep", "timestep.jitter"), _timestep),
    (("action.latency",), _latency),
    *(((row, f"{row}.spread"), _scaled(field, at, row)) for field, at, row in _SCALED),
    *(((row,), _added(field, at, row, kind)) for field, at, row, kind in _ADDED),
)
"""Parameters and the function that writes them to the model; the others act in the environment."""


def extras(names: Collection[str]) -> Extras:
    """Features that the model needs for these parameters to take effect."""
    return Extras(
        off_centre="object.com" in names,
        rolling=any(name.endswith("friction.rolling") for name in names),
        late_motors="action.latency" in names,
        lagging_motors="hand.lag" in names or "hand.slow" in names,
        moving_geoms=any(name in SHAPE_ROWS and name != "hand.link_position" for name in names),
        sizes="object.size" in names,
        neighbour_springs="tendon.neighbours" in names,
    )


def check_cone(sim: Sim, drawn: Collection[str], nominal: Mapping[str, float]) -> None:
    """Raise ConfigError if friction's cone would differ between worlds that share it."""
    row = "contact.elliptic"
    if "opt.cone" in sim.cannot_vary and (row in drawn or nominal.get(row, 0.0) not in (0.0, 1.0)):
        got = f"env.nominal {nominal[row]:g}" if row in nominal else "a range"
        raise ConfigError(
            f"env.randomization: {row}: got {got} for a backend whose worlds share one cone,"
            " allowed: env.nominal 0 or 1, or env.backend mujoco"
        )


class Randomizer:
    """Writes the drawn values of the active parameters; other model fields stay shared."""

    def __init__(self, sim: Sim, active: Collection[str], rng: Draws) -> None:
        self.sim, self.rng = sim, rng
        self.active = frozenset(active)
        self.nominal = Nominal(sim)
        self._writes = [write for names, write in WRITES if self.active & set(names)]

    def apply(self, worlds: Tensor, values: dict[str, Tensor]) -> None:
        """Write `values`, parameter -> (K,), into `worlds` (K,)."""
        if not self._writes:
            return
        writer = Writer(self.nominal, self.sim, worlds, values, self.active, self.rng)
        for write in self._writes:
            write(writer)
        if CONSTANTS & set(self.sim.fields()):
            self.sim.refresh_constants(worlds)
