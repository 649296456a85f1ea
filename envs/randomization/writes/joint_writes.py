"""Writes the rows of joints, tendons and motors to the model."""

from __future__ import annotations

import torch
from torch import Tensor

from ...sim.layout import cells
from .field_writer import Writer

MIN_WIDTH = 0.01
"""Smallest range of a joint or a coupling, as a fraction of the nominal width."""
_GAIN, _FORCE = ("hand.gain", "hand.gain.spread"), ("hand.force", "hand.force.spread")
STRENGTH_ROWS = (*_GAIN, *_FORCE, "hand.weak")


def limits(w: Writer) -> None:
    """Move both ends of the joints' ranges."""
    base = w.base("jnt_range", "hand_joints")
    _put_ranges(w, "jnt_range", "hand_joints", w.draw("hand.limits", tuple(base.shape), "normal"))


def tendon_range(w: Writer) -> None:
    """Move both ends of the couplings' slack."""
    base = w.base("tendon_range", "couplings")
    widths = (base[:, 1] - base[:, 0]).unsqueeze(-1)
    noise = w.draw("tendon.range", tuple(base.shape), "normal")
    _put_ranges(w, "tendon_range", "couplings", widths * noise)


def _put_ranges(w: Writer, field: str, elements: str, noise: Tensor) -> None:
    """Move both ends; an end at zero does not change its side, and low stays below high [RG]."""
    base = w.base(field, elements)
    low, high = (base + noise).unbind(-1)
    low = torch.where((base[:, 0] == 0) & (base[:, 1] > 0), low.clamp_min(0.0), low)
    high = torch.where((base[:, 1] == 0) & (base[:, 0] < 0), high.clamp_max(0.0), high)
    width = MIN_WIDTH * (base[:, 1] - base[:, 0])
    w.put(field, elements, torch.stack((low, torch.maximum(high, low + width)), dim=-1))


def neighbours(w: Writer) -> None:
    """Give the springs of two neighbouring fingers, drawn at random, a stiffness each."""
    group = w.nominal.spring_groups
    chosen = (w.uniform((len(w.worlds), 1)) * (group.max() + 1)).floor()
    stiffness = w.draw("tendon.neighbours", (len(group),), "half")
    w.put("tendon_stiffness", "springs", stiffness * (group == chosen))


def strength(w: Writer) -> None:
    """Scale stiffness and force range of the motors; `hand.weak` scales both of one motor."""
    weak = 1.0 - _one_motor(w, "hand.weak") if "hand.weak" in w.active else None
    if weak is not None or w.active & set(_GAIN):
        _gain(w, weak)
    if weak is not None or w.active & set(_FORCE):
        base = w.base("actuator_forcerange", "motors")
        factor = _weakened(w.factor("hand.force", len(base)), weak)
        w.put("actuator_forcerange", "motors", base * factor.unsqueeze(-1))


def _gain(w: Writer, weak: Tensor | None) -> None:
    gain, bias = w.base("actuator_gainprm", "motors"), w.base("actuator_biasprm", "motors")
    factor = _weakened(w.factor("hand.gain", len(gain)), weak)
    motors = cells(w.worlds, w.sim.layout.motors)
    for field, base, column in (("actuator_gainprm", gain, 0), ("actuator_biasprm", bias, 1)):
        own = w.sim.field(field)
        own[(*motors, column)] = (base[:, column] * factor).to(own)


def _weakened(factor: Tensor, weak: Tensor | None) -> Tensor:
    return factor if weak is None else factor * weak


def _one_motor(w: Writer, row: str) -> Tensor:
    """(K, A): U(0, v) for one motor of each world, drawn at random, and zero for the others."""
    count = len(w.nominal.elements["motors"])
    size = (len(w.worlds), 1)
    chosen = (w.uniform(size) * count).floor()
    strength = w.value[row].unsqueeze(-1) * w.uniform(size)
    return strength * (torch.arange(count, device=w.sim.device) == chosen)


def back_emf(w: Writer) -> None:
    """Brake each motor by a share of its nominal force range per rad/s.

    The force of a DC motor whose voltage is limited falls linearly with its speed. MuJoCo adds the
    damping of an actuator after the clamp to its force range, and integrates it implicitly.
    """
    strongest = w.base("actuator_forcerange", "motors")[:, 1]
    w.put("actuator_damping", "motors", w.value["hand.back_emf"].unsqueeze(-1) * strongest)


def lag(w: Writer) -> None:
    """Set the motors' time constants; `hand.slow` adds to that of one motor."""
    lag_ms = w.factor("hand.lag", len(w.nominal.elements["motors"]))
    if "hand.slow" in w.active:
        lag_ms = lag_ms + _one_motor(w, "hand.slow")
    own, motors = w.sim.field("actuator_dynprm"), cells(w.worlds, w.sim.layout.motors)
    own[(*motors, 0)] = (lag_ms / 1000.0).to(own)
