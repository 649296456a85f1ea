"""Goals of a Rubik's cube: turn the top layer, or bring another face to the top.

Two kinds, as in Solving Rubik's Cube with a Robot Hand, 2.2 and algorithm 4. A turn leaves the yaw
of the cube free. A flip asks for straight layers, and, unless its yaw is free too, for the whole
orientation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import torch
from torch import Tensor

from ....config import Range
from ...config import GoalConfig, Share
from ...mdp import rotations
from ...mdp.observations import Sensors
from ..goal_kinds import KINDS, GoalKinds, kind_of, tilt_to
from ..goal_law import Goal
from ..orientation_goals import Level, OrientationLaw

QUARTER = math.pi / 2
ARRIVED_RAD = 0.25
"""A face that is this near to straight has completed its turn."""


@dataclass(frozen=True)
class TurnConfig:
    """What the tasks of a Rubik's cube share."""

    turn_share: Share = 0.5
    """Fraction of goals that turn the top layer, where its axis is vertical; the others flip."""
    turn_threshold_rad: Annotated[float, Range(0.01, 0.7)] = 0.2
    """A goal is reached within this distance of the layers' angles together (their norm) [rad]."""
    turn_margin_rad: Annotated[float, Range(0.0, 0.5)] = 0.04
    """A new turn is at least this much longer than the threshold [rad]."""
    turn_grows: bool = True
    """Turns grow with goal.angle, from small ones to quarter turns; false: quarter turns only, as
    always where goals have no limit (goal.angle is pi, as in an evaluation)."""
    yaw_free: bool = False
    """A flip leaves the yaw of the cube free, too: any orientation with that face on top."""


class CubeLaw(OrientationLaw):
    """The distance is the larger of two: of the orientation, and of the layers' angles, scaled so
    that both have the orientation's threshold."""

    layers: ClassVar[tuple[int, ...]]
    """For each face, numbered +x +y +z -x -y -z, the inner joint that turns it; -1: none does."""
    uniforms = OrientationLaw.uniforms + 3
    option_limits: ClassVar[Mapping[str, tuple[float, float, str]]] = {
        **OrientationLaw.option_limits,
        "turn_share": (0.0, 1.0, "1"),
    }

    def __init__(
        self, goals: GoalConfig, turns: TurnConfig, device: torch.device | str = "cpu"
    ) -> None:
        """Raises ConfigError when every kind of orientation has a fraction of 0."""
        super().__init__(goals, device)
        self.turns = turns
        self.options["turn_share"] = turns.turn_share
        self.per_turn = goals.threshold_rad / turns.turn_threshold_rad
        """Distance that an error of 1 rad of the layers counts."""
        self._layers = torch.tensor(self.layers, device=device)

    def prepare(self, pose: Sensors) -> Any:
        """See `GoalLaw`: a `Prepared`."""
        return Prepared(super().prepare(pose), pose["object_joints"])

    def draw(self, prepared: Any, largest_rad: Tensor, uniform: Tensor, normal: Tensor) -> Goal:
        """See `GoalLaw`. Turns are shorter than `largest_rad` by as much as their threshold is.

        A quarter turn begins at straight layers; where they are not, the goal is to align them.
        """
        level, joints = prepared.level, prepared.joints
        flip = super().draw(level, largest_rad, uniform[:, :-3], normal)
        which, size, left = uniform[:, -3:].unbind(dim=1)
        upper = self._layers[level.face].unsqueeze(-1)
        turns = (which < self.options["turn_share"]).unsqueeze(-1) & (upper >= 0)
        turned = self._turned(upper, joints, self._size(largest_rad, size), left < 0.5)
        return {
            "goal_wxyz": torch.where(turns, rotations.positive(level.wxyz), flip["goal_wxyz"]),
            "goal_joints": torch.where(turns, turned, straight(joints)),
            "goal_yaw_free": torch.ones_like(upper).float()
            if self.turns.yaw_free
            else turns.float(),
        }

    def _size(self, largest_rad: Tensor, uniform: Tensor) -> Tensor:
        """Sizes of turns (K,): at most a quarter turn, and that alone where goals have no limit."""
        if not self.turns.turn_grows:
            return torch.full_like(largest_rad, QUARTER)
        unlimited = largest_rad > math.pi - 1e-3
        nearest = self.turns.turn_threshold_rad + self.turns.turn_margin_rad
        largest = largest_rad - (self.threshold - self.turns.turn_threshold_rad)
        size = nearest + (largest - nearest).clamp_min(0.0) * uniform
        return torch.where(unlimited, QUARTER, size.clamp_max(QUARTER))

    def _turned(self, upper: Tensor, joints: Tensor, size: Tensor, left: Tensor) -> Tensor:
        """Angles (K, J) after a turn of the layer `upper` (K, 1) by `size` (K,)."""
        is_upper = upper == torch.arange(joints.shape[-1], device=joints.device)
        turn = torch.where(left, size, -size).unsqueeze(-1)
        whole = (size >= QUARTER).unsqueeze(-1)
        start = torch.where(whole, straight(joints), joints)
        aligned = (joints - straight(joints)).norm(dim=-1) < self.turns.turn_threshold_rad
        return start + turn * (is_upper & (aligned.unsqueeze(-1) | ~whole))

    def distance(self, pose: Sensors, goal: Goal) -> Tensor:
        """See `GoalLaw`."""
        orientation, turn = self.parts(pose, goal).unbind(dim=-1)
        return torch.maximum(orientation, self.per_turn * turn)

    def parts(self, pose: Sensors, goal: Goal) -> Tensor:
        """(K, 2) distance of the orientation, and of the layers' angles [rad]."""
        between = rotations.between(pose["object_wxyz"], goal["goal_wxyz"])
        orientation = rotations.angle(without_yaw(between, goal["goal_yaw_free"]))
        error = wrapped(goal["goal_joints"] - pose["object_joints"])
        return torch.stack((orientation, error.norm(dim=-1)), dim=-1)

    def given_up(self, pose: Sensors, goal: Goal) -> Tensor:
        """Quarter turns (K, J) [rad] by which faces have turned that the hand cannot turn back: all
        but the one on top. A face partway through a turn has none yet.

        Added to the goal's angles they make it one that can be reached, as a new plan would.
        """
        error = wrapped(pose["object_joints"] - goal["goal_joints"])
        whole = straight(error)
        whole = torch.where((error - whole).abs() < ARRIVED_RAD, whole, 0.0)
        up = self._layers[Level.nearest(pose["object_wxyz"]).face].unsqueeze(-1)
        is_up = up == torch.arange(error.shape[-1], device=error.device)
        orientation = self.parts(pose, goal)[:, :1]
        return torch.where(is_up & (orientation < QUARTER / 2), 0.0, whole)


class FaceLaw(CubeLaw):
    """Goals of the cube with one live axis, the cube's z: inner joints top and bottom."""

    goals: ClassVar[Mapping[str, int]] = {"goal_wxyz": 4, "goal_joints": 2, "goal_yaw_free": 1}
    layers = (-1, -1, 0, -1, -1, 1)


class FullLaw(CubeLaw):
    """Goals of the full cube: inner joints U R F D L B."""

    goals: ClassVar[Mapping[str, int]] = {"goal_wxyz": 4, "goal_joints": 6, "goal_yaw_free": 1}
    layers = (1, 5, 0, 4, 2, 3)


class Prepared:
    """What goals are drawn from: how the cube lies, and the angles of its layers (K, J)."""

    def __init__(self, level: Level, joints: Tensor) -> None:
        self.level, self.joints = level, joints

    def __getitem__(self, index: Tensor) -> Prepared:
        return Prepared(self.level[index], self.joints[index])


def face_kind(s: Sensors) -> Tensor:
    """Index into FACE_KINDS of each goal (N,), from how the cube lies when it is given."""
    error = wrapped(s["goal_joints"] - s["object_joints"]).abs().amax(dim=-1)
    straight_goal = (s["goal_joints"] - straight(s["goal_joints"])).norm(dim=-1) < 1e-3
    turn = torch.where(error > 0.6 * QUARTER, 2, 1)
    turn = torch.where(straight_goal, turn, 0)
    flip = len(_TURNS) + kind_of(s["object_wxyz"], s["goal_wxyz"])
    stays_up = tilt_to(s["object_wxyz"], s["goal_wxyz"]) < QUARTER / 2
    return torch.where((s["goal_yaw_free"].squeeze(-1) > 0.5) & stays_up, turn, flip)


_TURNS = ("part of a quarter turn", "straight layers", "quarter turn")
FACE_KINDS = GoalKinds((*_TURNS, *(kind.name for kind in KINDS)), face_kind)


def straight(angle: Tensor) -> Tensor:
    """The nearest multiple of a quarter turn [rad]."""
    return (angle / QUARTER).round() * QUARTER


def wrapped(angle: Tensor) -> Tensor:
    """The same angle in [-pi, pi] rad."""
    return torch.atan2(angle.sin(), angle.cos())


def without_yaw(rotation: Tensor, free: Tensor) -> Tensor:
    """Rotations (..., 4) without their twist about the vertical, where `free` (..., 1) is 1."""
    w, x, y, z = rotation.unbind(-1)
    # q = twist * swing; both factors of the swing's vector part come from conj(twist) q.
    real = (w.square() + z.square()).sqrt().clamp_min(1e-9)
    swing = torch.stack(
        (real, (w * x + z * y) / real, (w * y - z * x) / real, torch.zeros_like(w)), dim=-1
    )
    return torch.where(free > 0.5, swing, rotation)
