"""The alternative hand model: MuJoCo Menagerie's Shadow Hand, downloaded at first use.

`mujoco-menagerie` downloads the model once and keeps it in the user's cache; MENAGERIE_ROOT sets a
checkout to use instead. The model gets the same names, frame, fingertips, couplings and motors as
the default source. Its collision shapes and inertias are its own.

It is tested on the package's file of release 2026.10.4. With all joints at zero the fingertips of
both sources agree to 2e-13 mm, except the little finger's (1.8 mm) and the thumb's (0.42 mm).
"""

from __future__ import annotations

import mujoco
import numpy as np

from ...errors import ConfigError
from ..sim.model_config import ModelConfig
from .hand_model import HandModel
from .shadow import FINGERTIPS, JOINTS, SHADOW_RIGHT
from .shadow_model import MOUNT_WXYZ, NEIGHBOURS, PALM_POSITION, TIED, add_actuators, add_coupling

ROBOT, ENTRY, PREFIX = "shadow_hand", "right_hand", "rh_"
TIP_HEIGHT_M = {"fftip": 0.026, "mftip": 0.026, "rftip": 0.026, "lftip": 0.026, "thtip": 0.0275}
"""Height of each fingertip above the origin of its distal body, as in the default source."""


def build(config: ModelConfig) -> mujoco.MjSpec:
    """See `HandModel.build`.

    Raises ConfigError without the package, without a network at first use, or for another model.
    """
    spec = _load()
    try:
        _drop_extras(spec, config.visual)
        _rename(spec)
        _add_fingertips(spec)
        _mount(spec, np.array(PALM_POSITION), np.array(MOUNT_WXYZ))
    except (AttributeError, ValueError) as error:
        raise ConfigError(
            f"model.hand: got menagerie, whose {ROBOT}/{ENTRY}.xml is not as expected"
            f" ({_line(error)}); allowed: one with the joints {PREFIX}{JOINTS[0].name} to"
            f" {PREFIX}{JOINTS[-1].name}"
        ) from error
    add_coupling(spec)
    add_actuators(spec)
    return spec


def _load() -> mujoco.MjSpec:
    try:
        import mujoco_menagerie
    except ModuleNotFoundError as error:
        raise ConfigError(
            "model.hand: got menagerie, whose package is not installed;"
            " run: pip install mujoco-menagerie"
        ) from error
    try:
        return mujoco_menagerie.get(ROBOT).spec(ENTRY)
    except TypeError as error:  # MuJoCo's, for a path that is none to it
        raise ConfigError(
            "model.hand: got menagerie, in a folder whose name is not UTF-8; allowed:"
            " MENAGERIE_ROOT=<a checkout elsewhere>, or gymnasium-robotics"
        ) from error
    except (mujoco_menagerie.MenagerieError, OSError, ValueError) as error:
        raise ConfigError(
            f"model.hand: got menagerie, whose model cannot be loaded ({_line(error)}); allowed: a"
            " network at first use, MENAGERIE_ROOT=<a checkout>, or gymnasium-robotics"
        ) from error


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())


def _drop_extras(spec: mujoco.MjSpec, visual: bool) -> None:
    for element in [*spec.tendons, *spec.actuators, *spec.sensors, *spec.keys, *spec.lights]:
        spec.delete(element)
    for geom in list(spec.geoms):
        solid = bool(geom.contype or geom.conaffinity)
        # The block is dropped long before it reaches the forearm.
        unused = geom.parent.name == f"{PREFIX}forearm" if solid else not visual
        if unused:
            spec.delete(geom)
        elif solid and visual:
            geom.rgba[3] = 0.0
    used = {geom.meshname for geom in spec.geoms}
    for mesh in list(spec.meshes):
        if mesh.name not in used:
            spec.delete(mesh)


def _rename(spec: mujoco.MjSpec) -> None:
    for exclude in spec.excludes:
        exclude.bodyname1 = exclude.bodyname1.removeprefix(PREFIX)
        exclude.bodyname2 = exclude.bodyname2.removeprefix(PREFIX)
    for element in [*spec.bodies, *spec.joints, *spec.geoms, *spec.sites]:
        element.name = element.name.removeprefix(PREFIX)
    for row in JOINTS:
        spec.joint(row.name).range = (row.lower, row.upper)


def _add_fingertips(spec: mujoco.MjSpec) -> None:
    for tip in FINGERTIPS:
        distal = spec.body(tip.replace("tip", "distal"))
        distal.add_site(name=tip, pos=(0.0, 0.0, TIP_HEIGHT_M[tip]))


def _mount(spec: mujoco.MjSpec, position: np.ndarray, wxyz: np.ndarray) -> None:
    """Move the forearm so that the palm has the given pose when the wrist is at zero."""
    model = spec.copy().compile()
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    forearm, palm = data.body("forearm"), data.body("palm")
    # palm_to_forearm, then the given palm_to_world times its inverse.
    back, turn, place = np.zeros(4), np.zeros(4), np.zeros(3)
    mujoco.mju_negQuat(back, palm.xquat)
    mujoco.mju_mulQuat(turn, wxyz, back)
    mujoco.mju_rotVecQuat(place, forearm.xpos - palm.xpos, turn)
    mount = spec.body("forearm")
    mount.pos = position + place
    mujoco.mju_mulQuat(back, turn, forearm.xquat)
    mount.quat = back
    mount.alt.type = mujoco.mjtOrientation.mjORIENTATION_QUAT


HAND = HandModel(SHADOW_RIGHT, build, tied=TIED, neighbours=NEIGHBOURS)
