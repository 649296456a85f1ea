"""Puts an object into the world of a hand."""

from __future__ import annotations

from typing import Any

import mujoco

from .object_spec import ObjectSpec

_APART = "apart:"


def add_object(
    spec: mujoco.MjSpec, held: ObjectSpec, name: str, size_m: float, mass_kg: float, **body: Any
) -> None:
    """Add the object as the body `name`; it has a free joint unless `body` says mocap=True.

    It is built in a model of its own, where angles are in radians: the hand's file may set another
    unit, and defaults of geoms and joints.
    """
    alone = mujoco.MjSpec()
    alone.compiler.degree = False
    root = alone.worldbody.add_body(name=name, **body)
    if not body.get("mocap"):
        root.add_freejoint(name=name)
    held.build(root, name, size_m, mass_kg)
    # MuJoCo warns of an empty prefix, so the names get one and lose it.
    root = spec.worldbody.add_frame().attach_body(root, _APART, "")
    for kind in ("body", "joint", "geom", "site"):
        for element in root.find_all(kind):
            element.name = element.name.removeprefix(_APART)
    root.name = name
