"""What the file of a hand says of more than the hand, and so may not reach the world.

MJCF declares options, memory, statistics, looks, the unit of angles and the defaults of elements
for a whole model, and its compiler may bound or scale the mass of every body. Of a hand, only what
belongs to its own elements counts.
"""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np

_SIZES = ("memory", "nconmax", "nemax", "njmax", "nkey", "nstack", "nuserdata")
_MASSES = ("balanceinertia", "boundinertia", "boundmass", "inertiafromgeom", "settotalmass")
"""Settings of the compiler that change masses and inertias, and those of the object with them."""
_SHAPES = ("alignfree", "discardvisual", "fusestatic")
"""Settings of the compiler that remove or move elements."""
_KINDS = ("geom", "joint", "site", "light", "camera", "material", "tendon", "equality", "actuator")
"""Elements that are added to the hand, and would have the hand's defaults."""
_OF_THE_ELEMENT = {
    "alt", "classname", "compiler", "frame", "id", "info", "name", "parent", "path", "plugin",
    "signature", "userdata",
}  # fmt: skip
"""Attributes of an element that are no settings."""
_ANGULAR = (mujoco.mjtJoint.mjJNT_HINGE, mujoco.mjtJoint.mjJNT_BALL)


def names_of(struct: object) -> list[str]:
    """The fields of a struct of MuJoCo."""
    return [name for name in dir(struct) if not name.startswith("_")]


def keep_only_the_hand(spec: mujoco.MjSpec) -> None:
    """Reset all that the hand's file declares for the whole model; its elements stay as they are.

    What the compiler would have made of the hand's masses is written into its bodies.
    """
    blank = mujoco.MjSpec()
    if _changes_masses(spec, blank):
        _write_masses(spec)
    _copy(spec.option, blank.option)
    _copy(spec.stat, blank.stat)
    for part in names_of(spec.visual):
        _copy(getattr(spec.visual, part), getattr(blank.visual, part))
    _copy(spec.compiler, blank.compiler, [*_MASSES, *_SHAPES])
    spec.compiler.inertiagrouprange = blank.compiler.inertiagrouprange
    _copy(spec, blank, _SIZES)
    for kind in _KINDS:
        default = getattr(blank.default, kind)
        settings = set(names_of(default)) - _OF_THE_ELEMENT
        values = [name for name in settings if not callable(getattr(default, name))]
        _copy(getattr(spec.default, kind), default, values)
    for key in list(spec.keys):  # states of the hand alone
        spec.delete(key)
    if spec.compiler.degree:
        _write_radians(spec)


def _copy(struct: Any, source: Any, names: Any = None) -> None:
    for name in names or names_of(struct):
        setattr(struct, name, getattr(source, name))


def _changes_masses(spec: mujoco.MjSpec, blank: mujoco.MjSpec) -> bool:
    own, default = spec.compiler, blank.compiler
    groups = list(own.inertiagrouprange) != list(default.inertiagrouprange)
    return groups or any(getattr(own, name) != getattr(default, name) for name in _MASSES)


def _write_masses(spec: mujoco.MjSpec) -> None:
    alone = spec.copy()
    for key in list(alone.keys):
        alone.delete(key)
    compiled = alone.compile()
    for body in spec.bodies[1:]:
        row = compiled.body(body.name)
        body.mass, body.ipos, body.iquat = float(row.mass[0]), row.ipos, row.iquat
        body.ialt.type = mujoco.mjtOrientation.mjORIENTATION_QUAT
        body.inertia, body.explicitinertial = row.inertia, True
        body.fullinertia = [float("nan")] + [0.0] * 5


def _write_radians(spec: mujoco.MjSpec) -> None:
    """Angles in radians from now on, also those of the object: those of the hand are converted."""
    spec.compiler.degree = False
    for joint in spec.joints:
        if joint.type in _ANGULAR:
            joint.range, joint.ref = np.radians(joint.range), float(np.radians(joint.ref))
            joint.springref = float(np.radians(joint.springref))
    turned = [*spec.bodies[1:], *spec.geoms, *spec.sites, *spec.cameras, *spec.frames]
    for element in turned:
        _turn(element.alt)
    for body in spec.bodies[1:]:
        _turn(body.ialt)


def _turn(alt: mujoco.MjsOrientation) -> None:
    if alt.type == mujoco.mjtOrientation.mjORIENTATION_EULER:
        alt.euler = np.radians(alt.euler)
    elif alt.type == mujoco.mjtOrientation.mjORIENTATION_AXISANGLE:
        alt.axisangle = [*alt.axisangle[:3], float(np.radians(alt.axisangle[3]))]
