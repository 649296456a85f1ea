"""The appearance of the model: colours, lights, floor, and the goal. Physics is not changed.

Everything is generated in code, so that pictures are the same on every machine and for every source
of the hand's files. Like `model`, which calls it, the module needs no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import mujoco
import numpy as np

if TYPE_CHECKING:
    from ..objects.object_spec import ObjectSpec

GOAL = "goal"
GOAL_POSITION = (0.158, -0.035, 0.045)
"""Position of the goal beside the hand, in the palm frame [m]."""
GOAL_LARGEST_M = 0.12
"""The goal of a longer object is rendered smaller, so that it fits beside the hand."""
FLOOR_HEIGHT = -0.16
"""Height of the floor, below the hand and the drop height [m]."""

_BACKGROUND = (0.77, 0.79, 0.82)
_SKIN = (0.70, 0.72, 0.75, 1.0)
_DARK = (0.30, 0.32, 0.36, 1.0)
_DARK_PARTS = ("distal", "knuckle", "wrist", "thbase", "thhub")
"""Parts of body names; both sources of the hand use the same names."""


def dress(spec: mujoco.MjSpec, name: str, object_spec: ObjectSpec, size_m: float) -> None:
    """Add materials and lights to the hand, the object `name` and the room, and add the goal, a
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
    object_spec.add_to(spec, goal, GOAL, min(size_m, GOAL_LARGEST_M), object_spec.mass_kg)
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
    """Add a texture of uint8 pixels (H, W, 3); six square images stacked vertically make a cube."""
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
