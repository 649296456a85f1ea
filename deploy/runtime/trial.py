"""Trials as the papers count them: successes in a row until a drop, a timeout, or fifty."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np

from ...contract.bundle import TaskEntry
from ...contract.quaternions import distance
from .rig_goals import GoalGenerator


class Ending(StrEnum):
    """Why a trial ended. The first three are the papers'; the others say nothing of the policy."""

    DROPPED = "dropped"
    TIMEOUT = "timeout"
    MAXIMUM = "maximum"
    CUT = "cut"
    """The run ended while the trial was under way."""


COMPLETE = (Ending.DROPPED, Ending.TIMEOUT, Ending.MAXIMUM)


@dataclass
class Goal:
    """One goal of a trial."""

    wxyz: np.ndarray
    """(4,)"""
    start_angle_rad: float
    duration_s: float = 0.0
    reached: bool = False


@dataclass
class Trial:
    """One trial; `advance` is called once per turn."""

    task: TaskEntry
    goals: GoalGenerator
    past: list[Goal] = field(default_factory=list)
    ending: Ending | None = None
    duration_s: float = 0.0
    holds: int = 0

    @property
    def successes(self) -> int:
        """Goals reached."""
        return sum(goal.reached for goal in self.past)

    @property
    def goal(self) -> Goal:
        """The present goal."""
        return self.past[-1]

    def begin(self, object_wxyz: np.ndarray) -> None:
        """The first goal."""
        self._next(object_wxyz)

    def advance(self, position: np.ndarray, wxyz: np.ndarray, elapsed_s: float) -> None:
        """`elapsed_s` later the object is at `position` (3,), `wxyz` (4,): judge it, go on."""
        self.duration_s += elapsed_s
        self.goal.duration_s += elapsed_s
        if position[2] < self.task.drop_height_m:
            self.ending = Ending.DROPPED
            return
        if distance(wxyz, self.goal.wxyz) < self.task.success_threshold_rad:
            self.goal.reached = True
            if self.successes >= self.task.max_successes:
                self.ending = Ending.MAXIMUM
                return
            self._next(wxyz)
        elif self.goal.duration_s >= self.task.goal_timeout_s:
            self.ending = Ending.TIMEOUT

    def cut(self) -> None:
        """End it from outside."""
        self.ending = self.ending or Ending.CUT

    def report(self) -> dict[str, Any]:
        """Plain data for `result.json`."""
        goals = [{**asdict(goal), "wxyz": np.round(goal.wxyz, 6).tolist()} for goal in self.past]
        return {
            "successes": self.successes,
            "ending": self.ending,
            "duration_s": round(self.duration_s, 3),
            "holds": self.holds,
            "goals": goals,
        }

    def _next(self, wxyz: np.ndarray) -> None:
        goal = self.goals.next(wxyz)
        self.past.append(Goal(goal, distance(wxyz, goal)))


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
