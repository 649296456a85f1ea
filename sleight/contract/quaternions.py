"""Rotations as unit quaternions, wxyz with w >= 0, in numpy, for the robot."""

from __future__ import annotations

import math

import numpy as np

_HALF = math.sqrt(0.5)
IDENTITY = np.array([1.0, 0.0, 0.0, 0.0])
FACE_TO_UP = np.array(
    [
        [_HALF, 0.0, -_HALF, 0.0],
        [_HALF, 0.0, _HALF, 0.0],
        [_HALF, _HALF, 0.0, 0.0],
        [_HALF, -_HALF, 0.0, 0.0],
        [1.0, 0.0, 0.0, 0.0],
        [0.0, 1.0, 0.0, 0.0],
    ]
)
"""(6, 4): rotations that turn the face +x, -x, +y, -y, +z, -z of a cube up."""


def multiply(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Hamilton product p q, (4,): rotate by q, then by p."""
    w, v, u, r = p[0], p[1:], q[0], q[1:]
    return np.concatenate(([w * u - v @ r], w * r + u * v + np.cross(v, r)))


def conjugate(q: np.ndarray) -> np.ndarray:
    """The inverse of a unit quaternion, (4,)."""
    return q * np.array([1.0, -1.0, -1.0, -1.0])


def canonical(q: np.ndarray) -> np.ndarray:
    """The same rotation with unit length and w >= 0, (4,)."""
    q = q / np.linalg.norm(q)
    return -q if q[0] < 0 else q


def distance(p: np.ndarray, q: np.ndarray) -> float:
    """Angle of the rotation between two orientations, in [0, pi] rad."""
    d = multiply(p, conjugate(q))
    return float(2.0 * math.atan2(float(np.linalg.norm(d[1:])), abs(float(d[0]))))


def about(axis: np.ndarray, angle_rad: float) -> np.ndarray:
    """The rotation by `angle_rad` about a unit vector (3,)."""
    return canonical(np.concatenate(([math.cos(angle_rad / 2)], math.sin(angle_rad / 2) * axis)))


def rotate(q: np.ndarray, v: np.ndarray) -> np.ndarray:
    """The vector v (3,) rotated by q (4,)."""
    t = 2.0 * np.cross(q[1:], v)
    return v + q[0] * t + np.cross(q[1:], t)


def random_rotation(rng: np.random.Generator) -> np.ndarray:
    """Uniform on SO(3), (4,) (normalized Gaussian: Muller 1959)."""
    return canonical(rng.standard_normal(4))


def face_up(q: np.ndarray) -> int:
    """Index of the face of a cube at `q` that points up: 0..5 for +x, -x, +y, -y, +z, -z."""
    up_in_object = rotate(conjugate(q), np.array([0.0, 0.0, 1.0]))
    axis = int(np.abs(up_in_object).argmax())
    return 2 * axis + int(up_in_object[axis] < 0)
