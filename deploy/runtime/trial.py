"""Trials as in the papers: consecutive successes until a drop, a timeout, or fifty successes."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np

from ...contract.manifest import TaskEntry
from .task_judge import Goal, Pose, TaskJudge


class Ending(StrEnum):
    """Why a trial ended. The first three are as in the papers; a cut is no result of the policy."""

    DROPPED = "dropped"
    TIMEOUT = "timeout"
    MAXIMUM = "maximum"
    CUT = "cut"
    """The run ended during the trial."""


COMPLETE = (Ending.DROPPED, Ending.TIMEOUT, Ending.MAXIMUM)


@dataclass
class AskedGoal:
    """One goal of a trial."""

    parts: Goal
    start_distance: float
    """Distance when the goal was set, in the task's unit."""
    duration_s: float = 0.0
    reached: bool = False


@dataclass
class Trial:
    """One trial; `advance` is called once per turn."""

    task: TaskEntry
    judge: TaskJudge
    past: list[AskedGoal] = field(default_factory=list)
    ending: Ending | None = None
    duration_s: float = 0.0
    holds: int = 0
    distance: float = 0.0
    """Distance to the present goal at the last turn, in the task's unit."""

    @property
    def successes(self) -> int:
        """Number of goals reached."""
        return sum(goal.reached for goal in self.past)

    @property
    def goal(self) -> AskedGoal:
        """The present goal."""
        return self.past[-1]

    def begin(self, pose: Pose) -> None:
        """Draw the first goal."""
        self._next(pose)

    def advance(self, pose: Pose, elapsed_s: float) -> None:
        """Judge the object at `pose`, `elapsed_s` after the last call, and advance the trial."""
        self.duration_s += elapsed_s
        self.goal.duration_s += elapsed_s
        judgement = self.judge.judge(pose, self.goal.parts)
        self.distance = judgement.distance
        if judgement.dropped:
            self.ending = Ending.DROPPED
        elif judgement.reached:
            self.goal.reached = True
            if self.successes >= self.task.max_successes:
                self.ending = Ending.MAXIMUM
                return
            self._next(pose)
        elif self.goal.duration_s >= self.task.goal_timeout_s:
            self.ending = Ending.TIMEOUT

    def cut(self) -> None:
        """End the trial because the run ends."""
        self.ending = self.ending or Ending.CUT

    def report(self) -> dict[str, Any]:
        """Plain data for `result.json`."""
        goals = [
            {
                **{name: np.round(part, 6).tolist() for name, part in goal.parts.items()},
                "start_distance": round(goal.start_distance, 6),
                "duration_s": goal.duration_s,
                "reached": goal.reached,
            }
            for goal in self.past
        ]
        return {
            "successes": self.successes,
            "ending": self.ending,
            "duration_s": round(self.duration_s, 3),
            "holds": self.holds,
            "goals": goals,
        }

    def _next(self, pose: Pose) -> None:
        goal = self.judge.next(pose)
        self.distance = self.judge.judge(pose, goal).distance
        self.past.append(AskedGoal(goal, self.distance))


def summarize(trials: list[Trial]) -> dict[str, Any]:
    """Mean, standard error, median and max of the complete trials, and every trial."""
    complete = [trial.successes for trial in trials if trial.ending in COMPLETE]
    count = len(complete)
    error = float(np.std(complete, ddof=1) / np.sqrt(count)) if count > 1 else None
    return {
        "trials": [trial.successes for trial in trials],
        "endings": [trial.ending for trial in trials],
        "complete": count,
        "mean": float(np.mean(complete)) if count else None,
        "standard_error": error,
        "median": float(np.median(complete)) if count else None,
        "max": max(complete) if count else None,
        "successes": sum(trial.successes for trial in trials),
        "seconds": round(sum(trial.duration_s for trial in trials), 3),
        "per_trial": [trial.report() for trial in trials],
    }
