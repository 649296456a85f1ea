"""Config of the simulated hand and its object. Needs no MuJoCo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from ...config import Extensible, Range, block_name
from ..hands.variants import VariantName

OBJECT = "object"
"""Name of the object's body, of its free joint, and of its first geom."""


@dataclass(frozen=True)
class ModelConfig(Extensible):
    """Physics of the simulated hand and its object."""

    hand: str = "gymnasium-robotics"
    """The hand: gymnasium-robotics or menagerie (downloaded at first use), both a Shadow Hand, or a
    hand that an installed package adds."""
    object: str = ""
    """Object in the hand; empty: the object of the task."""
    timestep_s: Annotated[float, Range(1e-4, 0.02)] = 0.008
    """Physics time step [s]."""
    integrator: Literal["euler", "implicitfast", "implicit", "rk4"] = "implicitfast"
    """MuJoCo's integrator."""
    cone: Literal["pyramidal", "elliptic"] = "pyramidal"
    """MuJoCo's model of the friction cone."""
    iterations: Annotated[int, Range(1, 200)] = 6
    """Largest number of Newton iterations of the constraint solver per step."""
    ls_iterations: Annotated[int, Range(1, 200)] = 10
    """Largest number of line-search iterations per Newton iteration."""
    tolerance: Annotated[float, Range(0, 1e-2)] = 1e-6
    """The constraint solver stops when its improvement falls below this value."""
    joint_friction: Annotated[float, Range(0, 0.1)] = 0.0
    """Dry friction of the hand's joints [Nm]; a value above 0 adds one constraint per joint."""
    object_size_m: Annotated[float | None, Range(0.01, 0.3)] = None
    """Size of the object [m]: edge of the block, length of the egg or the pen. Default: the
    object's own size, 0.057 for the block."""
    object_mass_kg: Annotated[float | None, Range(0.01, 0.5)] = None
    """Mass of the object [kg]. Default: the object's own mass, 0.078 for the block (Solving Rubik's
    Cube with a Robot Hand, table 7)."""
    variant: VariantName = "none"
    """A change of the hand for robustness tests, such as a glove or pushes on the object."""
    visual: bool = False
    """Add meshes, lights, a floor and the goal to the model, for rendering."""

    selector = "hand"

    @classmethod
    def known_blocks(cls) -> Mapping[str, type]:
        """The fields that hands of other packages add."""
        from ..hands.hand_model import HANDS

        hands = HANDS.everything().items()
        return {block_name(name): hand.config for name, hand in hands if hand.config is not None}
