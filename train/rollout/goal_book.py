"""Which kinds of goals are reached, and how often."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ...envs.env import HandEnv
from ...envs.objects.object_spec import object_of
from ...envs.tasks.goal_kinds import CUBE_KINDS, GoalKinds


class CurrentKinds:
    """The kinds of the goals that N worlds have."""

    def __init__(self, env: HandEnv) -> None:
        self._env, sorts = env, _kinds_of(env)
        self.names: tuple[str, ...] = sorts.names if sorts is not None else ()
        """Empty for tasks whose goals have no kinds."""
        self.of: Tensor | None = None
        """(N,) index into `names`; None before `begin`, and for such tasks."""
        self._sort = sorts.of if sorts is not None else None

    def begin(self) -> None:
        """Before the first step: the goals that the episodes begin with."""
        if self.of is None and self._sort:
            self.of = self._sort(self._env.task.sensors(slice(None)))

    def advance(self, new: Tensor) -> None:
        """After a step that gave the worlds `new`, (N,) bool, another goal."""
        if self.of is not None and self._sort:
            self.of = torch.where(new, self._sort(self._env.task.sensors(slice(None))), self.of)


class GoalBook:
    """Counts the goals of N worlds; empty for tasks whose goals have no kinds."""

    def __init__(self, env: HandEnv) -> None:
        self._kinds = CurrentKinds(env)
        self._asked = torch.zeros(len(self._kinds.names), dtype=torch.long, device=env.device)
        self._reached = torch.zeros_like(self._asked)

    def acted(self, player: object, counts: Tensor) -> None:
        """See `evaluation.Watcher`."""
        self._kinds.begin()

    def note(self, success: Tensor, ended: Tensor, counts: Tensor) -> None:
        """See `evaluation.Watcher`."""
        kind = self._kinds.of
        if kind is None:
            return
        for book, which in ((self._asked, success | ended), (self._reached, success)):
            book += torch.bincount(kind[which & counts], minlength=len(book))
        self._kinds.advance(success | ended)

    def results(self) -> dict[str, tuple[int, int]]:
        """Kind -> (asked, reached), of those that were asked."""
        rows = zip(self._kinds.names, self._asked.tolist(), self._reached.tolist(), strict=True)
        return {name: (asked, reached) for name, asked, reached in rows if asked}


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
