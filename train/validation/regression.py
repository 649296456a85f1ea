"""Compares what two policies reach in the cases of one validation set.

A policy with the same true mean as the pass mark passes a case in half of the runs, so a case that
was passed and is failed is no evidence by itself. It is a regression if the new tries also have
fewer successes than the old ones beyond chance: a permutation test of the means, one-sided, p
adjusted for the cases that the old policy passed (Benjamini and Hochberg), below `ALPHA`. Without
a real difference, at most one comparison in twenty names a case.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from .against import Against, Change, Verdict
from .set_result import CaseResult, SetResult

ALPHA = 0.05
Floats = npt.NDArray[np.float64]
_PERMUTATIONS = 20_000
"""All of them, for eight tries of each; more tries are sampled, with a fixed seed."""


def compare(before: SetResult, after: SetResult) -> Against:
    """Case by case, of two results of one set."""
    old = {case.name: case for case in before.cases}
    pairs = [(old[case.name], case) for case in after.cases]
    passed = [(a, b) for a, b in pairs if before.passed(a)]
    adjusted = dict(zip([a.name for a, _ in passed], p_values(passed), strict=True))
    return Against(
        before.player, before.law, before.passes, before.mean, before.standard_error,
        tuple(_change(a, b, adjusted.get(a.name), after.passed(b)) for a, b in pairs),
    )  # fmt: skip


def p_values(pairs: Sequence[tuple[CaseResult, CaseResult]]) -> list[float]:
    """Of each pair (before, after), adjusted for their number: that after is no worse."""
    if not pairs:
        return []
    single = [_p_value(before.successes, after.successes) for before, after in pairs]
    return [float(p) for p in stats.false_discovery_control(single)]


def _p_value(before: Sequence[int], after: Sequence[int]) -> float:
    if len({*before, *after}) == 1:
        return 1.0
    sample = np.array(before, np.float64), np.array(after, np.float64)
    test = stats.permutation_test(
        sample, _difference, n_resamples=_PERMUTATIONS, alternative="greater",
        vectorized=True, random_state=0,
    )  # fmt: skip
    return float(test.pvalue)


def _difference(before: Floats, after: Floats, axis: int = -1) -> Any:
    return before.mean(axis=axis) - after.mean(axis=axis)


def _change(before: CaseResult, after: CaseResult, p: float | None, passes: bool) -> Change:
    verdict: Verdict
    if passes:
        verdict = "fixed" if p is None else "passed"
    elif p is None:
        verdict = "failed as before"
    else:
        verdict = "regression" if p < ALPHA else "failed within chance"
    return Change(before.name, before.mean, after.mean, p, verdict)
