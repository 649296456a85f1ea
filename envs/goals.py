"""Goal orientations for the block, each growing from small rotations to all of its kind."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import ConfigError
from . import rotations
from .config import GoalConfig

KINDS = ("face_up", "any_axis", "about_z")
MIN_MARGIN_RAD = 0.1
"""A new goal lies at least this far outside the threshold."""


@dataclass(frozen=True)
class _Dice:
    """What chance decides about K goals, each (K,): drawn for every kind, whatever the shares."""

    kind: Tensor
    flip: Tensor
    half: Tensor
    side: Tensor
    """(K, 4)."""
    yaw: Tensor
    left: Tensor
    spin: Tensor
    ball: Tensor
    axis: Tensor
    """(K, 3)."""
    turn: Tensor
    turn_left: Tensor


class GoalSampler:
    """Draws the next goal of each world from the block's present orientation."""

    def __init__(self, config: GoalConfig, generator: torch.Generator) -> None:
        self.config = config
        self._generator = generator
        self._shares = torch.tensor([getattr(config, kind) for kind in KINDS])
        if not self._shares.sum() > 0:
            raise ConfigError(
                f"env.goals: got {', '.join(KINDS)} all 0, allowed: at least one above 0"
            )
        self._nearest = config.threshold_rad + MIN_MARGIN_RAD
        angles = torch.linspace(0.0, math.pi, 2048)
        self._angles, self._ball = angles, angles - angles.sin()

    def draw(self, object_wxyz: Tensor, largest_rad: Tensor) -> Tensor:
        """Goals (K, 4) for blocks at (K, 4), no farther than `largest_rad` (K,) and their tilt."""
        dice = self._roll(len(object_wxyz))
        upright = nearest_upright(object_wxyz)
        goals = object_wxyz
        for number, kind in enumerate(KINDS):
            if self._shares[number] > 0:
                found = self._goals(kind, dice, object_wxyz, upright, largest_rad)
                goals = torch.where((dice.kind == number).unsqueeze(-1), found, goals)
        return rotations.positive(goals)

    def _goals(
        self, kind: str, dice: _Dice, object_wxyz: Tensor, upright: Tensor, largest_rad: Tensor
    ) -> Tensor:
        if kind == "face_up":
            turn = self._flip_and_yaw(dice, object_wxyz, upright, largest_rad)
        elif kind == "any_axis":
            return rotations.multiply(self._any_axis(dice, largest_rad), object_wxyz)
        else:
            turn = rotations.about_z(self._yaw(dice.turn, dice.turn_left, largest_rad))
        return rotations.multiply(turn, upright)

    def _roll(self, count: int) -> _Dice:
        def uniform() -> Tensor:
            return torch.rand(count, generator=self._generator)

        return _Dice(
            kind=torch.multinomial(self._shares, count, True, generator=self._generator),
            flip=uniform(),
            half=uniform(),
            side=torch.rand(count, 4, generator=self._generator),
            yaw=uniform(),
            left=uniform(),
            spin=uniform(),
            ball=uniform(),
            axis=torch.randn(count, 3, generator=self._generator),
            turn=uniform(),
            turn_left=uniform(),
        )

    def _yaw(self, size: Tensor, left: Tensor, largest_rad: Tensor) -> Tensor:
        angle = self._nearest + (largest_rad - self._nearest).clamp_min(0.0) * size
        return torch.where(left < 0.5, angle, -angle)

    def _any_axis(self, dice: _Dice, largest_rad: Tensor) -> Tensor:
        """Uniform on SO(3) within `largest_rad`: the angle has density 1 - cos (Haar measure)."""
        nearest = torch.tensor(self._nearest)
        low = nearest - nearest.sin()
        high = torch.maximum(largest_rad - largest_rad.sin(), low)
        wanted = low + (high - low) * dice.ball
        above = torch.searchsorted(self._ball, wanted).clamp(1, len(self._ball) - 1)
        below = above - 1
        part = (wanted - self._ball[below]) / (self._ball[above] - self._ball[below])
        size = self._angles[below] + part * (self._angles[above] - self._angles[below])
        axis = dice.axis / dice.axis.norm(dim=-1, keepdim=True)
        return rotations.from_rotvec(axis * size.unsqueeze(-1))

    def _flip_and_yaw(
        self, dice: _Dice, object_wxyz: Tensor, upright: Tensor, largest_rad: Tensor
    ) -> Tensor:
        """Another face up with the share that the config says, where goals reach that far.

        A block that leans is nearer to the face that it leans to, so its flips come first.
        """
        quarter, far = self._quarter_turns(object_wxyz, upright)
        near = far <= largest_rad.unsqueeze(-1) + 1e-3
        flip = (dice.flip < self.config.flip_share) & near.any(dim=-1)
        side = torch.where(near, dice.side, -1.0).argmax(dim=-1)
        everyone = torch.arange(len(side))
        axis, away = quarter[everyone, side], far[everyone, side]
        # Of the five other faces four are a quarter turn away and one a half turn.
        half = (dice.half < 0.2) & (largest_rad >= math.pi - 1e-3)
        size = torch.where(half, math.pi, math.pi / 2) * flip
        turn = rotations.from_rotvec(axis * size.unsqueeze(-1))
        # Both turns together: cos(whole / 2) = cos(flip / 2) cos(spin / 2) for a level block.
        widest = 2 * ((largest_rad / 2).cos() / (away / 2).cos()).clamp(0, 1).acos()
        spin = (-1.0 + 2.0 * dice.spin) * widest
        yaw = self._yaw(dice.yaw, dice.left, largest_rad)
        return rotations.multiply(rotations.about_z(torch.where(flip, spin, yaw)), turn)

    def _quarter_turns(self, object_wxyz: Tensor, upright: Tensor) -> tuple[Tensor, Tensor]:
        """Axes (K, 4, 3) that bring each side up, and how far it is to there (K, 4) rad."""
        # What the cube's symmetry leaves of an upright block is its yaw, the angle of its sides.
        yawed = rotations.to_rotvec(rotations.reduce_by_cube(upright))[..., 2]
        side = yawed.unsqueeze(-1) + torch.arange(4) * (math.pi / 2)
        axis = torch.stack((side.cos(), side.sin(), torch.zeros_like(side)), dim=-1)
        turn = rotations.from_rotvec(axis * (math.pi / 2))
        goals = rotations.multiply(turn, upright.unsqueeze(-2))
        return axis, rotations.distance(goals, object_wxyz.unsqueeze(-2))


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
