"""Goals of a Rubik's cube with one live axis: turn the top layer, or bring another face to the top.

Two kinds, as in Solving Rubik's Cube with a Robot Hand, 2.2 and algorithm 4. A turn leaves the yaw
of the cube free; a flip asks for the whole orientation and for straight layers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import torch
from torch import Tensor

from ...config import Range
from ..config import GoalConfig, Share
from ..mdp import rotations
from ..mdp.observations import Sensors
from .goal_kinds import KINDS, GoalKinds, kind_of
from .goal_law import Goal
from .orientation_goals import Level, OrientationLaw

QUARTER = math.pi / 2


@dataclass(frozen=True)
class FaceConfig:
    """The task `cube-face`."""

    turn_share: Share = 0.5
    """Fraction of goals that turn the top layer, where its axis is vertical; the others flip."""
    turn_threshold_rad: Annotated[float, Range(0.01, 0.7)] = 0.2
    """A goal is reached within this distance of the layers' angles together (their norm) [rad]."""
    turn_margin_rad: Annotated[float, Range(0.0, 0.5)] = 0.04
    """A new turn is at least this much longer than the threshold [rad]."""
    turn_grows: bool = True
    """Turns grow with goal.angle, from small ones to quarter turns; false: quarter turns only, as
    always where goals have no limit (goal.angle is pi, as in an evaluation)."""
    hold_nm: Annotated[float, Range(0.0, 5.0)] = 0.0
    """Dry friction of the layer that is at the bottom when an episode starts [Nm], where it is more
    than the hinge's own: 0.5 holds it, so that the hand cannot turn the cube below the top layer.
    """


class FaceLaw(OrientationLaw):
    """The distance is the larger of two: of the orientation, and of the layers' angles, scaled so
    that both have the orientation's threshold."""

    goals: ClassVar[Mapping[str, int]] = {"goal_wxyz": 4, "goal_joints": 2, "goal_yaw_free": 1}
    uniforms = OrientationLaw.uniforms + 3
    option_limits: ClassVar[Mapping[str, tuple[float, float, str]]] = {
        **OrientationLaw.option_limits,
        "turn_share": (0.0, 1.0, "1"),
    }

    def __init__(
        self, goals: GoalConfig, face: FaceConfig, device: torch.device | str = "cpu"
    ) -> None:
        """Raises ConfigError when every kind of orientation has a fraction of 0."""
        super().__init__(goals, device)
        self.face = face
        self.options["turn_share"] = face.turn_share
        self.per_turn = goals.threshold_rad / face.turn_threshold_rad
        """Distance that an error of 1 rad of the layers counts."""

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
        # The faces are numbered +x +y +z -x -y -z.
        turns = (which < self.options["turn_share"]) & (level.face % 3 == 2)
        turned = self._turned(level, joints, self._size(largest_rad, size), left < 0.5)
        turns = turns.unsqueeze(-1)
        return {
            "goal_wxyz": torch.where(turns, rotations.positive(level.wxyz), flip["goal_wxyz"]),
            "goal_joints": torch.where(turns, turned, straight(joints)),
            "goal_yaw_free": turns.float(),
        }

    def _size(self, largest_rad: Tensor, uniform: Tensor) -> Tensor:
        """Sizes of turns (K,): at most a quarter turn, and that alone where goals have no limit."""
        if not self.face.turn_grows:
            return torch.full_like(largest_rad, QUARTER)
        unlimited = largest_rad > math.pi - 1e-3
        nearest = self.face.turn_threshold_rad + self.face.turn_margin_rad
        largest = largest_rad - (self.threshold - self.face.turn_threshold_rad)
        size = nearest + (largest - nearest).clamp_min(0.0) * uniform
        return torch.where(unlimited, QUARTER, size.clamp_max(QUARTER))

    def _turned(self, level: Level, joints: Tensor, size: Tensor, left: Tensor) -> Tensor:
        """Angles (K, 2) after a turn of the layer that is up by `size` (K,)."""
        top = (level.face == 2).unsqueeze(-1)
        upper = torch.cat((top, ~top), dim=-1)
        turn = torch.where(left, size, -size).unsqueeze(-1)
        whole = (size >= QUARTER).unsqueeze(-1)
        start = torch.where(whole, straight(joints), joints)
        aligned = (joints - straight(joints)).norm(dim=-1) < self.face.turn_threshold_rad
        return start + turn * (upper & (aligned.unsqueeze(-1) | ~whole))

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


class Prepared:
    """What goals are drawn from: how the cube lies, and the angles of its layers (K, 2)."""

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
    return torch.where(s["goal_yaw_free"].squeeze(-1) > 0.5, turn, flip)


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
