"""How the model looks in pictures: colours, light, floor, and the goal. Never its physics.

Everything is made here, in code, so that pictures are the same on every machine and with every
source of the hand's files. The module needs no torch, like `model`, which calls it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import mujoco
import numpy as np

if TYPE_CHECKING:
    from ..objects.object_spec import ObjectSpec

GOAL = "goal"
GOAL_POSITION = (0.158, -0.035, 0.045)
"""Where the goal is shown: beside the hand, in the palm frame [m]."""
GOAL_LARGEST_M = 0.12
"""A longer object's goal is drawn smaller: it would reach into the hand and out of the picture."""
FLOOR_HEIGHT = -0.16
"""Below the hand and where blocks are lost [m]."""

_BACKGROUND = (0.77, 0.79, 0.82)
_SKIN = (0.70, 0.72, 0.75, 1.0)
_DARK = (0.30, 0.32, 0.36, 1.0)
_DARK_PARTS = ("distal", "knuckle", "wrist", "thbase", "thhub")
"""Bodies, by what their names contain: the two sources of the hand name them alike."""


def dress(spec: mujoco.MjSpec, name: str, object_spec: ObjectSpec, size_m: float) -> None:
    """Give the hand, the object `name` and the room their looks, and add the goal, which is a
    second object without contacts."""
    _drop_stock(spec)
    _add_materials(spec)
    _paint_hand(spec)
    _light(spec)
    _add_goal(spec, object_spec, size_m)
    if object_spec.dress is not None:
        object_spec.dress(spec, name)
        object_spec.dress(spec, GOAL)
    spec.worldbody.add_geom(
        name="floor",
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=(0, 0, 1),
        pos=(0, 0, FLOOR_HEIGHT),
        contype=0,
        conaffinity=0,
        material="floor",
    )


def _add_goal(spec: mujoco.MjSpec, object_spec: ObjectSpec, size_m: float) -> None:
    goal = spec.worldbody.add_body(name=GOAL, mocap=True, pos=GOAL_POSITION)
    object_spec.build(goal, GOAL, min(size_m, GOAL_LARGEST_M), object_spec.mass_kg)
    for geom in spec.geoms:
        if geom.name.startswith(GOAL):
            geom.contype = geom.conaffinity = 0


def _drop_stock(spec: mujoco.MjSpec) -> None:
    for geom in spec.geoms:
        geom.material = ""
    for element in [*spec.materials, *spec.textures, *spec.lights]:
        spec.delete(element)


def _add_materials(spec: mujoco.MjSpec) -> None:
    spec.add_texture(
        name="sky",
        type=mujoco.mjtTexture.mjTEXTURE_SKYBOX,
        width=64,
        height=384,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_FLAT,
        rgb1=_BACKGROUND,
        rgb2=_BACKGROUND,
    )
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
