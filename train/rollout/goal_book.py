"""Which kinds of goals are reached, and how often."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...envs.env import HandEnv
from ...envs.objects.object_spec import object_of
from ...envs.tasks.goal_kinds import CUBE_KINDS, GoalKinds


class GoalBook:
    """Counts the goals of N worlds; empty for tasks whose goals have no kinds."""

    def __init__(self, env: HandEnv) -> None:
        self._env, self._sorts = env, _kinds_of(env)
        count = len(self._sorts.names) if self._sorts is not None else 0
        self._asked = torch.zeros(count, dtype=torch.long, device=env.device)
        self._reached = torch.zeros_like(self._asked)
        self._kind: Tensor | None = None

    def acted(self, player: object, counts: Tensor) -> None:
        """Before the first step: which goals the episodes begin with."""
        if self._kind is None:
            self._kind = self._kinds()

    def note(self, success: Tensor, ended: Tensor, counts: Tensor) -> None:
        """After a step: goals reached, episodes ended, worlds that still count, (N,) bool each."""
        if self._kind is None:
            return
        for book, which in ((self._asked, success | ended), (self._reached, success)):
            book += torch.bincount(self._kind[which & counts], minlength=len(book))
        new, fresh = success | ended, self._kinds()
        assert fresh is not None
        self._kind = torch.where(new, fresh, self._kind)

    def results(self) -> dict[str, tuple[int, int]]:
        """Kind -> (asked, reached), of those that were asked."""
        names = self._sorts.names if self._sorts is not None else ()
        rows = zip(names, self._asked.tolist(), self._reached.tolist(), strict=True)
        return {name: (asked, reached) for name, asked, reached in rows if asked}

    def _kinds(self) -> Tensor | None:
        if self._sorts is None:
            return None
        return self._sorts.of(self._env.task.sensors(slice(None)))


def _kinds_of(env: HandEnv) -> GoalKinds | None:
    """The kinds that the task names; those of a cube for an object that is as symmetric."""
    spec = env.task_spec
    if spec.goal_kinds is not None or not spec.has_object:
        return spec.goal_kinds
    return CUBE_KINDS if object_of(env.config.model).symmetry == "cube" else None


def share(asked: int, reached: int) -> str:
    """For people: the share that was reached, with its standard error where that says something.

    All or nothing of a few has an estimated error of zero, which is not what is known of it.
    """
    if not asked:
        return "- of 0"
    p = reached / asked
    if reached in (0, asked):
        return f"{p:.2f} of {asked}"
    return f"{p:.2f} +- {math.sqrt(p * (1 - p) / asked):.2f} of {asked}"
