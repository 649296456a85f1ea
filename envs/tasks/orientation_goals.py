"""Goal orientations for the block; the curriculum grows each kind from small rotations to all."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import torch
from torch import Tensor

from ...errors import ConfigError
from ..config import GoalConfig
from ..mdp import rotations
from ..mdp.observations import Sensors
from .goal_law import Goal, GoalLaw

KINDS = ("face_up", "any_axis", "about_z")
MIN_MARGIN_RAD = 0.1
"""A new goal is at least this far outside the success threshold."""


@dataclass(frozen=True)
class _Dice:
    """Random numbers for K goals, each (K,); drawn for every kind of goal, used or not."""

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


class OrientationLaw(GoalLaw):
    """Orientations, each drawn relative to the present one (Solving Rubik's Cube, algorithm 3)."""

    goals: ClassVar[Mapping[str, int]] = {"goal_wxyz": 4}
    uniforms, normals = 13, 3
    option_limits: ClassVar[Mapping[str, tuple[float, float, str]]] = {
        **GoalLaw.option_limits,
        "flip_share": (0.0, 1.0, "1"),
    }

    def __init__(self, config: GoalConfig, device: torch.device | str = "cpu") -> None:
        """Raises ConfigError when every kind of goal has a fraction of 0."""
        super().__init__(config.threshold_rad, flip_share=config.flip_share)
        self.config = config
        shares = torch.tensor([getattr(config, kind) for kind in KINDS])
        if not shares.sum() > 0:
            raise ConfigError(
                f"env.goals: got {', '.join(KINDS)} all 0, allowed: at least one above 0"
            )
        self._in_use = (shares > 0).tolist()
        self._steps = (shares.cumsum(0) / shares.sum())[:-1].to(device)
        self._nearest = config.threshold_rad + MIN_MARGIN_RAD
        angles = torch.linspace(0.0, math.pi, 2048).to(device)
        self._angles, self._ball = angles, angles - angles.sin()

    def prepare(self, pose: Sensors) -> Any:
        """See `GoalLaw`: a `Level`."""
        return Level.nearest(pose["object_wxyz"])

    def distance(self, pose: Sensors, goal: Goal) -> Tensor:
        """See `GoalLaw`: on SO(3), rad."""
        return rotations.distance(goal["goal_wxyz"], pose["object_wxyz"])

    def draw(self, prepared: Any, largest_rad: Tensor, uniform: Tensor, normal: Tensor) -> Goal:
        """See `GoalLaw`: at most `largest_rad` (K,) plus the tilt of the block away."""
        dice = self._roll(uniform, normal)
        kinds = [number for number in range(len(KINDS)) if self._in_use[number]]
        goals = [self._goals(KINDS[k], dice, prepared, largest_rad) for k in kinds]
        mixed = goals[0]
        for number, kind_goals in zip(kinds[1:], goals[1:], strict=True):
            mixed = torch.where((dice.kind == number).unsqueeze(-1), kind_goals, mixed)
        return {"goal_wxyz": rotations.positive(mixed)}

    def _goals(self, kind: str, dice: _Dice, level: Level, largest_rad: Tensor) -> Tensor:
        if kind == "face_up":
            return self._flip_and_yaw(dice, level, largest_rad)
        if kind == "any_axis":
            return rotations.multiply(self._any_axis(dice, largest_rad), level.block)
        yaw = self._yaw(dice.turn, dice.turn_left, largest_rad)
        return rotations.multiply(rotations.about_z(yaw), level.wxyz)

    def _roll(self, uniform: Tensor, normal: Tensor) -> _Dice:
        kind, flip, half, yaw, left, spin, ball, turn, turn_left = uniform[:, :9].unbind(dim=1)
        return _Dice(
            kind=(kind.unsqueeze(-1) >= self._steps).sum(dim=-1),
            flip=flip,
            half=half,
            side=uniform[:, 9:],
            yaw=yaw,
            left=left,
            spin=spin,
            ball=ball,
            axis=normal,
            turn=turn,
            turn_left=turn_left,
        )

    def _yaw(self, size: Tensor, left: Tensor, largest_rad: Tensor) -> Tensor:
        angle = self._nearest + (largest_rad - self._nearest).clamp_min(0.0) * size
        return torch.where(left < 0.5, angle, -angle)

    def _any_axis(self, dice: _Dice, largest_rad: Tensor) -> Tensor:
        """Uniform on SO(3) within `largest_rad`: the angle has density 1 - cos (Haar measure)."""
        nearest = torch.tensor(self._nearest, device=largest_rad.device)
        low = nearest - nearest.sin()
        high = torch.maximum(largest_rad - largest_rad.sin(), low)
        area = low + (high - low) * dice.ball
        above = _first_not_below(self._ball, area).clamp(1, len(self._ball) - 1)
        below = above - 1
        part = (area - self._ball[below]) / (self._ball[above] - self._ball[below])
        size = self._angles[below] + part * (self._angles[above] - self._angles[below])
        axis = dice.axis / dice.axis.norm(dim=-1, keepdim=True)
        return rotations.from_rotvec(axis * size.unsqueeze(-1))

    def _flip_and_yaw(self, dice: _Dice, level: Level, largest_rad: Tensor) -> Tensor:
        """Bring another face up with probability `flip_share`, where goals may be that far away.

        A leaning block is nearer to the face that it leans to, so its flips are allowed first.
        """
        far = level.to_sides
        near = far <= largest_rad.unsqueeze(-1) + 1e-3
        flip = (dice.flip < self.options["flip_share"]) & near.any(dim=-1)
        side = torch.where(near, dice.side, -1.0).argmax(dim=-1, keepdim=True)
        away = far.gather(-1, side).squeeze(-1)
        # A half turn is allowed when the nearest rotation that counts as one is in range.
        reach = math.pi - self.config.threshold_rad
        half = (dice.half < self.config.half_share) & (largest_rad >= reach)
        turns = rotations.like(_SIDE_TURNS, largest_rad)
        turn = turns[flip * (1 + half.long()), level.face, side.squeeze(-1)]
        # For a level block the combined angle obeys cos(whole / 2) = cos(flip / 2) cos(spin / 2).
        widest = 2 * ((largest_rad / 2).cos() / (away / 2).cos()).clamp(0, 1).acos()
        spin = (-1.0 + 2.0 * dice.spin) * widest
        yaw = self._yaw(dice.yaw, dice.left, largest_rad)
        spun = rotations.about_z(torch.where(flip, spin, yaw))
        return rotations.multiply(spun, rotations.multiply(level.wxyz, turn))


def _first_not_below(rising: Tensor, wanted: Tensor) -> Tensor:
    """Index into a rising table (M,) of the first value that is not below each of `wanted` (K,)."""
    if torch.onnx.is_in_onnx_export():  # ONNX has no searchsorted; this gives the same index
        return (rising < wanted.unsqueeze(-1)).sum(dim=-1)
    return torch.searchsorted(rising, wanted)


_FACES = torch.cat((torch.eye(3), -torch.eye(3)))
"""Outward normals of the block's faces, in its own axes (6, 3)."""


def _side_turns() -> Tensor:
    """(3, 6, 4, 4): rotations by 0, a quarter and a half turn; for each face that is up; about each
    of the four level axes."""
    sides = torch.stack([_FACES[(_FACES @ face) == 0.0] for face in _FACES])
    half_angles = torch.tensor([0.0, math.pi / 4, math.pi / 2]).view(3, 1, 1, 1)
    real = half_angles.cos().expand(3, 6, 4, 1)
    return torch.cat((real, half_angles.sin() * sides), dim=-1)


_SIDE_TURNS = _side_turns()


@dataclass(frozen=True)
class Level:
    """K block orientations, and for each the nearest one with a face exactly up."""

    block: Tensor
    """(K, 4) orientations."""
    face: Tensor
    """(K,) index of the face that is up, in the order +x +y +z -x -y -z."""
    wxyz: Tensor
    """(K, 4) the level orientations."""
    to_sides: Tensor
    """(K, 4) rotation that brings each of the four side faces up [rad]."""

    def __getitem__(self, index: Tensor) -> Level:
        return Level(*(getattr(self, row.name)[index] for row in fields(self)))

    @classmethod
    def nearest(cls, object_wxyz: Tensor) -> Level:
        """From orientations (K, 4)."""
        up = rotations.like(_FACES, object_wxyz)[2].expand(len(object_wxyz), 3)
        up = rotations.rotate(rotations.conjugate(object_wxyz), up)
        height, face = torch.cat((up, -up), dim=-1).max(dim=-1, keepdim=True)
        face = face.squeeze(-1)
        # The shortest rotation from a to b is (1 + a.b, a x b), normalized; in the block's axes.
        cross = torch.linalg.cross(rotations.like(_FACES, up)[face], up)
        lean = rotations.normalize(torch.cat((1.0 + height, cross), dim=-1))
        # Then a quarter turn to a side; the real part of the product gives the combined angle.
        turn = rotations.like(_SIDE_TURNS, lean)[1][face]
        real = (turn * rotations.conjugate(lean).unsqueeze(-2)).sum(dim=-1)
        to_sides = 2.0 * real.abs().clamp(max=1.0).acos()
        return cls(object_wxyz, face, rotations.multiply(object_wxyz, lean), to_sides)


def nearest_upright(object_wxyz: Tensor) -> Tensor:
    """The nearest orientation with one face exactly up (K, 4)."""
    return Level.nearest(object_wxyz).wxyz
