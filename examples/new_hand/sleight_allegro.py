"""Wonik's Allegro Hand for sleight: sixteen joints, a motor each, four fingers, no wrist.

The MJCF is MuJoCo Menagerie's (BSD-2-Clause), which the package `mujoco-menagerie` downloads at
first use; MENAGERIE_ROOT names a checkout instead.
"""

from __future__ import annotations

import mujoco
import mujoco_menagerie
import numpy as np

from sleight.contract.hand_spec import HandSpec
from sleight.envs.hands.hand_model import HandModel
from sleight.envs.sim.model_config import ModelConfig
from sleight.errors import ConfigError

FINGERS = ("ff", "mf", "rf", "th")
FINGER = ((-0.47, 0.47), (-0.196, 1.61), (-0.174, 1.709), (-0.227, 1.618))
THUMB = ((0.263, 1.396), (-0.105, 1.163), (-0.189, 1.644), (-0.162, 1.719))
"""Range of each joint from the palm to the tip [rad], as in the MJCF."""
HOME = {"ff": (0.0, 0.7, 0.5, 0.5), "mf": (0.0, 0.7, 0.5, 0.5), "rf": (0.0, 0.7, 0.5, 0.5),
        "th": (1.2, 0.3, 0.3, 0.6)}  # fmt: skip
TIP_M = {"ff": 0.0267, "mf": 0.0267, "rf": 0.0267, "th": 0.0423}
"""Of the fingertip above its body's origin."""
FORCE_NM, SPEED_RAD_S = 0.7, 4.0
PALM_POSITION = (0.0, -0.0475, -0.011)
"""Of the body "palm": its centre on the frame's origin, its surface at height zero."""
QUARTER_TURN = (0.5**0.5, 0.0, 0.0, -(0.5**0.5))
"""Fingers along -y; in the MJCF they point along +x, the palm up already."""

JOINTS = tuple(f"{finger}j{number}" for finger in FINGERS for number in range(4))
MOTORS = tuple(name.replace("j", "a") for name in JOINTS)
LOWER, UPPER = np.array([*FINGER * 3, *THUMB]).T

SPEC = HandSpec(
    name="allegro_right",
    joints=JOINTS,
    actuators=MOTORS,
    coupling=np.eye(len(JOINTS)),
    joint_lower=LOWER,
    joint_upper=UPPER,
    lower=LOWER,
    upper=UPPER,
    max_speed=np.full(len(JOINTS), SPEED_RAD_S),
    home=np.array([angle for finger in FINGERS for angle in HOME[finger]]),
    fingertips=tuple(f"{finger}tip" for finger in FINGERS),
    palm_centre_m=(0.0, -0.055),
)


def build(config: ModelConfig) -> mujoco.MjSpec:
    """See `HandModel.build`. Raises ConfigError without the files."""
    try:
        spec = mujoco_menagerie.get("wonik_allegro").spec("right_hand")
    except (mujoco_menagerie.MenagerieError, OSError, ValueError) as error:
        raise ConfigError(
            f"model.hand: got allegro, whose files are missing ({error}); allowed: a network at"
            " first use, or MENAGERIE_ROOT=<a checkout>"
        ) from error
    _write_inertias(spec)
    _choose_geoms(spec, config.visual)
    for light in list(spec.lights):
        spec.delete(light)
    for name in MOTORS:
        motor = spec.actuator(name)
        motor.forcelimited, motor.forcerange = True, (-FORCE_NM, FORCE_NM)
    for finger in FINGERS:
        tip = spec.body(f"{finger}_tip")
        tip.add_site(name=f"{finger}tip", pos=(0.0, 0.0, TIP_M[finger]))
    palm = spec.body("palm")
    turned = np.zeros(4)
    mujoco.mju_mulQuat(turned, np.array(QUARTER_TURN), palm.quat)
    palm.pos, palm.quat = PALM_POSITION, turned
    return spec


def _write_inertias(spec: mujoco.MjSpec) -> None:
    """Masses come from the meshes, which are not loaded without pictures: keep what they give."""
    model = spec.copy().compile()
    for body in spec.bodies[1:]:
        own = model.body(body.name)
        body.mass, body.ipos, body.iquat = float(own.mass[0]), own.ipos, own.iquat
        body.inertia, body.explicitinertial = own.inertia, True


def _choose_geoms(spec: mujoco.MjSpec, visual: bool) -> None:
    """Meshes for pictures, boxes for contacts; without pictures no mesh is loaded."""
    for geom in list(spec.geoms):
        if not geom.contype and not visual:
            spec.delete(geom)
        elif geom.contype and visual:
            geom.rgba[3] = 0.0
    if not visual:
        for mesh in list(spec.meshes):
            spec.delete(mesh)


HAND = HandModel(SPEC, build, tied=tuple((f"ffj{i}", f"mfj{i}") for i in range(4)))
