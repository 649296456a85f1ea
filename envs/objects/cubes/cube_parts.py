"""The coordinates of a full cube's inner joints <-> the rotations of its cubelets.

In the model's order, that of PLACES: one angle for each centre, a quaternion for the others, 86
numbers. Only for cubes with ball joints.
"""

from __future__ import annotations

import numpy as np

from ...cube.cube_geometry import AXES, CENTRES, FACES, NAMES, Floats
from ...cube.cube_state import CubeState
from ...cube.cubelets import joint_angles_of, place_cubelets, quaternions_of

_WIDTHS = np.where(np.char.str_len(NAMES) == 1, 1, 4)
_ENDS = np.cumsum(_WIDTHS)
SIZE = int(_ENDS[-1])
_BALLS = np.flatnonzero(_WIDTHS == 4)
_BALL_CELLS = _ENDS[_BALLS][:, None] - 4 + np.arange(4)
_CENTRE_CELLS = _ENDS[CENTRES] - 1


def parts_of(state: CubeState, partway_rad: Floats | None = None) -> Floats:
    """Coordinates (86,) of a state; partway_rad (6,): see `place_cubelets`."""
    parts = np.empty(SIZE)
    parts[_BALL_CELLS] = quaternions_of(place_cubelets(state, partway_rad)[0])[_BALLS]
    parts[_CENTRE_CELLS] = joint_angles_of(state, partway_rad)
    return parts


def cubelet_rotations(parts: Floats) -> Floats:
    """Quaternions of the 26 cubelets relative to the core (..., 26, 4) of coordinates (..., 86)."""
    wxyz = np.zeros((*parts.shape[:-1], len(NAMES), 4))
    wxyz[..., _BALLS, :] = parts[..., _BALL_CELLS]
    half = 0.5 * parts[..., _CENTRE_CELLS]
    wxyz[..., CENTRES, 0] = np.cos(half)
    for face in range(len(FACES)):
        wxyz[..., CENTRES[face], 1 + AXES[face]] = np.sin(half[..., face])
    return wxyz
