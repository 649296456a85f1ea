"""How a policy recovers from a change in mid-trial: time and failure of each goal, by number.

R = arXiv 1910.07113, section 9.1: the memory is reset, the world drawn anew, or a joint broken
after the n-th success; time to a success and probability of failing before it, goal by goal.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .intervals import Estimate, mean, proportion

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Trial:
    """One trial: when each goal was reached, and whether the one after the last was failed."""

    reached_s: tuple[float, ...]
    """Rising, s since the start."""
    failed: bool
    """False: it ended at the most successes that were asked for."""

    @property
    def successes(self) -> int:
        """Goals reached."""
        return len(self.reached_s)

    def times(self) -> Floats:
        """Time that each goal took, s."""
        return np.diff(np.array((0.0, *self.reached_s)))


@dataclass(frozen=True)
class Goal:
    """The goal of one number over all trials, counted from 1."""

    number: int
    time_s: Estimate
    """Of the trials that reached the last goal of all [R 9.1]: the same ones for every goal."""
    failure: Estimate
    """Of the trials that came to it."""
    asked: int


@dataclass(frozen=True)
class Change:
    """Before and after goal `after`: all times in s, over the trials that came to the window's end.

    The same trials before and after: those that fail are the slow ones, and would otherwise leave
    faster ones behind.
    """

    after: int
    window: int
    trials: int
    before_s: Estimate
    """Mean of the `window` goals before."""
    first_s: Estimate
    """The first goal after."""
    later_s: Estimate
    """Mean of the `window` goals that follow the first."""
    slower_s: Estimate
    """The first minus the mean before, trial by trial."""
    failure_before: Estimate
    """Of each of the `window` goals before, over all trials that came to them."""
    failure_first: Estimate
    failure_later: Estimate


def goals(trials: Sequence[Trial], most: int) -> list[Goal]:
    """Goals 1 to `most` of some trials."""
    whole = [trial.times()[:most] for trial in trials if trial.successes >= most]
    table = np.array(whole) if whole else np.zeros((0, most))
    found = []
    for number in range(1, most + 1):
        asked, failed = _asked(trials, range(number, number + 1))
        time = mean(table[:, number - 1])
        found.append(Goal(number, time, proportion(failed, asked), asked))
    return found


def change(trials: Sequence[Trial], after: int, window: int) -> Change:
    """Compare the goals around a perturbation after goal `after` (>= 1), `window` on each side."""
    window = min(window, after)
    last = after + 1 + window
    times = [trial.times() for trial in trials if trial.successes >= last]
    table = np.array([row[:last] for row in times]) if times else np.zeros((0, last))
    before = table[:, after - window : after].mean(axis=1)
    first, later = table[:, after], table[:, after + 1 : last].mean(axis=1)
    ranges = (
        range(after - window + 1, after + 1),
        range(after + 1, after + 2),
        range(after + 2, last + 1),
    )
    failures = []
    for numbers in ranges:
        asked, failed = _asked(trials, numbers)
        failures.append(proportion(failed, asked))
    columns = (mean(before), mean(first), mean(later), mean(first - before))
    return Change(after, window, len(times), *columns, *failures)


def _asked(trials: Sequence[Trial], numbers: range) -> tuple[int, int]:
    """How often goals of these numbers were asked for, and failed."""
    asked = sum(
        trial.successes >= number or (trial.failed and trial.successes == number - 1)
        for trial in trials
        for number in numbers
    )
    failed = sum(trial.failed and trial.successes + 1 in numbers for trial in trials)
    return asked, failed
