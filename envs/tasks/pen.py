"""The task `pen`: point a pen in a direction, after Gymnasium-Robotics' HandManipulatePenRotate.

The rotation of the pen about its own axis is ignored, both in the distance and in observations.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..config import ACTOR_TERMS, CRITIC_TERMS, EnvConfig
from ..mdp import rotations
from ..mdp.observations import GOAL_STEP_RAD, Sensors, Term
from .egg import without_faces
from .goal_law import Goal
from .object_task import ObjectTask
from .orientation_goals import OrientationLaw
from .task import TaskSpec

OWN = {
    "object_reduced": "object_axis",
    "goal_step": "goal_axis_step",
    "goal_angle": "goal_axis_angle",
    "goal_relative": "goal_axis",
}
"""Term of `block` -> the term that ignores the rotation about the pen's axis."""


def axis(wxyz: Tensor) -> Tensor:
    """Direction of the z axis of an object with orientation (..., 4), as unit vectors (..., 3)."""
    up = torch.zeros_like(wxyz[..., :3])
    up[..., 2] = 1.0
    return rotations.rotate(wxyz, up)


def angle_between(first: Tensor, second: Tensor) -> Tensor:
    """Angle between unit vectors (..., 3) [rad], exact for small and large angles."""
    return 2.0 * torch.atan2((first - second).norm(dim=-1), (first + second).norm(dim=-1))


class PenLaw(OrientationLaw):
    """Goals uniform on SO(3), of which only the direction of the axis counts."""

    def distance(self, pose: Sensors, goal: Goal) -> Tensor:
        """See `GoalLaw`: the angle between the axes [rad]."""
        return angle_between(axis(goal["goal_wxyz"]), axis(pose["object_wxyz"]))


def goal_axis_step(s: Sensors) -> Tensor:
    """The shortest rotation vector to the goal's axis, at most GOAL_STEP_RAD long (N, 3)."""
    here, there = axis(s["object_wxyz"]), axis(s["goal_wxyz"])
    normal = torch.linalg.cross(here, there)
    size = angle_between(here, there).unsqueeze(-1).clamp_max(GOAL_STEP_RAD)
    return normal / normal.norm(dim=-1, keepdim=True).clamp_min(1e-6) * size


def goal_axis_angle(s: Sensors) -> Tensor:
    """Angle to the goal's axis (N, 1)."""
    return angle_between(axis(s["object_wxyz"]), axis(s["goal_wxyz"])).unsqueeze(-1)


def _law(config: EnvConfig, device: torch.device | str = "cpu") -> PenLaw:
    return PenLaw(config.goals, device)


def _own(terms: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(OWN.get(name, name) for name in terms)


PEN = TaskSpec(
    "point a pen in any direction",
    ObjectTask,
    object="pen",
    law=_law,
    adapt=without_faces,
    actor_terms=_own(ACTOR_TERMS),
    critic_terms=_own(CRITIC_TERMS),
    terms=(
        Term("object_axis", lambda s: axis(s["object_wxyz"]), (3,), "", "palm", ("object_wxyz",)),
        Term("goal_axis", lambda s: axis(s["goal_wxyz"]), (3,), "", "palm", ("goal_wxyz",)),
        Term("goal_axis_step", goal_axis_step, (3,), "rad", "palm", ("object_wxyz", "goal_wxyz")),
        Term("goal_axis_angle", goal_axis_angle, (1,), "rad", "", ("object_wxyz", "goal_wxyz")),
    ),
)
