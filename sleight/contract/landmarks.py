"""Landmarks: points of the palm whose places are known from the angles of the wrist alone.

A pose network sees them beside the object, and their pixels tell how wrong the told cameras are.
Training has them in `HandSpec`, the robot in the `pose` entry of its bundle. Needs only numpy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from ..config import Range

Metres = Annotated[float, Range(-10, 10)]
Unit = Annotated[float, Range(-1, 1)]


@dataclass(frozen=True)
class Hinge:
    """A joint between the mount and the palm; anchor and axis in frame palm, wrist at rest."""

    joint: str
    anchor_m: tuple[Metres, Metres, Metres]
    axis: tuple[Unit, Unit, Unit]
    """Positive angles turn counterclockwise about this direction."""

    def moved(self, points: np.ndarray, angle_rad: np.ndarray) -> np.ndarray:
        """Points (..., L, 3) turned by `angle_rad` (...)."""
        return turned(points - self.anchor_m, self.axis, angle_rad) + self.anchor_m


def turned(
    points: np.ndarray, axis: tuple[float, float, float], angle_rad: np.ndarray
) -> np.ndarray:
    """Points (..., N, 3) turned about an axis through the origin by angles (...) (Rodrigues)."""
    x, y, z = np.array(axis) / np.linalg.norm(axis)
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    angle = np.asarray(angle_rad, dtype=np.float64)[..., None, None]
    rotation = np.eye(3) + np.sin(angle) * cross + (1.0 - np.cos(angle)) * (cross @ cross)
    moved: np.ndarray = points @ rotation.swapaxes(-1, -2)
    return moved


@dataclass(frozen=True)
class Landmarks:
    """L points of the palm, and the W hinges that carry it."""

    points_m: tuple[tuple[Metres, Metres, Metres], ...] = ()
    """Places in frame palm with the wrist at rest."""
    hinges: tuple[Hinge, ...] = ()
    """From the mount to the palm."""

    def __len__(self) -> int:
        return len(self.points_m)

    def places(self, angles_rad: np.ndarray) -> np.ndarray:
        """Hinge angles (..., W) -> places (..., L, 3) [m], frame palm."""
        angles = np.asarray(angles_rad, dtype=np.float64)
        points = np.zeros((*angles.shape[:-1], 1, 1)) + np.array(self.points_m).reshape(-1, 3)
        for number, hinge in reversed(list(enumerate(self.hinges))):
            points = hinge.moved(points, angles[..., number])
        return points
