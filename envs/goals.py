"""Goal orientations for the block, each growing from small rotations to all of its kind."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from . import rotations
from .config import GoalConfig

KINDS = ("face_up", "any_axis", "about_z")
MIN_MARGIN_RAD = 0.1
"""A new goal lies at least this far outside the threshold."""


class GoalSampler:
    """Draws the next goal of each world from the block's present orientation."""

    def __init__(self, config: GoalConfig, generator: torch.Generator) -> None:
        self.config = config
        self._generator = generator
        self._shares = torch.tensor([getattr(config, kind) for kind in KINDS])
        angles = torch.linspace(0.0, math.pi, 2048)
        self._angles, self._ball = angles, angles - angles.sin()

    def draw(self, object_wxyz: Tensor, largest_rad: Tensor) -> Tensor:
        """Goals (K, 4) for blocks at (K, 4), no rotation above `largest_rad` (K,) by more than tilt."""
        count = len(object_wxyz)
        kind = torch.multinomial(self._shares, count, True, generator=self._generator)
        upright = nearest_upright(object_wxyz)
        goals = torch.stack(
            (
                rotations.multiply(self._flip_and_yaw(upright, largest_rad), upright),
                rotations.multiply(self._any_axis(largest_rad), object_wxyz),
                rotations.multiply(rotations.about_z(self._yaw(largest_rad)), upright),
            )
        )
        return rotations.positive(goals[kind, torch.arange(count)])

    def _uniform(self, count: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        return low + (high - low) * torch.rand(count, generator=self._generator)

    def _yaw(self, largest_rad: Tensor) -> Tensor:
        nearest = self.config.threshold_rad + MIN_MARGIN_RAD
        size = nearest + (largest_rad - nearest).clamp_min(0.0) * self._uniform(len(largest_rad))
        return size * (self._uniform(len(largest_rad)) < 0.5).float().mul(2).sub(1)

    def _any_axis(self, largest_rad: Tensor) -> Tensor:
        """Uniform on SO(3) within `largest_rad`: the angle has density 1 - cos (Haar measure)."""
        nearest = torch.tensor(self.config.threshold_rad + MIN_MARGIN_RAD)
        low = nearest - nearest.sin()
        high = torch.maximum(largest_rad - largest_rad.sin(), low)
        wanted = low + (high - low) * self._uniform(len(largest_rad))
        above = torch.searchsorted(self._ball, wanted).clamp(1, len(self._ball) - 1)
        below = above - 1
        part = (wanted - self._ball[below]) / (self._ball[above] - self._ball[below])
        size = self._angles[below] + part * (self._angles[above] - self._angles[below])
        axis = torch.randn(len(largest_rad), 3, generator=self._generator)
        axis = axis / axis.norm(dim=-1, keepdim=True)
        return rotations.from_rotvec(axis * size.unsqueeze(-1))

    def _flip_and_yaw(self, upright: Tensor, largest_rad: Tensor) -> Tensor:
        """Another face up with the share that the config says, once goals reach that far."""
        count = len(largest_rad)
        flip = self._uniform(count) < self.config.flip_share
        # Of the five other faces four are a quarter turn away and one a half turn.
        half = (self._uniform(count) < 0.2) & (largest_rad >= math.pi - 1e-3)
        flip &= largest_rad >= math.pi / 2
        # What the cube's symmetry leaves of an upright block is its yaw: its sides stand at that angle.
        yawed = rotations.to_rotvec(rotations.reduce_by_cube(upright))[..., 2]
        side = yawed + torch.randint(4, (count,), generator=self._generator) * (math.pi / 2)
        size = torch.where(half, math.pi, math.pi / 2)
        axis = torch.stack((side.cos(), side.sin(), torch.zeros(count)), dim=-1)
        turn = rotations.from_rotvec(axis * size.unsqueeze(-1))
        turn = torch.where(flip.unsqueeze(-1), turn, rotations.from_rotvec(torch.zeros(count, 3)))
        yaw = self._yaw(largest_rad)
        spin = self._uniform(count, -1.0, 1.0) * (2 * (largest_rad - math.pi / 2)).clamp(0, math.pi)
        return rotations.multiply(rotations.about_z(torch.where(flip, spin, yaw)), turn)


def nearest_upright(object_wxyz: Tensor) -> Tensor:
    """The nearest orientation with one face exactly up (K, 4)."""
    columns = rotations.to_columns(object_wxyz).unflatten(-1, (2, 3))
    third = torch.linalg.cross(columns[..., 0, :], columns[..., 1, :]).unsqueeze(-2)
    axes = torch.cat((columns, third), dim=-2)
    axes = torch.cat((axes, -axes), dim=-2)
    best = axes[..., 2].argmax(dim=-1)
    normal = axes[torch.arange(len(best)), best]
    up = torch.tensor([0.0, 0.0, 1.0]).to(normal)
    axis = torch.linalg.cross(normal, up.expand_as(normal))
    sine = axis.norm(dim=-1, keepdim=True)
    lean = torch.atan2(sine, normal[..., 2:])
    upright = rotations.from_rotvec(axis * (lean / sine.clamp_min(1e-9)))
    return rotations.multiply(upright, object_wxyz)
