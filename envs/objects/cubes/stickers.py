"""The stickers of a cube: thin prisms in the six colours, of which the centres lack a corner.

They are geoms without contacts and without mass, so that every renderer shows the same and physics
does not change. A cut corner shows the angle of a centre, and so of its face: without it four
angles of a face look alike (Solving Rubik's Cube with a Robot Hand, 5.3 and figure 11).
"""

from __future__ import annotations

import mujoco
import numpy as np

Colour = tuple[float, float, float]

STICKERS: dict[str, Colour] = {
    "+x": (0.72, 0.07, 0.20),
    "-x": (1.00, 0.35, 0.00),
    "+y": (0.00, 0.27, 0.68),
    "-y": (0.00, 0.61, 0.28),
    "+z": (0.95, 0.95, 0.95),
    "-z": (1.00, 0.84, 0.00),
}
"""Face -> RGB colour: red, orange, blue, green, white, yellow."""
PLASTIC = (0.05, 0.05, 0.06, 1.0)
_HALF, _ROUND, _CUT, _THICK = 0.129, 0.022, 0.13, 0.006
"""Half the edge of a sticker, its round corners, the cut, and the thickness, in cube edges."""


def sticker_meshes(spec: mujoco.MjSpec, name: str, edge_m: float) -> None:
    """Add the two shapes, `NAME_sticker` and `NAME_cut`, in the xy plane; z points outwards."""
    for shape, cut in (("sticker", _ROUND), ("cut", _CUT)):
        corners = []
        for x, y in ((1, 1), (-1, 1), (-1, -1), (1, -1)):
            off = cut if (x, y) == (1, 1) else _ROUND
            corners += [(x * (_HALF - off), y * _HALF), (x * _HALF, y * (_HALF - off))]
        prism = [(*corner, z) for corner in corners for z in (-_THICK / 2, _THICK / 2)]
        mesh = spec.add_mesh(name=f"{name}_{shape}")
        # Flat faces: without it, normals of neighbouring faces are averaged.
        mesh.smoothnormal = False
        mesh.uservert = (edge_m * np.array(prism)).ravel()


def add_stickers(
    body: mujoco.MjsBody, part: str, name: str, place: tuple[int, int, int], edge_m: float
) -> None:
    """The stickers of the cubelet at `place`, in the frame of the cube.

    part: prefix of their names. name: the object, whose meshes are used.
    """
    for face, colour in STICKERS.items():
        sign, axis = (1 if face[0] == "+" else -1), "xyz".index(face[1])
        if place[axis] != sign:
            continue
        at = edge_m * np.array(place) / 3
        at[axis] = sign * (0.5 * edge_m)
        centre = np.abs(place).sum() == 1
        body.add_geom(
            name=f"{part}_{face}",
            type=mujoco.mjtGeom.mjGEOM_MESH,
            meshname=f"{name}_{'cut' if centre else 'sticker'}",
            pos=at,
            quat=_outwards(sign, axis),
            rgba=(*colour, 1.0),
            mass=0.0,
            contype=0,
            conaffinity=0,
        )


def cut_corner(normal: np.ndarray) -> np.ndarray:
    """Where a centre sticker lacks its corner, (3,) in edges, at the angle zero of its face.

    normal: (3,) outwards, of -1, 0 and 1.
    """
    axis = int(np.abs(normal).argmax())
    corner = np.zeros(3)
    quat = np.array(_outwards(int(normal[axis]), axis))
    mujoco.mju_rotVecQuat(corner, np.array([_HALF, _HALF, 0.0]), quat)
    place: np.ndarray = corner + 0.5 * normal
    return place


def _outwards(sign: int, axis: int) -> list[float]:
    """The quaternion wxyz that turns z to the outward normal of a face."""
    half = float(np.sqrt(0.5))
    turns = {
        (1, 0): [half, 0.0, half, 0.0],
        (-1, 0): [half, 0.0, -half, 0.0],
        (1, 1): [half, -half, 0.0, 0.0],
        (-1, 1): [half, half, 0.0, 0.0],
        (1, 2): [1.0, 0.0, 0.0, 0.0],
        (-1, 2): [0.0, 1.0, 0.0, 0.0],
    }
    return turns[sign, axis]
