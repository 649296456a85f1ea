"""Pinhole cameras and their placements, in numpy, for renders, networks and the robot.

A camera's own axes are OpenCV's: x right, y down, z forwards. Its placement is `camera_to_palm`.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

UP = np.array([0.0, 0.0, 1.0])
MUJOCO_FROM_OPENCV = np.diag([1.0, -1.0, -1.0])
"""MuJoCo's cameras look along -z with y up."""


def matrix_of(wxyz: np.ndarray) -> np.ndarray:
    """Unit quaternions (..., 4) -> rotation matrices (..., 3, 3)."""
    w, x, y, z = np.moveaxis(np.asarray(wxyz, dtype=np.float64), -1, 0)
    rows = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    )
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def wxyz_of(matrix: np.ndarray) -> np.ndarray:
    """A rotation matrix (3, 3) -> a unit quaternion (4,), w >= 0.

    The eigenvector of the largest eigenvalue of Bar-Itzhack's matrix (2000). It is stable at every
    angle and gives the nearest rotation to a matrix that is not exactly orthonormal.
    """
    m = np.asarray(matrix, dtype=np.float64)
    symmetric = np.array(
        [
            [np.trace(m), m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]],
            [0, m[0, 0] - m[1, 1] - m[2, 2], m[0, 1] + m[1, 0], m[0, 2] + m[2, 0]],
            [0, 0, m[1, 1] - m[0, 0] - m[2, 2], m[1, 2] + m[2, 1]],
            [0, 0, 0, m[2, 2] - m[0, 0] - m[1, 1]],
        ]
    )
    _, vectors = np.linalg.eigh(symmetric, UPLO="U")
    wxyz = vectors[:, -1]
    return -wxyz if wxyz[0] < 0 else wxyz


def turn(rotvec: np.ndarray) -> np.ndarray:
    """A rotation vector (3,) [rad] -> (3, 3) (Rodrigues)."""
    angle = float(np.linalg.norm(rotvec))
    x, y, z = np.asarray(rotvec) / angle if angle > 1e-12 else np.zeros(3)
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.eye(3) + math.sin(angle) * cross + (1.0 - math.cos(angle)) * (cross @ cross)


def cube_rotations() -> np.ndarray:
    """The 24 rotations that map a cube onto itself, (24, 3, 3): signed permutations of the axes."""
    signs = itertools.product((-1.0, 1.0), repeat=3)
    pairs = itertools.product(itertools.permutations(np.eye(3)), list(signs))
    matrices = [np.array(rows) * np.array(sign)[:, None] for rows, sign in pairs]
    return np.array([matrix for matrix in matrices if np.linalg.det(matrix) > 0])


def angle_between(a: np.ndarray, b: np.ndarray) -> float:
    """Angle [rad] of the rotation from `a` to `b`, (3, 3) each."""
    # From the chord |a - b| = 2 sqrt(2) sin(angle / 2): exact for small angles too.
    return 2.0 * math.asin(min(1.0, float(np.linalg.norm(a - b)) / math.sqrt(8.0)))


@dataclass(frozen=True)
class Placement:
    """Pose of a camera or another body: `x_to_palm`."""

    position: np.ndarray
    """(3,) m."""
    rotation: np.ndarray
    """(3, 3): the body's axes, as columns, in the palm's frame."""

    def to_palm(self, points: np.ndarray) -> np.ndarray:
        """Transform points (..., 3) from the body's frame to the palm's."""
        return points @ self.rotation.T + self.position

    def from_palm(self, points: np.ndarray) -> np.ndarray:
        """Transform points (..., 3) from the palm's frame to the body's."""
        return (points - self.position) @ self.rotation

    def after(self, inner: Placement) -> Placement:
        """Composition: the placement of a body that has the pose `inner` in this body's frame."""
        return Placement(self.to_palm(inner.position), self.rotation @ inner.rotation)

    def inverse(self) -> Placement:
        """The pose of the palm in this body's frame."""
        return Placement(-self.position @ self.rotation, self.rotation.T)

    def moved(self, shift: np.ndarray, rotvec: np.ndarray) -> Placement:
        """Shifted by (3,) [m] in the palm's frame and turned by (3,) [rad] about its own axes."""
        return Placement(self.position + shift, self.rotation @ turn(rotvec))

    def distances(self, other: Placement) -> tuple[float, float]:
        """Distance [m] and angle [rad] to `other`."""
        distance_m = float(np.linalg.norm(self.position - other.position))
        return distance_m, angle_between(self.rotation, other.rotation)


def looking_at(position: np.ndarray, target: np.ndarray, up: np.ndarray = UP) -> Placement:
    """A camera at `position` with `target` in its centre and `up` (3,) towards its upper edge."""
    position = np.asarray(position, dtype=np.float64)
    forward = np.asarray(target) - position
    forward = forward / np.linalg.norm(forward)
    right = np.cross(forward, up)
    right = right / np.linalg.norm(right)
    return Placement(position, np.stack([right, np.cross(forward, right), forward], axis=1))


@dataclass(frozen=True)
class Pinhole:
    """Camera intrinsics. (0.5, 0.5) is the centre of the upper left pixel."""

    width: int
    height: int
    focal_px: tuple[float, float]
    centre_px: tuple[float, float]

    @staticmethod
    def of_fov(width: int, height: int, fovy_deg: float) -> Pinhole:
        """Square pixels, a centred optical axis, and a vertical field of view."""
        focal = 0.5 * height / math.tan(0.5 * math.radians(fovy_deg))
        return Pinhole(width, height, (focal, focal), (width / 2, height / 2))

    @property
    def matrix(self) -> np.ndarray:
        """(3, 3) camera matrix in OpenCV's convention: integer coordinates are pixel centres."""
        (fx, fy), (cx, cy) = self.focal_px, self.centre_px
        return np.array([[fx, 0.0, cx - 0.5], [0.0, fy, cy - 0.5], [0.0, 0.0, 1.0]])

    def camera_matrix(self, camera: Placement) -> np.ndarray:
        """(3, 4): (x, y, z, 1) [m], frame palm, to its picture in units of half the edges."""
        (fx, fy), (cx, cy) = self.focal_px, self.centre_px
        half = np.array([[2 * fx / self.width, 0.0, 2 * cx / self.width - 1.0],
                         [0.0, 2 * fy / self.height, 2 * cy / self.height - 1.0],
                         [0.0, 0.0, 1.0]])  # fmt: skip
        palm = camera.inverse()
        return half @ np.column_stack((palm.rotation, palm.position))

    def project(self, camera: Placement, points: np.ndarray) -> np.ndarray:
        """Project points (..., 3) in the palm's frame to pixels (..., 2), column and row."""
        x, y, z = np.moveaxis(camera.from_palm(points), -1, 0)
        (fx, fy), (cx, cy) = self.focal_px, self.centre_px
        return np.stack([fx * x / z + cx, fy * y / z + cy], axis=-1)
