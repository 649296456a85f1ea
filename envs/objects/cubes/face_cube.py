"""The cheap Rubik's cube for training: two hinges about one axis, three rigid layers as boxes.

It costs 1.2 times the block. The layers +z and -z turn against the middle layer, which is the root
body, about the cube's z axis; the other four faces cannot turn. It has the symmetry of a square
prism at any angles, and that of a cube when both layers are straight.
"""

from __future__ import annotations

import mujoco

from ..object_spec import ObjectSpec
from .cube_numbers import EDGE_M, MASS_KG, TRAINING
from .full_cube import cubelets
from .stickers import PLASTIC, add_stickers, sticker_meshes

LAYERS = {"top": 1, "bottom": -1}
"""Inner joint -> the side of the middle layer on which its layer lies, along z."""
_CUBELETS = 9
DAMPING = _CUBELETS * TRAINING.damping
DRY_FRICTION = _CUBELETS * TRAINING.dry_friction
ARMATURE = _CUBELETS * TRAINING.armature
"""Of each hinge [Nm s, Nm, kg m^2]: those of the joints of a layer's cubelets together."""


def build(body: mujoco.MjsBody, name: str, size_m: float, mass_kg: float) -> None:
    """Add the middle layer to the root, and a child body with a hinge for each outer layer."""
    _add_layer(body, name, 0, size_m, mass_kg / 3)
    for joint, side in LAYERS.items():
        layer = body.add_body(name=f"{name}_{joint}")
        layer.add_joint(
            name=f"{name}_{joint}",
            type=mujoco.mjtJoint.mjJNT_HINGE,
            axis=(0, 0, 1),
            damping=[DAMPING, 0, 0],
            frictionloss=DRY_FRICTION,
            armature=ARMATURE,
        )
        _add_layer(layer, f"{name}_{joint}", side, size_m, mass_kg / 3)


def _add_layer(body: mujoco.MjsBody, name: str, side: int, size_m: float, mass_kg: float) -> None:
    body.add_geom(
        name=name,
        type=mujoco.mjtGeom.mjGEOM_BOX,
        pos=(0.0, 0.0, side * size_m / 3),
        size=[size_m / 2, size_m / 2, size_m / 6],
        mass=mass_kg,
        condim=4,
    )


def dress(spec: mujoco.MjSpec, name: str) -> None:
    """Paint the layers black and add the stickers of the full cube."""
    edge_m = 2.0 * float(spec.geom(name).size[0])
    layers = {0: name, **{side: f"{name}_{joint}" for joint, side in LAYERS.items()}}
    sticker_meshes(spec, name, edge_m)
    for layer in layers.values():
        spec.geom(layer).rgba = PLASTIC
    for part, place in cubelets(name):
        add_stickers(spec.body(layers[place[2]]), part, name, place, edge_m)


FACE = ObjectSpec(EDGE_M, MASS_KG, build, joints=tuple(LAYERS), symmetry="cube", dress=dress)
