"""`WristAngles`: the angles of the wrist when a picture was taken, from the loop's readings."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ...contract.hand_spec import HandSpec
from ...contract.landmarks import Landmarks
from ..hand.hand import HandState

REACH_S = 0.15
"""Longest time over which a reading is continued with its velocity."""
Reading = tuple[float, HandState]
"""When a state was measured, by the monotonic clock, and the state."""


class WristAngles:
    """Angles of a hand's hinges near the time of its newest reading."""

    def __init__(self, newest: Callable[[], Reading | None], joints: Sequence[int]) -> None:
        """joints: indices of the hinges' joints, as the landmarks have them."""
        self._newest, self._joints = newest, list(joints)

    @staticmethod
    def of(
        landmarks: Landmarks, spec: HandSpec, newest: Callable[[], Reading | None]
    ) -> WristAngles | None:
        """None if there are no landmarks, or this hand lacks a joint of them."""
        names = [hinge.joint for hinge in landmarks.hinges]
        if not len(landmarks) or not set(names) <= set(spec.joints):
            return None
        return WristAngles(newest, [spec.joints.index(name) for name in names])

    def at(self, time_s: float) -> np.ndarray | None:
        """(W,) rad at `time_s` by the monotonic clock; None if no reading is near enough."""
        reading = self._newest()
        if reading is None or abs(time_s - reading[0]) > REACH_S:
            return None
        measured_s, state = reading
        angles = state.position + (time_s - measured_s) * state.velocity
        chosen: np.ndarray = angles[self._joints]
        return chosen if np.isfinite(chosen).all() else None
