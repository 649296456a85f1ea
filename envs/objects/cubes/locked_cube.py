"""A Rubik's cube that cannot turn: one box with the stickers of the full cube."""

from __future__ import annotations

import mujoco

from ..object_spec import ObjectSpec
from .cube_numbers import EDGE_M, MASS_KG
from .full_cube import cubelets
from .stickers import PLASTIC, add_stickers, sticker_meshes


def build(body: mujoco.MjsBody, name: str, size_m: float, mass_kg: float) -> None:
    """Add one box geom."""
    half = [size_m / 2] * 3
    body.add_geom(name=name, type=mujoco.mjtGeom.mjGEOM_BOX, size=half, mass=mass_kg, condim=4)


def dress(spec: mujoco.MjSpec, name: str) -> None:
    """Paint the box black and add the stickers."""
    box = spec.geom(name)
    edge_m = 2.0 * float(box.size[0])
    box.rgba = PLASTIC
    sticker_meshes(spec, name, edge_m)
    for part, place in cubelets(name):
        add_stickers(spec.body(name), part, name, place, edge_m)


LOCKED = ObjectSpec(EDGE_M, MASS_KG, build, symmetry="cube", dress=dress)
