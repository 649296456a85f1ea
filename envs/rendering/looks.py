"""How the model looks in pictures: colours, light, floor, and the goal. Never its physics.

Everything is made here, in code, so that pictures are the same on every machine and with every
source of the hand's files. The module needs no torch, like `model`, which calls it.
"""

from __future__ import annotations

import mujoco
import numpy as np

from .letters import face_pixels

GOAL = "goal"
GOAL_POSITION = (0.158, -0.035, 0.045)
"""Where the goal is shown: beside the hand, in the palm frame [m]."""
FLOOR_HEIGHT = -0.16
"""Below the hand and where blocks are lost [m]."""

FACE_COLOURS: tuple[tuple[int, int, int], ...] = (
    (211, 63, 63),
    (232, 118, 34),
    (44, 150, 93),
    (44, 105, 184),
    (242, 196, 48),
    (126, 84, 170),
)
"""Of the block's faces +x, -x, +y, -y, +z, -z, which carry the letters A to F."""
_BACKGROUND = (0.77, 0.79, 0.82)
_SKIN = (0.70, 0.72, 0.75, 1.0)
_DARK = (0.30, 0.32, 0.36, 1.0)
_DARK_PARTS = ("distal", "knuckle", "wrist", "thbase", "thhub")
"""Bodies, by what their names contain: the two sources of the hand name them alike."""


def dress(spec: mujoco.MjSpec, object_name: str) -> None:
    """Give the hand, the block and the room their looks, and add the goal: all without contact."""
    _drop_stock(spec)
    _add_materials(spec)
    _paint_hand(spec)
    _light(spec)
    block = spec.geom(object_name)
    block.material = "block"
    goal = spec.worldbody.add_body(name=GOAL, mocap=True, pos=GOAL_POSITION)
    goal.add_geom(
        name=GOAL, type=block.type, size=block.size, contype=0, conaffinity=0, material="block"
    )
    spec.worldbody.add_geom(
        name="floor",
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=(0, 0, 1),
        pos=(0, 0, FLOOR_HEIGHT),
        contype=0,
        conaffinity=0,
        material="floor",
    )


def _drop_stock(spec: mujoco.MjSpec) -> None:
    for geom in spec.geoms:
        geom.material = ""
    for element in [*spec.materials, *spec.textures, *spec.lights]:
        spec.delete(element)


def _add_materials(spec: mujoco.MjSpec) -> None:
    faces = np.concatenate([face_pixels(i, colour) for i, colour in enumerate(FACE_COLOURS)])
    add_texture(spec, "block", mujoco.mjtTexture.mjTEXTURE_CUBE, faces)
    spec.add_texture(
        name="sky",
        type=mujoco.mjtTexture.mjTEXTURE_SKYBOX,
        width=64,
        height=384,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_FLAT,
        rgb1=_BACKGROUND,
        rgb2=_BACKGROUND,
    )
    textures = [""] * int(mujoco.mjtTextureRole.mjNTEXROLE)
    textures[int(mujoco.mjtTextureRole.mjTEXROLE_RGB)] = "block"
    spec.add_material(name="block", textures=textures, specular=0.12, shininess=0.4)
    spec.add_material(name="floor", rgba=(*_BACKGROUND, 1.0), specular=0.0, emission=0.12)
    spec.add_material(name="skin", rgba=_SKIN, specular=0.35, shininess=0.5)
    spec.add_material(name="dark", rgba=_DARK, specular=0.3, shininess=0.5)


def add_texture(
    spec: mujoco.MjSpec, name: str, kind: mujoco.mjtTexture, pixels: np.ndarray
) -> None:
    """Add a texture of uint8 pixels (H, W, 3); six square pictures below each other make a cube."""
    texture = spec.add_texture(
        name=name, type=kind, width=pixels.shape[1], height=pixels.shape[0], nchannel=3
    )
    texture.data = pixels.tobytes()


def _paint_hand(spec: mujoco.MjSpec) -> None:
    for geom in spec.geoms:
        if geom.type == mujoco.mjtGeom.mjGEOM_MESH and not geom.contype:
            dark = any(part in geom.parent.name for part in _DARK_PARTS)
            geom.material = "dark" if dark else "skin"


def _light(spec: mujoco.MjSpec) -> None:
    head = spec.visual.headlight
    head.ambient, head.diffuse, head.specular = [0.34] * 3, [0.26] * 3, [0.0] * 3
    spec.stat.center, spec.stat.extent = (0.06, -0.02, 0.0), 0.35
    spec.visual.map.shadowclip = 1.6
    spec.visual.quality.shadowsize = 1024
    spec.visual.quality.offsamples = 4
    for name, position, diffuse, shadow in (
        ("key", (-0.35, -0.45, 0.9), 0.42, True),
        ("fill", (0.7, -0.3, 0.5), 0.18, False),
    ):
        spec.worldbody.add_light(
            name=name,
            type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL,
            pos=position,
            dir=-np.array(position),
            diffuse=[diffuse] * 3,
            ambient=[0.0] * 3,
            specular=[0.3 if shadow else 0.0] * 3,
            castshadow=shadow,
        )
