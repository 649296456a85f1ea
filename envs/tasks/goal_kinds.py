"""Kinds of orientation goals, for reports: how far the block has to turn, and whether another face
comes up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..mdp import rotations
from ..mdp.observations import Sensors


@dataclass(frozen=True)
class GoalKinds:
    """How a task groups its goals in reports."""

    names: tuple[str, ...]
    of: Callable[[Sensors], Tensor]
    """The task's true sensors (N, ...) just after goals were drawn -> (N,) index into `names`."""


@dataclass(frozen=True)
class Kind:
    """Goals within these angles [rad]; upper ends are excluded."""

    name: str
    tilt: tuple[float, float]
    """Between vertical and the normal of the face that the goal has up."""
    turn: tuple[float, float]
    """Rotation distance."""


_LEVEL, _QUARTER, _HALF = (0.0, 0.8), (0.8, 2.35), (2.35, 4.0)
KINDS = (
    Kind("yaw up to 1.2 rad", _LEVEL, (0.0, 1.2)),
    Kind("yaw 1.2 to 2 rad", _LEVEL, (1.2, 2.0)),
    Kind("yaw 2 to 2.8 rad", _LEVEL, (2.0, 2.8)),
    Kind("yaw above 2.8 rad", _LEVEL, (2.8, 4.0)),
    Kind("quarter flip up to 1.6 rad", _QUARTER, (0.0, 1.6)),
    Kind("quarter flip 1.6 to 2.4 rad", _QUARTER, (1.6, 2.4)),
    Kind("quarter flip above 2.4 rad", _QUARTER, (2.4, 4.0)),
    Kind("half flip", _HALF, (0.0, 4.0)),
)


def tilt_to(object_wxyz: Tensor, goal_wxyz: Tensor) -> Tensor:
    """How far the face that the goal has up is from being up, (N,) rad in [0, pi]."""
    up = torch.tensor([0.0, 0.0, 1.0], device=goal_wxyz.device).expand(len(object_wxyz), 3)
    back = rotations.multiply(object_wxyz, rotations.conjugate(goal_wxyz))
    normal = rotations.rotate(back, up)
    return torch.atan2(normal[:, :2].norm(dim=-1), normal[:, 2])


def kind_of(object_wxyz: Tensor, goal_wxyz: Tensor) -> Tensor:
    """Index into KINDS of each goal (N,), from the block's orientation when it was given."""
    tilt = tilt_to(object_wxyz, goal_wxyz)
    turn = rotations.distance(object_wxyz, goal_wxyz)
    fits = [
        (tilt >= k.tilt[0]) & (tilt < k.tilt[1]) & (turn >= k.turn[0]) & (turn < k.turn[1])
        for k in KINDS
    ]
    return torch.stack(fits).int().argmax(dim=0)


CUBE_KINDS = GoalKinds(
    tuple(kind.name for kind in KINDS), lambda s: kind_of(s["object_wxyz"], s["goal_wxyz"])
)
"""For an object with the symmetry of a cube whose task names no kinds of its own."""
