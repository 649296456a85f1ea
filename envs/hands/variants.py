"""Named changes of the hand that no policy is trained on: how robust is it?

After Solving Rubik's Cube with a Robot Hand, section 6.5, where a rubber glove is put on the robot,
two of its fingers are tied together, it works under a blanket, and it is poked. The numbers are
this project's own: that work gives none. Data alone, without MuJoCo or torch: `sleight eval
--variant` builds the training hand with one, `sleight rig sim --plant.variant` the rig's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

VariantName = Literal["none", "glove", "tied", "push", "cover"]


@dataclass(frozen=True)
class Push:
    """Short horizontal forces on the object, each from another side."""

    force_n: float
    every_s: float
    for_s: float


@dataclass(frozen=True)
class Variant:
    """What differs from the hand as it was trained."""

    what: str
    stiffness: float = 0.0
    """Springs that pull every finger joint straight [Nm/rad]."""
    damping: float = 1.0
    """Factor on the damping of the joints."""
    friction: float = 1.0
    """Factor on the sliding friction of the hand."""
    softness: float = 1.0
    """Factor on the time constant of the hand's contacts."""
    tied: bool = False
    """Two neighbouring fingers move as one."""
    push: Push | None = None


VARIANTS: dict[str, Variant] = {
    "none": Variant("as it is"),
    "glove": Variant("a stiff rubber glove", stiffness=0.05, damping=2.0, friction=1.3),
    "tied": Variant("first and middle finger tied together", tied=True),
    "push": Variant("pushes of about the block's weight", push=Push(0.8, every_s=4.0, for_s=0.24)),
    "cover": Variant("a soft, smooth cover over the hand", friction=0.7, softness=4.0),
}
GOLDEN_ANGLE_RAD = math.pi * (3.0 - math.sqrt(5.0))
"""From one push's direction to the next: no two are ever the same."""


def push_force(push: Push, seconds: Any, xp: Any = np) -> Any:
    """The force (..., 3) N in frame palm, `seconds` (...) after the object was laid into the hand.

    The first push comes after one whole wait. xp: numpy, or torch for tensors of float64.
    """
    seconds = xp.asarray(seconds, dtype=xp.float64)
    count = xp.floor(seconds / push.every_s)
    on = (count >= 1.0) & (seconds - count * push.every_s < push.for_s)
    angle = GOLDEN_ANGLE_RAD * count
    direction = xp.stack([xp.cos(angle), xp.sin(angle), xp.zeros_like(angle)], -1)
    return push.force_n * on[..., None] * direction
