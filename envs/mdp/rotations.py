"""Rotations as unit quaternions, wxyz, on tensors of shape (..., 4).

Every function uses only operations that ONNX supports, because the observation terms that call
them are exported with the policy.
"""

from __future__ import annotations

import functools
import itertools
import math

import torch
from torch import Tensor
from torch.linalg import vector_norm

from ..sim.draws import Draws

_FACTOR_INDEX = torch.tensor([0, 1, 2, 3, 1, 0, 3, 2, 2, 3, 0, 1, 3, 2, 1, 0])
_FACTOR_SIGN = torch.tensor(
    [[1.0, 1.0, 1.0, 1.0], [-1.0, 1.0, -1.0, 1.0], [-1.0, 1.0, 1.0, -1.0], [-1.0, -1.0, 1.0, 1.0]]
)
"""Row i: the components of q, with signs, that component i of p multiplies in p q."""


@functools.cache
def constant(value: Tensor, device: torch.device, dtype: torch.dtype) -> Tensor:
    """A constant of this module on a device; copied there once."""
    return value.to(device=device, dtype=dtype)


def like(value: Tensor, other: Tensor) -> Tensor:
    """A constant on the device and in the dtype of another tensor."""
    return constant(value, other.device, other.dtype)


def multiply(p: Tensor, q: Tensor) -> Tensor:
    """Hamilton product p q: first q, then p. Broadcasts, (..., 4)."""
    # With hundreds of worlds the number of operations sets the cost, not their size.
    factors = constant(_FACTOR_INDEX, q.device, torch.long)
    matrix = q.index_select(-1, factors).unflatten(-1, (4, 4)) * like(_FACTOR_SIGN, q)
    w, x, y, z = (p.unsqueeze(-1) * matrix).unbind(-2)
    return w + x + y + z


_CONJUGATE = torch.tensor([1.0, -1.0, -1.0, -1.0])


def conjugate(q: Tensor) -> Tensor:
    """The inverse of a unit quaternion, (..., 4)."""
    return q * like(_CONJUGATE, q)


def positive(q: Tensor) -> Tensor:
    """The same rotation with w >= 0, (..., 4)."""
    return torch.where(q[..., :1] < 0, -q, q)


def normalize(q: Tensor) -> Tensor:
    """Unit length, (..., 4)."""
    return q / vector_norm(q, dim=-1, keepdim=True).clamp_min(1e-12)


def from_rotvec(rotvec: Tensor) -> Tensor:
    """Rotation vector [rad], (..., 3) -> (..., 4)."""
    half = 0.5 * vector_norm(rotvec, dim=-1, keepdim=True)
    return torch.cat((half.cos(), 0.5 * _sine_over(half) * rotvec), dim=-1)


def _sine_over(x: Tensor) -> Tensor:
    """sin(x) / x for x >= 0."""
    if torch.onnx.is_in_onnx_export():  # ONNX has no sinc; to float32 this is the same
        x = x.clamp_min(1e-4)
        return x.sin() / x
    return torch.sinc(x / math.pi)


def to_rotvec(q: Tensor) -> Tensor:
    """Rotation vector of length in [0, pi] rad, (..., 4) -> (..., 3)."""
    return log(positive(q))


def log(q: Tensor) -> Tensor:
    """`to_rotvec` for q with w >= 0, (..., 4) -> (..., 3)."""
    sine = vector_norm(q[..., 1:], dim=-1, keepdim=True)
    angle = 2.0 * torch.atan2(sine, q[..., :1])
    return q[..., 1:] * torch.where(sine > 1e-8, angle / sine.clamp_min(1e-8), 2.0)


def angle(q: Tensor) -> Tensor:
    """Rotation angle in [0, pi] rad, (..., 4) -> (...)."""
    return 2.0 * torch.atan2(vector_norm(q[..., 1:], dim=-1), q[..., 0].abs())


def between(start: Tensor, end: Tensor) -> Tensor:
    """The rotation, in the world's axes, that takes `start` to `end`, (..., 4), w >= 0."""
    return positive(multiply(end, conjugate(start)))


def distance(p: Tensor, q: Tensor) -> Tensor:
    """Geodesic distance on SO(3) [rad], (...)."""
    # Half the angle between p and q on the sphere, from chords: exact for small and large angles.
    chords = vector_norm(p - q, dim=-1), vector_norm(p + q, dim=-1)
    return 4.0 * torch.atan2(torch.minimum(*chords), torch.maximum(*chords))


def rotate(q: Tensor, v: Tensor) -> Tensor:
    """Vectors (..., 3) rotated by quaternions (..., 4)."""
    xyz = q[..., 1:]
    t = 2.0 * torch.linalg.cross(xyz, v)
    return v + q[..., :1] * t + torch.linalg.cross(xyz, t)


_COLUMN_FACTORS = torch.tensor(
    [[2, 1, 1, 1, 1, 2], [2, 2, 3, 2, 1, 3], [3, 0, 0, 0, 3, 0], [3, 3, 2, 3, 3, 1]]
).flatten()
_COLUMN_SIGN = torch.tensor([1.0, 1.0, -1.0, -1.0, 1.0, 1.0])
_COLUMN_SCALE = torch.tensor([-2.0, 2.0, 2.0, 2.0, -2.0, 2.0])
_COLUMN_START = torch.tensor([1.0, 0.0, 0.0, 0.0, 1.0, 0.0])


def to_columns(q: Tensor) -> Tensor:
    """First two columns of the rotation matrix, (..., 4) -> (..., 6).

    (1 - 2(yy + zz), 2(xy + wz), 2(xz - wy), 2(xy - wz), 1 - 2(xx + zz), 2(yz + wx)): the continuous
    representation of Zhou et al. 2019 (On the Continuity of Rotation Representations).
    """
    factors = constant(_COLUMN_FACTORS, q.device, torch.long)
    a, b, c, d = q.index_select(-1, factors).unflatten(-1, (4, 6)).unbind(-2)
    sums = a * b + c * d * like(_COLUMN_SIGN, q)
    return like(_COLUMN_START, q) + like(_COLUMN_SCALE, q) * sums


def from_columns(columns: Tensor) -> Tensor:
    """The inverse of `to_columns`, (..., 6) -> (..., 4), w >= 0; the columns have to be unit."""
    x, y = columns[..., :3], columns[..., 3:]
    return from_matrix(torch.stack((x, y, torch.linalg.cross(x, y)), dim=-1))


def from_matrix(matrix: Tensor) -> Tensor:
    """Rotation matrices (..., 3, 3) -> (..., 4), w >= 0 (Shepperd 1978).

    The rows of `products` are 4 q_i q; the one with the largest q_i is the most exact.
    """
    (a, b, c), (d, e, f), (g, h, i) = (row.unbind(-1) for row in matrix.unbind(-2))
    rows = (
        (1 + a + e + i, h - f, c - g, d - b),
        (h - f, 1 + a - e - i, b + d, c + g),
        (c - g, b + d, 1 - a + e - i, f + h),
        (d - b, c + g, f + h, 1 - a - e + i),
    )
    products = torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)
    squares = torch.stack([row[i] for i, row in enumerate(rows)], dim=-1)
    # No gather, whose batch the exporter would fix.
    index = torch.arange(4, device=matrix.device)
    largest = (index == squares.argmax(dim=-1, keepdim=True)).to(matrix.dtype)
    return positive(normalize((largest.unsqueeze(-1) * products).sum(dim=-2)))


def about_z(angle_rad: Tensor) -> Tensor:
    """Rotation about z (yaw), (...) -> (..., 4)."""
    zero = torch.zeros_like(angle_rad)
    return torch.stack(((angle_rad / 2).cos(), zero, zero, (angle_rad / 2).sin()), dim=-1)


def random_rotation(count: int, generator: Draws) -> Tensor:
    """Uniform on SO(3), (count, 4), w >= 0 (normalized Gaussian: Muller 1959)."""
    return positive(normalize(generator.normal(count, 4)))


def _cube_group() -> Tensor:
    """The 24 rotations that map a cube onto itself, (24, 4), the identity first."""
    half = math.sqrt(0.5)
    rotations: list[tuple[float, ...]] = []
    for values in itertools.product((-1.0, -half, -0.5, 0.0, 0.5, half, 1.0), repeat=4):
        unit = abs(sum(v * v for v in values) - 1.0) < 1e-9
        first = next((v for v in values if v != 0.0), 0.0)
        kinds = {abs(v) for v in values} - {0.0}
        if unit and first > 0 and len(kinds) == 1:
            rotations.append(values)
    return torch.tensor(sorted(rotations, reverse=True))


CUBE_GROUP = _cube_group()
_REAL_PART = CUBE_GROUP * _CONJUGATE
"""Row g: the coefficient of each component of q in the real part of q g."""


def reduce_by_cube(q: Tensor) -> Tensor:
    """The rotation nearest to the identity among q g, g in the cube's group, (..., 4), w >= 0.

    A homogeneous cube looks the same under the group, so this is its full orientation.
    """
    return positive(multiply(q, like(CUBE_GROUP, q)[nearest_of_cube(q)]))


def nearest_of_cube(q: Tensor) -> Tensor:
    """Index into CUBE_GROUP of the g for which q g, (..., 4), is nearest to the identity, (...)."""
    # The real part of q g is enough to choose g.
    w, x, y, z = (q.unsqueeze(-2) * like(_REAL_PART, q)).unbind(-1)
    return (w + x + y + z).abs().argmax(dim=-1)
