"""`HandSpec`: the description of a hand that training and the robot share. Needs only numpy."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .landmarks import Landmarks


@dataclass(frozen=True)
class HandSpec:
    """Names, limits and coupling of a hand with A actuators and J joints.

    The frame "palm" is the frame of every pose: its origin is the centre of the palm with the wrist
    at rest, its z axis points up against gravity, the fingers point along -y.
    """

    name: str
    joints: tuple[str, ...]
    actuators: tuple[str, ...]
    coupling: np.ndarray = field(repr=False)
    """(A, J): control position = coupling @ joint position."""
    joint_lower: np.ndarray = field(repr=False)
    joint_upper: np.ndarray = field(repr=False)
    """(J,) rad: limits of the joints."""
    lower: np.ndarray = field(repr=False)
    upper: np.ndarray = field(repr=False)
    """(A,) rad: limits of the targets."""
    max_speed: np.ndarray = field(repr=False)
    """(A,) rad/s: rated speed of the actuators."""
    home: np.ndarray = field(repr=False)
    """(A,) rad: fingers half curled around the place of the object."""
    fingertips: tuple[str, ...] = ()
    """Sites of the simulated hand."""
    wrist: tuple[str, ...] = ()
    """Joints that carry the whole hand; none for a hand without a wrist."""
    landmarks: Landmarks = field(default_factory=Landmarks)
    """Points of the palm that cameras see, and the hinges of `wrist`; none: cameras as told."""
    palm_centre_m: tuple[float, float] = (0.0, -0.05)
    """(x, y) of the point above which an object is let go, frame palm."""

    @property
    def wrist_joints(self) -> np.ndarray:
        """Indices of the wrist among the joints."""
        return np.array([self.joints.index(name) for name in self.wrist], dtype=np.int64)

    @property
    def wrist_motors(self) -> np.ndarray:
        """Indices of the actuators that move the wrist."""
        return np.flatnonzero(self.coupling[:, self.wrist_joints].any(axis=1))

    def control_position(self, joint_position: np.ndarray) -> np.ndarray:
        """(..., J) joint angles -> (..., A) control positions, rad."""
        return joint_position @ self.coupling.T

    def joint_target(self, target: np.ndarray) -> np.ndarray:
        """(..., A) targets -> (..., J): a coupled sum is split evenly, as in Shadow's driver."""
        share = self.coupling / self.coupling.sum(axis=1, keepdims=True)
        return target @ share
