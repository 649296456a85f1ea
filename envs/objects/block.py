"""The block of Learning Dexterous In-Hand Manipulation, with colours and letters on its faces."""

from __future__ import annotations

import mujoco
import numpy as np

from ..rendering.letters import face_pixels
from ..rendering.looks import add_texture
from .object_spec import ObjectSpec

FACE_COLOURS: tuple[tuple[int, int, int], ...] = (
    (211, 63, 63),
    (232, 118, 34),
    (44, 150, 93),
    (44, 105, 184),
    (242, 196, 48),
    (126, 84, 170),
)
"""RGB colours of the faces +x, -x, +y, -y, +z, -z, which carry the letters A to F."""


def build(body: mujoco.MjsBody, name: str, size_m: float, mass_kg: float) -> None:
    """Add one box geom."""
    half = [size_m / 2] * 3
    body.add_geom(name=name, type=mujoco.mjtGeom.mjGEOM_BOX, size=half, mass=mass_kg, condim=4)


def dress(spec: mujoco.MjSpec, name: str) -> None:
    """Paint the faces."""
    if spec.material("block") is None:
        _add_material(spec)
    spec.geom(name).material = "block"


def _add_material(spec: mujoco.MjSpec) -> None:
    faces = np.concatenate([face_pixels(i, colour) for i, colour in enumerate(FACE_COLOURS)])
    add_texture(spec, "block", mujoco.mjtTexture.mjTEXTURE_CUBE, faces)
    textures = [""] * int(mujoco.mjtTextureRole.mjNTEXROLE)
    textures[int(mujoco.mjtTextureRole.mjTEXROLE_RGB)] = "block"
    spec.add_material(name="block", textures=textures, specular=0.12, shininess=0.4)


_ENDS = (-0.5, 0.5)
CORNERS = tuple((x, y, z) for x in _ENDS for y in _ENDS for z in _ENDS)
CENTRES = (
    *((x, 0.0, 0.0) for x in _ENDS),
    *((0.0, y, 0.0) for y in _ENDS),
    *((0.0, 0.0, z) for z in _ENDS),
)
"""Of the faces: one colour tells which, so that a network learns them long before the corners."""
BLOCK = ObjectSpec(0.057, 0.078, build, symmetry="cube", dress=dress, keypoints=CORNERS + CENTRES)
