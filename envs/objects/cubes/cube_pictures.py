"""What pictures of a full cube show: its keypoints, and cubes that are drawn for renders."""

from __future__ import annotations

import numpy as np

from ....contract.keypoint_model import KeypointHinge, Point
from ...cube.cube_geometry import AXES, FACES, NORMALS, Floats
from ...cube.cube_state import random_turns
from ...cube.cubelets import joint_angles_of
from ...cube.notation import FaceTurn, apply_turns
from .cube_parts import parts_of
from .stickers import cut_corner

TURNS = 60
"""Most quarter turns of a drawn cube: about as mixed as any."""
_MIXED = 0.5
"""Share of cubes after so many turns; the others are nearer to solved, evenly in the logarithm. On
these one colour tells a face, from which a network learns to look at the centres."""
_TURNING, _LOOSE_RAD = 0.6, np.radians(2.0)
"""Share of cubes with a layer anywhere in a turn, and what the others are away from straight."""


def _face_points() -> tuple[tuple[Point, ...], tuple[KeypointHinge, ...]]:
    centres, hinges = [], []
    for normal, axis in zip(NORMALS, AXES, strict=True):
        middle = 0.5 * normal
        across = [0.5 * np.eye(3)[other] for other in range(3) if other != axis]
        corners = [middle + i * across[0] + j * across[1] for i in (-1, 1) for j in (-1, 1)]
        centres.append(_point(middle))
        mark = _point(cut_corner(normal))
        hinges.append(KeypointHinge(_point(np.abs(normal)), tuple(map(_point, corners)), mark))
    return tuple(centres), tuple(hinges)


def _point(values: Floats) -> Point:
    x, y, z = map(float, values)
    return (x, y, z)


KEYPOINTS, LAYERS = _face_points()
"""The six centres, and for each face the four corners of its layer, which turn with it, and the cut
corner of its centre's sticker; as fractions of the edge."""


def drawn_cube(rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Coordinates of the inner joints (86,) and face angles (6,) of a cube after random turns.

    The layers of one axis are partway through a turn, or a little away from straight.
    """
    count = TURNS if rng.random() < _MIXED else int(TURNS ** rng.random()) - 1
    state = apply_turns(FaceTurn(*turn) for turn in random_turns(rng, count))
    partway, axis = np.zeros(len(FACES)), rng.integers(3)
    layers = np.flatnonzero(axis == AXES)
    partway[layers] = _LOOSE_RAD * rng.standard_normal(len(layers))
    if rng.random() < _TURNING:
        partway[rng.choice(layers)] = rng.uniform(-0.25, 0.25) * np.pi
    return parts_of(state, partway), joint_angles_of(state, partway)
