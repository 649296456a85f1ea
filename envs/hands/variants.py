"""Variants: named changes of the hand for robustness tests; no policy is trained on them.

They follow Solving Rubik's Cube with a Robot Hand, section 6.5: the robot wears a rubber glove, two
of its fingers are tied together, it is covered by a blanket, or it is poked. That work gives no
numbers; the numbers here are this project's own. The module holds only data, without MuJoCo or
torch: `sleight eval --variant` uses it for the training hand, `sleight rig sim --plant.variant` for
the simulated rig.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

VariantName = Literal["none", "glove", "tied", "push", "cover"]


@dataclass(frozen=True)
class Push:
    """Short horizontal forces on the object, each from a different side."""

    force_n: float
    every_s: float
    for_s: float


@dataclass(frozen=True)
class Variant:
    """Differences from the hand of the training."""

    what: str
    stiffness: float = 0.0
    """Stiffness of springs that straighten every finger joint [Nm/rad]."""
    damping: float = 1.0
    """Factor on the damping of the joints."""
    friction: float = 1.0
    """Factor on the sliding friction of the hand."""
    softness: float = 1.0
    """Factor on the time constant of the hand's contacts."""
    tied: bool = False
    """Two neighbouring fingers move together."""
    push: Push | None = None


VARIANTS: dict[str, Variant] = {
    "none": Variant("as it is"),
    "glove": Variant("a stiff rubber glove", stiffness=0.05, damping=2.0, friction=1.3),
    "tied": Variant("first and middle finger tied together", tied=True),
    "push": Variant("pushes of about the block's weight", push=Push(0.8, every_s=4.0, for_s=0.24)),
    "cover": Variant("a soft, smooth cover over the hand", friction=0.7, softness=4.0),
}
GOLDEN_ANGLE_RAD = math.pi * (3.0 - math.sqrt(5.0))
"""Angle between the directions of successive pushes, so that no two directions are equal."""


def push_force(push: Push, seconds: Any, xp: Any = np) -> Any:
    """The force (..., 3) [N], frame palm, `seconds` (...) after the object was put in the hand.

    The first push starts after `every_s`. xp: numpy, or torch for float64 tensors.
    """
    seconds = xp.asarray(seconds, dtype=xp.float64)
    count = xp.floor(seconds / push.every_s)
    on = (count >= 1.0) & (seconds - count * push.every_s < push.for_s)
    angle = GOLDEN_ANGLE_RAD * count
    direction = xp.stack([xp.cos(angle), xp.sin(angle), xp.zeros_like(angle)], -1)
    return push.force_n * on[..., None] * direction
