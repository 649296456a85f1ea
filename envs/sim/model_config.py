"""What a user may say about the simulated hand and its object. Needs no MuJoCo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from ...config import Extensible, Range, block_name
from ..hands.variants import VariantName

OBJECT = "object"
"""The object's body, its free joint, and its first geom."""


@dataclass(frozen=True)
class ModelConfig(Extensible):
    """Physics of the simulated hand and its object."""

    hand: str = "gymnasium-robotics"
    """Source of the hand's MJCF: gymnasium-robotics and menagerie (downloaded at first use) have a
    Shadow Hand; an installed package may add others."""
    object: str = ""
    """The object; by default the one of the task."""
    timestep_s: Annotated[float, Range(1e-4, 0.02)] = 0.008
    """Physics step."""
    integrator: Literal["euler", "implicitfast", "implicit", "rk4"] = "implicitfast"
    """MuJoCo's integrator."""
    cone: Literal["pyramidal", "elliptic"] = "pyramidal"
    """Friction cone."""
    iterations: Annotated[int, Range(1, 200)] = 6
    """Newton iterations of the constraint solver per step."""
    ls_iterations: Annotated[int, Range(1, 200)] = 10
    """Line-search steps per Newton iteration."""
    tolerance: Annotated[float, Range(0, 1e-2)] = 1e-6
    """The solver stops below this improvement."""
    joint_friction: Annotated[float, Range(0, 0.1)] = 0.0
    """Dry friction of the hand's joints [Nm]; zero saves one constraint row per joint."""
    object_size_m: Annotated[float | None, Range(0.01, 0.3)] = None
    """Size of the object: edge of the block, length of the egg and of the pen; by default the
    object's own, 0.057 for the block."""
    object_mass_kg: Annotated[float | None, Range(0.01, 0.5)] = None
    """Mass of the object; by default its own, 0.078 for the block (Solving Rubik's Cube with a
    Robot Hand, table 7)."""
    variant: VariantName = "none"
    """A change that policies are tested under, such as a glove (variants.py)."""
    visual: bool = False
    """Add meshes, lights, floor and the goal: for pictures, not for training."""

    selector = "hand"

    @classmethod
    def known_blocks(cls) -> Mapping[str, type]:
        """The fields that hands of other packages add."""
        from ..hands.hand_model import HANDS

        hands = HANDS.everything().items()
        return {block_name(name): hand.config for name, hand in hands if hand.config is not None}
