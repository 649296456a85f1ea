"""Parts common to both Shadow Hand models: the pose of the palm, couplings and motors."""

from __future__ import annotations

from itertools import pairwise

import mujoco

from .shadow import ACTUATORS, DISTAL_PAIRS

MOUNT_WXYZ = (0.0, 0.0, 0.5**0.5, -(0.5**0.5))
"""Palm up, fingers along -y."""
PALM_POSITION = (0.011, 0.038, 0.0)
"""Position of the body "palm", at the wrist's axis, relative to the palm's centre."""
DISTAL_RATIO = (0.00705, -0.00805)
"""Tendon coefficients (xxJ1, xxJ2) of the distal coupling in the MJCF; its slack is +-1 mm."""
NEIGHBOURS = tuple(
    tuple((f"{one}{joint}", f"{other}{joint}") for joint in ("J4", "J3", "J2", "J1"))
    for one, other in pairwise(DISTAL_PAIRS)
)
"""For each two neighbouring fingers, the pairs of their joints."""
TIED = NEIGHBOURS[0]
"""Pairs of joints of the first and the middle finger, tied together."""


def add_coupling(spec: mujoco.MjSpec) -> None:
    """Add the tendons of the fingers with one motor for both distal joints."""
    for finger in DISTAL_PAIRS:
        slack = spec.add_tendon(name=f"{finger}_coupling", limited=True, range=(-0.001, 0.001))
        slack.wrap_joint(f"{finger}J1", DISTAL_RATIO[0])
        slack.wrap_joint(f"{finger}J2", DISTAL_RATIO[1])
        total = spec.add_tendon(name=f"{finger}J0")
        total.wrap_joint(f"{finger}J1", 1.0)
        total.wrap_joint(f"{finger}J2", 1.0)


def add_actuators(spec: mujoco.MjSpec) -> None:
    """Add a position-controlled motor for each row of the table."""
    for row in ACTUATORS:
        coupled = len(row.joints) > 1
        actuator = spec.add_actuator(
            name=row.name,
            target=row.name,
            trntype=mujoco.mjtTrn.mjTRN_TENDON if coupled else mujoco.mjtTrn.mjTRN_JOINT,
            ctrllimited=True,
            ctrlrange=(row.lower, row.upper),
            forcelimited=True,
            forcerange=(-row.force, row.force),
        )
        actuator.set_to_position(kp=row.stiffness)
