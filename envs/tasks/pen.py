"""The task `pen`: point a pen in a direction, after Gymnasium-Robotics' HandManipulatePenRotate.

The rotation of the pen about its own axis is ignored, both in the distance and in observations.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from ..config import ACTOR_TERMS, CRITIC_TERMS, EnvConfig
from ..mdp import rotations
from ..mdp.observations import GOAL_STEP_RAD, Sensors, Term
from .egg import instead, without_faces
from .goal_law import Goal, GoalLaw
from .object_task import ObjectTask
from .orientation_goals import MIN_MARGIN_RAD
from .task import TaskSpec

OWN = {
    "object_reduced": "object_axis",
    "object_motion": "object_axis_motion",
    "goal_step": "goal_axis_step",
    "goal_angle": "goal_axis_angle",
    "goal_relative": "goal_axis",
}
"""Term of `block` -> the term that ignores the rotation about the pen's axis."""
PREVIOUS = ("previous_object_position", "previous_object_wxyz")


def axis(wxyz: Tensor) -> Tensor:
    """Direction of the z axis of an object with orientation (..., 4), as unit vectors (..., 3)."""
    up = torch.zeros_like(wxyz[..., :3])
    up[..., 2] = 1.0
    return rotations.rotate(wxyz, up)


def angle_between(first: Tensor, second: Tensor) -> Tensor:
    """Angle between unit vectors (..., 3) [rad], exact for small and large angles."""
    return 2.0 * torch.atan2((first - second).norm(dim=-1), (first + second).norm(dim=-1))


class PenLaw(GoalLaw):
    """Goals whose axes are uniform on the sphere, within the allowed range of angles."""

    goals: ClassVar[Mapping[str, int]] = {"goal_wxyz": 4}
    uniforms, normals = 1, 3

    def distance(self, pose: Sensors, goal: Goal) -> Tensor:
        """See `GoalLaw`: the angle between the axes [rad]."""
        return angle_between(axis(goal["goal_wxyz"]), axis(pose["object_wxyz"]))

    def draw(self, prepared: Sensors, largest_rad: Tensor, uniform: Tensor, normal: Tensor) -> Goal:
        """See `GoalLaw`: the cosine of a uniform direction's angle to any axis is uniform."""
        nearest = self.threshold + MIN_MARGIN_RAD
        low, high = math.cos(nearest), largest_rad.clamp_min(nearest).cos()
        angle = (low + (high - low) * uniform[:, 0]).acos()
        across = torch.linalg.cross(axis(prepared["object_wxyz"]), normal)
        across = across / across.norm(dim=-1, keepdim=True).clamp_min(1e-6)
        turn = rotations.from_rotvec(across * angle.unsqueeze(-1))
        turned = rotations.multiply(turn, prepared["object_wxyz"])
        return {"goal_wxyz": rotations.positive(turned)}


def axis_turn(first: Tensor, second: Tensor) -> Tensor:
    """The shortest rotation vector (..., 3) from one unit vector to another."""
    normal = torch.linalg.cross(first, second)
    size = angle_between(first, second).unsqueeze(-1)
    return normal / normal.norm(dim=-1, keepdim=True).clamp_min(1e-6) * size


def object_axis_motion(s: Sensors) -> Tensor:
    """Displacement [m] and turn of the axis [rad] since the last step (N, 6), x 10."""
    turn = axis_turn(axis(s["previous_object_wxyz"]), axis(s["object_wxyz"]))
    shift = s["object_position"] - s["previous_object_position"]
    return 10.0 * torch.cat((shift, turn), dim=-1)


def goal_axis_step(s: Sensors) -> Tensor:
    """The shortest rotation vector to the goal's axis, at most GOAL_STEP_RAD long (N, 3)."""
    turn = axis_turn(axis(s["object_wxyz"]), axis(s["goal_wxyz"]))
    length = turn.norm(dim=-1, keepdim=True).clamp_min(1e-6)
    return turn * (GOAL_STEP_RAD / length).clamp_max(1.0)


def goal_axis_angle(s: Sensors) -> Tensor:
    """Angle to the goal's axis (N, 1)."""
    return angle_between(axis(s["object_wxyz"]), axis(s["goal_wxyz"])).unsqueeze(-1)


def _law(config: EnvConfig, device: torch.device | str = "cpu") -> PenLaw:
    return PenLaw(config.goals.threshold_rad)


PEN = TaskSpec(
    "point a pen in any direction",
    ObjectTask,
    object="pen",
    law=_law,
    adapt=without_faces,
    actor_terms=instead(ACTOR_TERMS, OWN),
    critic_terms=instead(CRITIC_TERMS, OWN),
    terms=(
        Term("object_axis", lambda s: axis(s["object_wxyz"]), (3,), "", "palm", ("object_wxyz",)),
        Term(
            "object_axis_motion",
            object_axis_motion,
            (6,),
            "10 m, 10 rad per step",
            "palm",
            ("object_position", "object_wxyz", *PREVIOUS),
        ),
        Term("goal_axis", lambda s: axis(s["goal_wxyz"]), (3,), "", "palm", ("goal_wxyz",)),
        Term("goal_axis_step", goal_axis_step, (3,), "rad", "palm", ("object_wxyz", "goal_wxyz")),
        Term("goal_axis_angle", goal_axis_angle, (1,), "rad", "", ("object_wxyz", "goal_wxyz")),
    ),
)
