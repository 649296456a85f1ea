"""Shadow's names of joints, controllers and topics (documentation of sr_core, ROS 1 Noetic).

A right hand has the prefix `rh_`, a left hand `lh_`. Trajectories go to two controllers, one for
the fingers and one for the wrist. Positions go to one controller per motor; for `J0` the position
is the sum of the two joints that the motor drives.
"""

from __future__ import annotations

from typing import Sequence, Tuple

from ....errors import ConfigError

HAND_NAMES = {"rh_": "shadow_hand_right", "lh_": "shadow_hand_left"}
"""Prefix of the joint names -> name of the hand's spec."""
MODES = ("trajectory", "position")
JOINT_STATES = "joint_states"
Group = Tuple[str, Sequence[int]]
"""Name of a controller, and indices of its joints in its order."""


def hand_name(prefix: str) -> str:
    """Name of the hand with this prefix. Raises ConfigError."""
    if prefix not in HAND_NAMES:
        raise ConfigError(f"hand.prefix: got {prefix!r}, allowed: {', '.join(HAND_NAMES)}")
    return HAND_NAMES[prefix]


def trajectory_groups(joints: Sequence[str], prefix: str) -> list[Group]:
    """The trajectory controllers with their joints."""
    wrist = [i for i, joint in enumerate(joints) if joint.startswith("WR")]
    fingers = [i for i, joint in enumerate(joints) if not joint.startswith("WR")]
    return [
        (f"{prefix}trajectory_controller", fingers),
        (f"{prefix}wr_trajectory_controller", wrist),
    ]


def position_controllers(actuators: Sequence[str], prefix: str) -> list[str]:
    """The position controllers, one for each motor."""
    return [f"sh_{prefix}{name.lower()}_position_controller" for name in actuators]
