"""The cheap Rubik's cube for training: two hinges about one axis, three rigid layers as boxes.

It costs 1.2 times the block. The layers +z and -z turn against the middle layer, which is the root
body, about the cube's z axis; the other four faces cannot turn. It has the symmetry of a square
prism at any angles, and that of a cube when both layers are straight.
"""

from __future__ import annotations

import mujoco

from ..object_spec import ObjectSpec

PITCH = 1 / 3
"""Thickness of a layer as a fraction of the cube's edge: 19.05 mm of 57.15 mm (Solving Rubik's
Cube with a Robot Hand, 4.2)."""
LAYERS = {"top": 1.0, "bottom": -1.0}
"""Inner joint -> the side of the middle layer on which its layer lies, along z."""
DAMPING, DRY_FRICTION, ARMATURE = 4.5e-3, 4.5e-3, 9e-4
"""Of each hinge [Nm s, Nm, kg m^2]: those of one cubelet's joint in robogym's cube (5e-4, 5e-4,
1e-4), times the nine cubelets of a layer."""
STICKERS: dict[str, tuple[float, float, float]] = {
    "+x": (0.72, 0.07, 0.20),
    "-x": (1.00, 0.35, 0.00),
    "+y": (0.00, 0.27, 0.68),
    "-y": (0.00, 0.61, 0.28),
    "+z": (0.95, 0.95, 0.95),
    "-z": (1.00, 0.84, 0.00),
}
"""Face -> RGB colour."""
_PLASTIC = (0.05, 0.05, 0.06, 1.0)


def build(body: mujoco.MjsBody, name: str, size_m: float, mass_kg: float) -> None:
    """Add the middle layer to the root, and a child body with a hinge for each outer layer."""
    _add_layer(body, name, size_m, mass_kg / 3)
    for joint, side in LAYERS.items():
        layer = body.add_body(name=f"{name}_{joint}", pos=(0.0, 0.0, side * PITCH * size_m))
        layer.add_joint(
            name=f"{name}_{joint}",
            type=mujoco.mjtJoint.mjJNT_HINGE,
            axis=(0, 0, 1),
            damping=[DAMPING, 0, 0],
            frictionloss=DRY_FRICTION,
            armature=ARMATURE,
        )
        _add_layer(layer, f"{name}_{joint}", size_m, mass_kg / 3)


def _add_layer(body: mujoco.MjsBody, name: str, size_m: float, mass_kg: float) -> None:
    half = [0.5 * size_m, 0.5 * size_m, 0.5 * PITCH * size_m]
    body.add_geom(name=name, type=mujoco.mjtGeom.mjGEOM_BOX, size=half, mass=mass_kg, condim=4)


def dress(spec: mujoco.MjSpec, name: str) -> None:
    """Paint the layers black and add their stickers, which do not collide and have no mass."""
    for layer, side in {name: 0.0, **{f"{name}_{joint}": z for joint, z in LAYERS.items()}}.items():
        geom = spec.geom(layer)
        geom.rgba = _PLASTIC
        for face, colour in STICKERS.items():
            sign, axis = (1.0 if face[0] == "+" else -1.0), "xyz".index(face[1])
            if axis < 2 or sign == side:
                _add_stickers(spec.body(layer), layer, 2.0 * geom.size[0], (sign, axis), colour)


def _add_stickers(
    body: mujoco.MjsBody,
    layer: str,
    size_m: float,
    face: tuple[float, int],
    colour: tuple[float, float, float],
) -> None:
    """The stickers of one layer on one face: three on a side, nine on its outer end."""
    sign, axis = face
    pitch = PITCH * size_m
    half = [0.43 * pitch] * 3
    half[axis] = 0.005 * pitch
    rows = (-1, 0, 1)
    for i in rows:
        for j in rows if axis == 2 else (0,):
            place = [i * pitch, j * pitch, 0.0] if axis == 2 else [i * pitch, i * pitch, 0.0]
            place[axis] = sign * (0.5 * pitch if axis == 2 else 0.5 * size_m)
            body.add_geom(
                name=f"{layer}_{'+' if sign > 0 else '-'}{'xyz'[axis]}{i}{j}",
                type=mujoco.mjtGeom.mjGEOM_BOX,
                pos=place,
                size=half,
                rgba=(*colour, 1.0),
                mass=0.0,
                contype=0,
                conaffinity=0,
            )


FACE = ObjectSpec(0.05715, 0.09, build, joints=tuple(LAYERS), symmetry="cube", dress=dress)
