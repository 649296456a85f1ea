"""Faces, places and the 24 rotations of a cube, as constant tables."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Place = tuple[int, int, int]
"""Where a cubelet is in the solved cube: -1, 0 or 1 along x, y and z."""

FACES = "URFDLB"
"""The order of faces in every array: opposite faces are three apart."""
NORMALS: Ints = np.array(
    [(0, 0, 1), (1, 0, 0), (0, -1, 0), (0, 0, -1), (-1, 0, 0), (0, 1, 0)], dtype=np.int64
)
"""Outward normals, (6, 3)."""
AXES: Ints = np.abs(NORMALS).argmax(axis=1)
"""Face -> 0, 1 or 2 for x, y or z."""
SIDES: Ints = NORMALS.sum(axis=1)
"""Face -> +1 or -1: the side of the core on its axis."""

PLACES: tuple[Place, ...] = tuple(
    (x, y, z) for x, y, z in product((-1, 0, 1), repeat=3) if (x, y, z) != (0, 0, 0)
)
"""The 26 cubelets and the 26 places, in the order of every array."""
HOME: Ints = np.array(PLACES, dtype=np.int64)
NAMES: tuple[str, ...] = tuple(
    "".join(face for face, normal in zip(FACES, NORMALS, strict=True) if normal @ place == 1)
    for place in HOME
)
"""Cubelet -> the faces it lies on, as U, UF or URF."""
CENTRES: Ints = np.array([NAMES.index(face) for face in FACES])
"""Face -> its centre cubelet."""


def _rotations() -> Ints:
    """The rotations that map a cube onto itself: signed permutation matrices of determinant 1."""
    found = []
    for columns, signs in product(permutations(range(3)), product((1, -1), repeat=3)):
        matrix = np.eye(3, dtype=np.int64)[:, columns] * np.array(signs)
        if round(np.linalg.det(matrix)) == 1:
            found.append(matrix)
    return np.array(found)


def _index(matrices: Ints) -> Ints:
    """Index of each of (..., 3, 3) in ROTATIONS."""
    same = (matrices[..., None, :, :] == ROTATIONS).all(axis=(-2, -1))
    return np.asarray(same.argmax(axis=-1))


ROTATIONS = _rotations()
"""(24, 3, 3), the identity first."""
PRODUCT: Ints = _index(ROTATIONS[:, None] @ ROTATIONS[None, :])
"""PRODUCT[a, b]: index of "first b, then a", (24, 24)."""
INVERSE: Ints = _index(ROTATIONS.transpose(0, 2, 1))
"""(24,)."""
PLACE_OF: Ints = np.array(
    [[PLACES.index(tuple((turn @ place).tolist())) for place in HOME] for turn in ROTATIONS]
)
"""PLACE_OF[g, i]: where cubelet i is when it is turned by g about the core, (24, 26)."""
FACE_OF: Ints = np.array(
    [[int((NORMALS @ (turn @ normal)).argmax()) for normal in NORMALS] for turn in ROTATIONS]
)
"""FACE_OF[g, f]: the face on which a sticker of face f is when it is turned by g, (24, 6)."""
IN_LAYER: NDArray[np.bool_] = HOME @ NORMALS.T == 1
"""IN_LAYER[p, f]: whether place p belongs to the layer of face f, (26, 6)."""


def about(axis: Floats | Ints, angle_rad: float) -> Floats:
    """The right-handed rotation about a unit axis (3,), as a matrix (3, 3)."""
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]], dtype=np.float64)
    turned = np.eye(3) + np.sin(angle_rad) * cross + (1 - np.cos(angle_rad)) * cross @ cross
    return np.asarray(turned)


QUARTER: Ints = np.array(
    [
        [_index(np.rint(about(normal, k * np.pi / 2)).astype(np.int64)) for k in range(4)]
        for normal in NORMALS
    ]
)
"""QUARTER[f, k]: index of k right-handed quarter turns about the outward normal of f, (6, 4)."""


def wrapped(angle_rad: Floats) -> Floats:
    """The same angles in (-pi, pi]."""
    return np.asarray(np.pi - (np.pi - angle_rad) % (2 * np.pi))


def face_index(face: str) -> int:
    """Index in FACES of one of its letters. Raises ValueError otherwise."""
    if len(face) != 1 or face not in FACES:
        raise ValueError(f"face: got {face!r}, allowed: {', '.join(FACES)}")
    return FACES.index(face)


def opposite(face: str) -> str:
    """The letter of the opposite face."""
    return FACES[(face_index(face) + 3) % 6]
