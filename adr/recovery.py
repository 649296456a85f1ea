"""How a policy recovers from a change during a trial: time and failure rate of each goal.

R = arXiv 1910.07113, section 9.1: after the n-th success the memory is reset, the world is
resampled or a joint is broken. The result is the time to success and the failure rate per goal.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .intervals import Estimate, mean, proportion

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Trial:
    """One trial: the times of the successes, and whether it ended with a failure."""

    reached_s: tuple[float, ...]
    """Time of each success, increasing, s since the start."""
    failed: bool
    """False: the trial ended at the largest number of successes."""
    kinds: tuple[str, ...] = ()
    """Kind of each goal that was attempted; empty where goals have no kinds."""

    @property
    def successes(self) -> int:
        """Number of reached goals."""
        return len(self.reached_s)

    def times(self) -> Floats:
        """Duration of each goal, s."""
        return np.diff(np.array((0.0, *self.reached_s)))


@dataclass(frozen=True)
class Goal:
    """Statistics of the goal `number`, counted from 1, over all trials."""

    number: int
    time_s: Estimate
    """Mean duration over the trials that reached the last goal [R 9.1]: the same for every goal."""
    failure: Estimate
    """Failure probability over the trials that attempted it."""
    asked: int
    """Number of trials that attempted it."""


@dataclass(frozen=True)
class Change:
    """Comparison before and after goal `after`: times in s, over trials that finished the window.

    The trials before and after are the same: trials that fail are slow, and without them the rest
    would look faster.
    """

    after: int
    window: int
    trials: int
    before_s: Estimate
    """Mean duration of the `window` goals before."""
    first_s: Estimate
    """Duration of the first goal after."""
    later_s: Estimate
    """Mean duration of the `window` goals after the first one."""
    slower_s: Estimate
    """Paired difference: the first goal after, minus the mean before."""
    failure_before: Estimate
    """Failure probability of the `window` goals before, over all trials that attempted them."""
    failure_first: Estimate
    failure_later: Estimate


def goals(trials: Sequence[Trial], most: int) -> list[Goal]:
    """Statistics of the goals 1 to `most`."""
    complete = [trial.times()[:most] for trial in trials if trial.successes >= most]
    table = np.array(complete) if complete else np.zeros((0, most))
    result = []
    for number in range(1, most + 1):
        attempts, failed = _attempts(trials, range(number, number + 1))
        time = mean(table[:, number - 1])
        result.append(Goal(number, time, proportion(failed, attempts), attempts))
    return result


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
        attempts, failed = _attempts(trials, numbers)
        failures.append(proportion(failed, attempts))
    columns = (mean(before), mean(first), mean(later), mean(first - before))
    return Change(after, window, len(times), *columns, *failures)


@dataclass(frozen=True)
class KindOfGoals:
    """Goals of one kind within a window of goal numbers."""

    name: str
    asked: int
    time_s: Estimate
    """Mean duration of those that were reached."""
    failure: Estimate


def by_kind(trials: Sequence[Trial], numbers: range) -> list[KindOfGoals]:
    """Statistics of the goals with these numbers, by kind, over all trials that attempted them."""
    times: dict[str, list[float]] = {}
    failed: dict[str, int] = {}
    for trial in trials:
        spent = trial.times()
        for number in numbers:
            if number > len(trial.kinds):
                break
            name = trial.kinds[number - 1]
            reached = times.setdefault(name, [])
            if number <= trial.successes:
                reached.append(float(spent[number - 1]))
            else:
                failed[name] = failed.get(name, 0) + 1
    rows = []
    for name, reached in sorted(times.items()):
        asked = len(reached) + failed.get(name, 0)
        rows.append(KindOfGoals(name, asked, mean(reached), proportion(failed.get(name, 0), asked)))
    return rows


def _attempts(trials: Sequence[Trial], numbers: range) -> tuple[int, int]:
    """How often goals with these numbers were attempted, and how often they failed."""
    attempts = sum(
        trial.successes >= number or (trial.failed and trial.successes == number - 1)
        for trial in trials
        for number in numbers
    )
    failed = sum(trial.failed and trial.successes + 1 in numbers for trial in trials)
    return attempts, failed
