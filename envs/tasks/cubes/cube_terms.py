"""Observation and reward terms of a Rubik's cube.

They know which layer is above and which below, not which face it is of: the mechanism is the same
under the cube's symmetry. So a policy of the cheap cube can act on the full one.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ...mdp import rotations
from ...mdp.observations import Sensors, Term, shortened
from ...mdp.rewards import Step
from .cube_goals import QUARTER, FullLaw, without_yaw, wrapped

NEAR_RAD = 0.3
"""An orientation is as good as reached."""
FACES = len(FullLaw.layers)
_DIRECTIONS = torch.tensor([[0.0, 0, 1], [0, 0, -1], [1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]])
"""Up, down and the four sides, in the palm's axes."""


def _faces_at() -> tuple[Tensor, Tensor]:
    """(24, 6) each: for a cube that a rotation of its group brings nearest to the palm's axes, the
    inner joint of the face at each direction; and the sign of its angle about that direction, for
    down about up."""
    group = rotations.CUBE_GROUP.unsqueeze(1)
    normal = rotations.rotate(group, _DIRECTIONS.unsqueeze(0)).round()
    axis = normal.abs().argmax(dim=-1)
    sign = normal.sum(dim=-1)
    joint = torch.tensor(FullLaw.layers)[axis + 3 * (sign < 0)]
    about = torch.ones(FACES)
    about[1] = -1.0
    return joint, sign * about


_JOINT_AT, _SIGN_AT = _faces_at()


def by_direction(wxyz: Tensor, layers: Tensor) -> Tensor:
    """Angles or speeds of the full cube's faces U R F D L B about their positive axes (..., 6) ->
    of the faces that are up and down, both about up, and of those at the palm's +x, -x, +y and -y,
    about their outward normals; wxyz (..., 4) is the cube's orientation."""
    nearest = rotations.nearest_of_cube(wxyz)
    joint = rotations.constant(_JOINT_AT, wxyz.device, torch.long)[nearest]
    return layers.gather(-1, joint) * rotations.like(_SIGN_AT, wxyz)[nearest]


def upper_first(wxyz: Tensor, layers: Tensor) -> Tensor:
    """Angles or speeds of the layers (..., 2 or 6) -> of the upper and the lower one (..., 2),
    about the live axis as it points up; wxyz (..., 4) is the cube's orientation."""
    if layers.shape[-1] == FACES:
        return by_direction(wxyz, layers)[..., :2]
    return torch.where(_points_down(wxyz), -layers.flip(-1), layers)


def _points_down(wxyz: Tensor) -> Tensor:
    """(..., 1) bool: the cube's z axis points down."""
    return wxyz[..., 1:3].square().sum(dim=-1, keepdim=True) > 0.5


def turn_axis(s: Sensors) -> Tensor:
    """Direction of the live axis, the end that is up (N, 3)."""
    wxyz = s["object_wxyz"]
    up = torch.zeros_like(wxyz[..., :3])
    up[..., 2] = 1.0
    if s["object_joints"].shape[-1] == FACES:
        return rotations.rotate(rotations.reduce_by_cube(wxyz), up)
    axis = rotations.rotate(wxyz, up)
    return torch.where(_points_down(wxyz), -axis, axis)


def turn_error(s: Sensors) -> Tensor:
    """Angles of the upper and the lower layer to their goals (N, 2)."""
    return upper_first(s["object_wxyz"], wrapped(s["goal_joints"] - s["object_joints"]))


def side_error(s: Sensors) -> Tensor:
    """Angles of the side faces of the full cube to their goals, in the order of `by_direction`
    (N, 4)."""
    error = wrapped(s["goal_joints"] - s["object_joints"])
    return by_direction(s["object_wxyz"], error)[..., 2:]


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


def is_turning(s: Sensors) -> Tensor:
    """(N,) bool: no other face has to come up, so that what is left to do is to turn layers."""
    limit = torch.where(s["goal_yaw_free"] > 0.5, QUARTER / 2, NEAR_RAD)
    return (face_angle(s) < limit).squeeze(-1)


def turn_progress(s: Step) -> Tensor:
    """Decrease of the distance of the layers' angles to the goal [rad]."""
    return s.sensors["goal_progress"][:, 1]


def orientation_progress(s: Step) -> Tensor:
    """Decrease of the distance of the orientation to the goal, yaw ignored where free [rad]."""
    return s.sensors["goal_progress"][:, 0]


_LAYERS = ("object_wxyz", "object_joints")
_GOAL = ("object_wxyz", "goal_wxyz", "goal_yaw_free")
TERMS = (
    Term("turn_axis", turn_axis, (3,), "", "palm", _LAYERS),
    Term("turn_error", turn_error, (2,), "rad", "object", (*_LAYERS, "goal_joints")),
    Term("turn_angle", turn_angle, (4,), "", "object", _LAYERS),
    Term("turn_phase", turn_phase, (4,), "", "object", _LAYERS),
    Term("turn_speed", turn_speed, (2,), "rad/s", "object",
         ("object_wxyz", "object_joint_velocity")),
    Term("face_relative", face_relative, (4,), "", "palm", _GOAL),
    Term("face_step", face_step, (3,), "rad", "palm", _GOAL),
    Term("face_angle", face_angle, (1,), "rad", "", _GOAL),
)  # fmt: skip
FULL_TERMS = (
    *TERMS,
    Term("side_error", side_error, (4,), "rad", "object", (*_LAYERS, "goal_joints")),
)
CASES = {"turn": is_turning}
REWARD_TERMS = {"turn_progress": turn_progress, "orientation_progress": orientation_progress}
