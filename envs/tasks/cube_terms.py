"""Observation and reward terms of a Rubik's cube with one live axis.

They know which layer is above and which below, not which is `top`: turning the cube upside down
swaps the layers and reverses their angles, and the mechanism is the same.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..mdp import rotations
from ..mdp.observations import Sensors, Term, shortened
from ..mdp.rewards import Step
from .cube_goals import without_yaw, wrapped


def upper_first(wxyz: Tensor, layers: Tensor) -> Tensor:
    """Angles or speeds of the layers top and bottom (..., 2) -> of the upper and the lower one,
    about the live axis as it points up; wxyz (..., 4) is the cube's orientation."""
    return torch.where(_points_down(wxyz), -layers.flip(-1), layers)


def _points_down(wxyz: Tensor) -> Tensor:
    """(..., 1) bool: the cube's z axis points down."""
    return wxyz[..., 1:3].square().sum(dim=-1, keepdim=True) > 0.5


def turn_axis(s: Sensors) -> Tensor:
    """Direction of the live axis, the end that is up (N, 3)."""
    wxyz = s["object_wxyz"]
    up = torch.zeros_like(wxyz[..., :3])
    up[..., 2] = 1.0
    axis = rotations.rotate(wxyz, up)
    return torch.where(_points_down(wxyz), -axis, axis)


def turn_error(s: Sensors) -> Tensor:
    """Angles of the upper and the lower layer to their goals (N, 2)."""
    return upper_first(s["object_wxyz"], wrapped(s["goal_joints"] - s["object_joints"]))


def turn_angle(s: Sensors) -> Tensor:
    """Sine and cosine of the angles of the upper and the lower layer (N, 4)."""
    return _circle(upper_first(s["object_wxyz"], s["object_joints"]))


def turn_phase(s: Sensors) -> Tensor:
    """The same of four times the angles: a quarter turn leaves the shape as it was (N, 4)."""
    return _circle(4.0 * upper_first(s["object_wxyz"], s["object_joints"]))


def turn_speed(s: Sensors) -> Tensor:
    """Speeds of the upper and the lower layer (N, 2)."""
    return upper_first(s["object_wxyz"], s["object_joint_velocity"])


def face_relative(s: Sensors) -> Tensor:
    """The rotation to the goal in the palm's axes, without yaw where that is free (N, 4)."""
    between = rotations.between(s["object_wxyz"], s["goal_wxyz"])
    return without_yaw(between, s["goal_yaw_free"])


def face_step(s: Sensors) -> Tensor:
    """The rotation vector of `face_relative`, shortened to GOAL_STEP_RAD (N, 3)."""
    return shortened(rotations.log(face_relative(s)))


def face_angle(s: Sensors) -> Tensor:
    """The angle of `face_relative` (N, 1)."""
    return rotations.angle(face_relative(s)).unsqueeze(-1)


def _circle(angle: Tensor) -> Tensor:
    return torch.cat((angle.sin(), angle.cos()), dim=-1)


def turn_progress(s: Step) -> Tensor:
    """Decrease of the distance of the layers' angles to the goal [rad]."""
    return s.sensors["goal_progress"][:, 1]


def orientation_progress(s: Step) -> Tensor:
    """Decrease of the distance of the orientation to the goal, yaw ignored where free [rad]."""
    return s.sensors["goal_progress"][:, 0]


_LAYERS = ("object_wxyz", "object_joints")
_GOAL = ("object_wxyz", "goal_wxyz", "goal_yaw_free")
TERMS = (
    Term("turn_axis", turn_axis, (3,), "", "palm", ("object_wxyz",)),
    Term("turn_error", turn_error, (2,), "rad", "object", (*_LAYERS, "goal_joints")),
    Term("turn_angle", turn_angle, (4,), "", "object", _LAYERS),
    Term("turn_phase", turn_phase, (4,), "", "object", _LAYERS),
    Term("turn_speed", turn_speed, (2,), "rad/s", "object",
         ("object_wxyz", "object_joint_velocity")),
    Term("face_relative", face_relative, (4,), "", "palm", _GOAL),
    Term("face_step", face_step, (3,), "rad", "palm", _GOAL),
    Term("face_angle", face_angle, (1,), "rad", "", _GOAL),
)  # fmt: skip
REWARD_TERMS = {"turn_progress": turn_progress, "orientation_progress": orientation_progress}
