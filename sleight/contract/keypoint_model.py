"""Keypoints of an object: points of its body, and points of layers that turn about it.

A pose network sees them, and a fit finds the pose and the angles that agree with their pixels.
Training has them in `ObjectSpec`, the robot in the `pose` entry of its bundle. Needs only numpy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

import numpy as np

from ..config import Range
from ..errors import ConfigError
from .landmarks import Metres, Unit, turned

Point = tuple[Metres, Metres, Metres]


@dataclass(frozen=True)
class KeypointHinge:
    """A layer that turns about an axis through the object's origin and looks the same after a
    period, but for one mark: a face of a Rubik's cube, and the cut sticker in its centre."""

    axis: tuple[Unit, Unit, Unit]
    """Positive angles turn counterclockwise about this direction."""
    points_m: tuple[Point, ...]
    """Points at the angle zero. They turn with the angle modulo the period."""
    mark_m: Point
    """A point at the angle zero that turns with the whole angle."""
    period_deg: Annotated[float, Range(1, 360)] = 90.0

    def __post_init__(self) -> None:
        length = math.sqrt(sum(value * value for value in self.axis))
        if abs(length - 1.0) > 1e-3:
            raise ConfigError(f"axis: got length {length:.4g}, allowed: 1")
        if not self.points_m:
            raise ConfigError("points_m: got none, allowed: one or more points of the layer")

    def scaled(self, size_m: float) -> KeypointHinge:
        """The hinge of an object of this size, of a hinge whose lengths are fractions of it."""
        points = tuple(_scaled(point, size_m) for point in self.points_m)
        return KeypointHinge(self.axis, points, _scaled(self.mark_m, size_m), self.period_deg)

    def wrapped(self, angle_rad: np.ndarray) -> np.ndarray:
        """Angles modulo the period, in [-period / 2, period / 2)."""
        period = np.radians(self.period_deg)
        return np.asarray((angle_rad + 0.5 * period) % period - 0.5 * period)


@dataclass(frozen=True)
class KeypointModel:
    """K keypoints of an object with J hinges: its own points, those of the layers, the marks."""

    points_m: tuple[Point, ...]
    """Points that do not move in the object's frame."""
    hinges: tuple[KeypointHinge, ...] = ()

    def __len__(self) -> int:
        return self.fitted + len(self.hinges)

    @cached_property
    def fitted(self) -> int:
        """Number of keypoints without the marks, which come last."""
        return len(self.points_m) + sum(len(hinge.points_m) for hinge in self.hinges)

    @cached_property
    def axes(self) -> np.ndarray:
        """(J, 3)"""
        return np.array([hinge.axis for hinge in self.hinges], dtype=float).reshape(-1, 3)

    @cached_property
    def hinge_of(self) -> np.ndarray:
        """(fitted,) index of each point's hinge, -1 without one."""
        groups = [np.full(len(self.points_m), -1)]
        groups += [np.full(len(hinge.points_m), j) for j, hinge in enumerate(self.hinges)]
        return np.concatenate(groups)

    def places(self, angles_rad: np.ndarray) -> np.ndarray:
        """Whole angles of the hinges (..., J) -> places (..., K, 3) [m], object's frame."""
        angles = np.asarray(angles_rad, dtype=float)
        leading = angles.shape[:-1]
        own = np.array(self.points_m, dtype=float).reshape(-1, 3)
        parts, marks = [np.broadcast_to(own, (*leading, *own.shape))], []
        for j, hinge in enumerate(self.hinges):
            points = np.array(hinge.points_m, dtype=float).reshape(-1, 3)
            parts.append(turned(points, hinge.axis, hinge.wrapped(angles[..., j])))
            marks.append(turned(np.array([hinge.mark_m]), hinge.axis, angles[..., j]))
        return np.concatenate([*parts, *marks], axis=-2)


def _scaled(point: Point, size_m: float) -> Point:
    x, y, z = point
    return (x * size_m, y * size_m, z * size_m)
