"""The numbers of a full cube's model, and the forms of it that this project uses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

EDGE_M = 0.05715
"""Edge of the cube: three times the pitch of 19.05 mm (Solving Rubik's Cube with a Robot Hand,
4.2, and robogym's rubik_perpendicular.xml, as all numbers here that name no other source)."""
MASS_KG = 0.09


@dataclass(frozen=True)
class CubeNumbers:
    """A cube of 26 cubelets about a core. Lengths are fractions of the cube's edge."""

    cubelet: float = 19.0 / 57.15
    """Edge of a cubelet; the rest of the pitch, 1/3, is the gap between two of them."""
    bevel: float = 1.425 / 57.15
    """Width that the bevel takes from each face of a cubelet."""
    joints: Literal["ball", "hinges"] = "ball"
    """Joint of a corner or an edge at the core: a ball, or three hinges about x, y and z."""
    damping: float = 5e-4
    """Of each joint of a cubelet [Nm s]."""
    dry_friction: float = 5e-4
    """Of each joint of a cubelet [Nm]."""
    armature: float = 1e-4
    """Of each joint of a cubelet [kg m^2]; at a tenth of it pushes pull cubelets out."""
    condim: int = 1
    """Contact dimensions among cubelets; 1: no friction."""
    friction: tuple[float, float, float] = (1e-5, 1e-5, 1e-5)
    """Sliding, spinning and rolling friction among cubelets, where `condim` has them. Contacts with
    the hand have the larger of two coefficients, which must be the hand's."""
    solref: tuple[float, float] = (0.02, 1.0)
    solimp: tuple[float, float, float] = (0.9, 0.95, 0.001)
    """Of the contacts among cubelets; the width in m: MuJoCo's default. Stiffer ones (0.99, 0.999)
    block turns while fingers press on the cube."""


TRAINING = CubeNumbers()
"""For steps of 8 ms: the cheapest form in which no cubelet is lost."""
STIFF = CubeNumbers(solref=(0.005, 1.0), solimp=(0.95, 0.99, 0.0005))
"""The reference for steps of 2 ms, to compare others with."""
HINGES = CubeNumbers(
    joints="hinges",
    condim=6,
    friction=(0.2, 0.0025, 0.0005),
    solref=(0.02, 1.0),
    solimp=(0.9, 0.95, 0.001),
)
"""The form of the original. It jams: hinges lock at right angles of the middle one."""
