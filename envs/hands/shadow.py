"""The table of the Shadow Hand: joints, actuators, coupling, limits, fingertips.

Names and signs follow Shadow's own convention (documentation, "md_ranges" and URDF), which the real
hand uses. Models with other numbers or signs of joints are converted when they are loaded, so that
all other code uses one convention. This module needs only numpy, because the robot imports it too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...contract.hand_spec import HandSpec
from ...contract.landmarks import Hinge, Landmarks

DISTAL_PAIRS = ("FF", "MF", "RF", "LF")
"""Fingers with one motor for both distal joints: actuator xxJ0 drives the sum xxJ1 + xxJ2."""

FINGERTIPS = ("fftip", "mftip", "rftip", "lftip", "thtip")


@dataclass(frozen=True)
class Joint:
    """One hinge joint with its limits [rad], in Shadow's sign convention."""

    name: str
    lower: float
    upper: float


@dataclass(frozen=True)
class Actuator:
    """One position-controlled motor.

    `stiffness` [Nm/rad] and `force` [Nm] refer to the control position: the joint angle, or for
    xxJ0 the sum of two angles. `speed` [rad/s] is the limit in Shadow's URDF.
    """

    name: str
    joints: tuple[str, ...]
    lower: float
    upper: float
    stiffness: float
    force: float
    speed: float
    home: float


def _finger(prefix: str, *metacarpal: Joint) -> tuple[Joint, ...]:
    return (
        *metacarpal,
        Joint(f"{prefix}J4", -0.349, 0.349),
        Joint(f"{prefix}J3", 0.0, 1.571),
        Joint(f"{prefix}J2", 0.0, 1.571),
        Joint(f"{prefix}J1", 0.0, 1.571),
    )


def _finger_motors(prefix: str, *metacarpal: Actuator) -> tuple[Actuator, ...]:
    return (
        *metacarpal,
        Actuator(f"{prefix}J4", (f"{prefix}J4",), -0.349, 0.349, 1.0, 0.9, 2.0, 0.0),
        Actuator(f"{prefix}J3", (f"{prefix}J3",), 0.0, 1.571, 1.0, 0.9, 2.0, 0.5),
        # Stiffness and force do the same virtual work as the model's motor on xxJ2 alone: with its
        # coupling, one radian of xxJ2 is 2.142 rad of the sum.
        Actuator(f"{prefix}J0", (f"{prefix}J2", f"{prefix}J1"), 0.0, 3.142, 0.218, 0.338, 4.0, 0.8),
    )


JOINTS: tuple[Joint, ...] = (
    Joint("WRJ2", -0.489, 0.140),
    Joint("WRJ1", -0.698, 0.489),
    *_finger("FF"),
    *_finger("MF"),
    *_finger("RF"),
    *_finger("LF", Joint("LFJ5", 0.0, 0.785)),
    Joint("THJ5", -1.047, 1.047),
    Joint("THJ4", 0.0, 1.222),
    Joint("THJ3", -0.209, 0.209),
    Joint("THJ2", -0.524, 0.524),
    Joint("THJ1", 0.0, 1.571),
)

ACTUATORS: tuple[Actuator, ...] = (
    Actuator("WRJ2", ("WRJ2",), -0.489, 0.140, 5.0, 4.785, 2.0, 0.0),
    Actuator("WRJ1", ("WRJ1",), -0.698, 0.489, 5.0, 2.175, 2.0, 0.0),
    *_finger_motors("FF"),
    *_finger_motors("MF"),
    *_finger_motors("RF"),
    *_finger_motors("LF", Actuator("LFJ5", ("LFJ5",), 0.0, 0.785, 1.0, 0.9, 2.0, 0.1)),
    Actuator("THJ5", ("THJ5",), -1.047, 1.047, 1.0, 2.3722, 4.0, 0.0),
    Actuator("THJ4", ("THJ4",), 0.0, 1.222, 1.0, 1.45, 4.0, 0.7),
    Actuator("THJ3", ("THJ3",), -0.209, 0.209, 1.0, 0.99, 4.0, 0.0),
    Actuator("THJ2", ("THJ2",), -0.524, 0.524, 1.0, 0.99, 2.0, 0.0),
    Actuator("THJ1", ("THJ1",), 0.0, 1.571, 1.0, 0.81, 2.0, 0.3),
)


LANDMARKS = Landmarks(
    points_m=(
        (-0.022, -0.057, 0.0),  # knuckles of first, middle and ring finger
        (0.0, -0.061, 0.0),
        (0.022, -0.057, 0.0),
        (0.028, -0.006, 0.0),  # hinge of the little finger's metacarpal
        (-0.023, 0.009, 0.009),  # base of the thumb
        (-0.012, 0.038, 0.0),  # ends of the hinge WRJ1
        (0.034, 0.038, 0.0),
        (0.008, -0.012, 0.012),  # surface under the object
    ),
    hinges=(
        Hinge("WRJ2", (0.011, 0.072, 0.0), (0.0, 0.0, -1.0)),
        Hinge("WRJ1", (0.011, 0.038, 0.0), (-1.0, 0.0, 0.0)),
    ),
)


def _spec() -> HandSpec:
    names = [joint.name for joint in JOINTS]
    coupling = np.array([[float(n in a.joints) for n in names] for a in ACTUATORS])

    def column(rows: tuple, key: str) -> np.ndarray:
        return np.array([getattr(row, key) for row in rows], dtype=np.float64)

    return HandSpec(
        name="shadow_hand_right",
        joints=tuple(names),
        actuators=tuple(a.name for a in ACTUATORS),
        coupling=coupling,
        joint_lower=column(JOINTS, "lower"),
        joint_upper=column(JOINTS, "upper"),
        lower=column(ACTUATORS, "lower"),
        upper=column(ACTUATORS, "upper"),
        max_speed=column(ACTUATORS, "speed"),
        home=column(ACTUATORS, "home"),
        fingertips=FINGERTIPS,
        wrist=("WRJ2", "WRJ1"),
        landmarks=LANDMARKS,
    )


SHADOW_RIGHT = _spec()
