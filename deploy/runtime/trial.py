"""Trials as in the papers: consecutive successes until a drop, a timeout, or fifty successes."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np

from ...contract.manifest import TaskEntry
from ...envs.cube.hand_goals import HandTrial
from .task_judge import Goal, Pose, TaskJudge


class Ending(StrEnum):
    """Why a trial ended. A cut is no result of the policy."""

    DROPPED = "dropped"
    TIMEOUT = "timeout"
    MAXIMUM = "maximum"
    FINISHED = "finished"
    """All steps of the plan were done."""
    CUT = "cut"
    """The run ended during the trial, or where the object is was not known any more."""


COMPLETE = (Ending.DROPPED, Ending.TIMEOUT, Ending.MAXIMUM, Ending.FINISHED)


@dataclass
class AskedGoal:
    """One goal of a trial."""

    parts: Goal
    start_distance: float
    """Distance when the goal was set, in the task's unit."""
    duration_s: float = 0.0
    reached: bool = False
    move: str = ""
    """The step of a plan, as people write it; empty without a plan."""
    replaced: str = ""
    """Why another goal was set before this one was reached."""


@dataclass
class Trial:
    """One trial; `advance` is called once per turn."""

    task: TaskEntry
    judge: TaskJudge
    past: list[AskedGoal] = field(default_factory=list)
    ending: Ending | None = None
    reason: str = ""
    """Why the trial was cut, where the run did not just end."""
    plan: HandTrial | None = None
    """The plan that the goals follow; None: they are drawn."""
    duration_s: float = 0.0
    holds: int = 0
    distance: float = 0.0
    """Distance to the present goal at the last turn, in the task's unit."""

    @property
    def successes(self) -> int:
        """Number of goals reached; of a plan's, repairs do not count."""
        if self.plan is not None:
            return self.plan.best
        return sum(goal.reached for goal in self.past)

    @property
    def goal(self) -> AskedGoal:
        """The present goal."""
        return self.past[-1]

    def begin(self, pose: Pose) -> None:
        """Set the first goal. Raises DataError."""
        self.plan = self.judge.begin(pose)
        self._next(pose)

    def advance(self, pose: Pose, elapsed_s: float) -> None:
        """Judge the object at `pose`, `elapsed_s` after the last call, and advance the trial.

        Raises AnglesLost.
        """
        self.duration_s += elapsed_s
        self.goal.duration_s += elapsed_s
        judgement = self.judge.advance(pose, self.goal.parts)
        self.distance = judgement.distance
        if judgement.dropped:
            self.ending = Ending.DROPPED
        elif judgement.reached:
            self._reached()
            if self.ending is None:
                self._next(pose)
        elif judgement.replaced:
            self.goal.replaced = judgement.replaced
            self._next(pose)
        elif self.goal.duration_s >= self.task.goal_timeout_s:
            self.ending = Ending.TIMEOUT

    def cut(self, reason: str = "") -> None:
        """End the trial without a result, because the run ends or for a reason."""
        if self.ending is None:
            self.ending, self.reason = Ending.CUT, reason

    def report(self) -> dict[str, Any]:
        """Plain data for `result.json`."""
        goals = [
            {
                **{name: np.round(part, 6).tolist() for name, part in goal.parts.items()},
                "start_distance": round(goal.start_distance, 6),
                "duration_s": goal.duration_s,
                "reached": goal.reached,
                **({"move": goal.move, "replaced": goal.replaced} if self.plan else {}),
            }
            for goal in self.past
        ]
        return {
            "successes": self.successes,
            "ending": self.ending,
            "reason": self.reason,
            "duration_s": round(self.duration_s, 3),
            "holds": self.holds,
            "goals": goals,
            **({"plan": _plan_report(self.plan)} if self.plan else {}),
        }

    def _reached(self) -> None:
        self.goal.reached = True
        if self.plan is not None:
            self.plan.reached(self.goal.duration_s)
            self.ending = Ending.FINISHED if self.plan.finished else None
        elif self.successes >= self.task.max_successes:
            self.ending = Ending.MAXIMUM

    def _next(self, pose: Pose) -> None:
        goal = self.judge.next(pose)
        self.distance = self.judge.judge(pose, goal).distance
        move = self.plan.label if self.plan else ""
        self.past.append(AskedGoal(goal, self.distance, move=move))


def _plan_report(plan: HandTrial) -> dict[str, Any]:
    """How far a plan was followed."""
    return {
        "steps": plan.best,
        "total": plan.total,
        "half": plan.half,
        "finished": plan.finished,
        "wrong": list(plan.follower.wrong),
    }


def statistics_of(successes: list[int]) -> dict[str, float | int | None]:
    """Mean, standard error, median and max of complete trials; None where there are too few."""
    count = len(successes)
    error = float(np.std(successes, ddof=1) / np.sqrt(count)) if count > 1 else None
    return {
        "mean": float(np.mean(successes)) if count else None,
        "standard_error": error,
        "median": float(np.median(successes)) if count else None,
        "max": max(successes) if count else None,
    }


def summarize(trials: list[Trial]) -> dict[str, Any]:
    """Mean, standard error, median and max of the complete trials, and every trial."""
    complete = [trial.successes for trial in trials if trial.ending in COMPLETE]
    return {
        "trials": [trial.successes for trial in trials],
        "endings": [trial.ending for trial in trials],
        "complete": len(complete),
        **statistics_of(complete),
        "successes": sum(trial.successes for trial in trials),
        "seconds": round(sum(trial.duration_s for trial in trials), 3),
        "per_trial": [trial.report() for trial in trials],
    }
