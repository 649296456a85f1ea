"""Which goals are reached: by how far the block has to turn, and whether another face comes up."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ...envs.env import HandEnv
from ...envs.mdp import rotations
from ...envs.objects.object_spec import object_of


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


class GoalBook:
    """Counts the goals of N worlds; empty for tasks without a cube."""

    def __init__(self, env: HandEnv) -> None:
        self._env = env
        self._asked = torch.zeros(len(KINDS), dtype=torch.long, device=env.device)
        self._reached = torch.zeros_like(self._asked)
        self._kind = self._kinds()

    def acted(self, player: object, counts: Tensor) -> None:
        """Nothing to see before the step."""

    def note(self, success: Tensor, ended: Tensor, counts: Tensor) -> None:
        """After a step: goals reached, episodes ended, worlds that still count, (N,) bool each."""
        if self._kind is None:
            return
        for book, which in ((self._asked, success | ended), (self._reached, success)):
            book += torch.bincount(self._kind[which & counts], minlength=len(KINDS))
        new, fresh = success | ended, self._kinds()
        assert fresh is not None
        self._kind = torch.where(new, fresh, self._kind)

    def results(self) -> dict[str, tuple[int, int]]:
        """Kind -> (asked, reached), of those that were asked."""
        rows = zip(KINDS, self._asked.tolist(), self._reached.tolist(), strict=True)
        return {kind.name: (asked, reached) for kind, asked, reached in rows if asked}

    def _kinds(self) -> Tensor | None:
        held = object_of(self._env.config.model)
        if not self._env.task_spec.has_object or held.symmetry != "cube":
            return None
        sensors = self._env.task.sensors(slice(None))
        return kind_of(sensors["object_wxyz"], sensors["goal_wxyz"])


def share(asked: int, reached: int) -> str:
    """For people: the share that was reached with its standard error."""
    p = reached / asked
    return f"{p:.2f} +- {math.sqrt(p * (1 - p) / asked):.2f} of {asked}"
