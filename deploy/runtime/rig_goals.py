"""Goals for trials on a robot, by the same law as in training; seeded, so that runs compare.

The law is that of the simulated task: a goal lies at least `MIN_MARGIN_RAD` outside the threshold,
one that is no flip turns by up to `max_angle_rad`, and flips come when that is a quarter turn.
"""

from __future__ import annotations

import math

import numpy as np

from ...contract.bundle import TaskEntry
from ...contract.quaternions import (
    FACE_TO_UP,
    about,
    canonical,
    conjugate,
    face_up,
    multiply,
    rotate,
)

MIN_MARGIN_RAD = 0.1
"""A new goal lies at least this far outside the threshold."""
QUARTER = math.pi / 2
_UP = np.array([0.0, 0.0, 1.0])


class GoalGenerator:
    """One goal after the other, each from the orientation that the object has."""

    def __init__(self, task: TaskEntry, seed: int) -> None:
        self._entry = task.goal
        self._largest_rad = task.goal.max_angle_rad
        self._nearest_rad = min(task.success_threshold_rad + MIN_MARGIN_RAD, self._largest_rad)
        self._rng = np.random.default_rng(seed)

    def next(self, object_wxyz: np.ndarray) -> np.ndarray:
        """The next goal, (4,) wxyz in frame palm."""
        if self._entry.kind == "any_axis":
            return canonical(multiply(self._any_turn(), object_wxyz))
        face = face_up(object_wxyz)
        upright = levelled(object_wxyz, face)
        flip = self._entry.kind == "face_up" and self._rng.random() < self._entry.flip_share
        turn = self._flip(upright, face) if flip and self._largest_rad >= QUARTER else self._yaw()
        return canonical(multiply(turn, upright))

    def _yaw(self) -> np.ndarray:
        size = self._rng.uniform(self._nearest_rad, self._largest_rad)
        return about(_UP, size * self._rng.choice((-1.0, 1.0)))

    def _flip(self, upright: np.ndarray, face: int) -> np.ndarray:
        """Another face up, each of the five alike once goals reach half a turn; then any yaw."""
        sides = [other for other in range(6) if other // 2 != face // 2]
        axis = np.zeros(3)
        side = self._rng.choice(sides)
        axis[side // 2] = 1.0 - 2.0 * (side % 2)
        half = self._largest_rad >= math.pi - 1e-3 and self._rng.random() < 0.2
        flip = about(rotate(upright, axis), math.pi if half else QUARTER)
        spin_rad = min(2.0 * (self._largest_rad - QUARTER), math.pi)
        return multiply(about(_UP, self._rng.uniform(-spin_rad, spin_rad)), flip)

    def _any_turn(self) -> np.ndarray:
        """Uniform on SO(3) between the nearest and the largest angle: any axis, density 1 - cos."""
        axis = self._rng.standard_normal(3)
        while True:
            size_rad = self._rng.uniform(self._nearest_rad, self._largest_rad)
            density = (1.0 - math.cos(size_rad)) / (1.0 - math.cos(self._largest_rad))
            if self._rng.random() < density:
                return about(axis / np.linalg.norm(axis), size_rad)


def levelled(object_wxyz: np.ndarray, face: int) -> np.ndarray:
    """The orientation nearest to `object_wxyz` with `face` exactly up."""
    base = FACE_TO_UP[face]
    # object = tilt * yaw * base, with the tilt about a horizontal axis: drop the tilt.
    q = multiply(object_wxyz, conjugate(base))
    return multiply(canonical(np.array([q[0], 0.0, 0.0, q[3]])), base)
