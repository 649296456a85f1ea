"""Time and failure of each goal, by hand."""

import numpy as np
import pytest

from sleight.adr.recovery import Trial, by_kind, change, goals


def trial(*times: float, failed: bool = True) -> Trial:
    """A trial whose goals took so long."""
    return Trial(tuple(np.cumsum(times)), failed)


TRIALS = [
    trial(4, 2, 2, 6, 2, 2, failed=False),
    trial(6, 4, 2, 8, 4, 4, failed=False),
    trial(2, 2, 2),
    trial(),
]


def test_goals_by_hand() -> None:
    found = goals(TRIALS, 6)
    assert [goal.number for goal in found] == [1, 2, 3, 4, 5, 6]
    # Only the two that came to the end: (4 + 6) / 2, (2 + 4) / 2, ...
    assert [goal.time_s.value for goal in found] == [5, 3, 2, 7, 3, 3]
    assert [goal.asked for goal in found] == [4, 3, 3, 3, 2, 2]
    assert [goal.failure.value for goal in found] == pytest.approx([1 / 4, 0, 0, 1 / 3, 0, 0])


def test_a_change_compares_the_same_trials() -> None:
    found = change(TRIALS, after=3, window=2)
    assert (found.trials, found.window) == (2, 2)
    # Before: (2 + 2) / 2 and (4 + 2) / 2; first: 6 and 8; later: 2 and 4.
    assert found.before_s.value == 2.5 and found.first_s.value == 7 and found.later_s.value == 3
    assert found.slower_s.value == 4.5
    # Goals 2 and 3 were asked for three times each; goal 4 three times, and failed once.
    assert found.failure_before.value == 0.0 and found.failure_first.value == pytest.approx(1 / 3)
    assert found.failure_later.value == 0.0


def test_a_window_is_no_longer_than_what_is_before() -> None:
    assert change(TRIALS, after=1, window=5).window == 1


def test_nobody_comes_so_far() -> None:
    found = change([trial(), trial(1)], after=3, window=2)
    assert found.trials == 0 and np.isnan(found.first_s.value)
    assert np.isnan(found.failure_first.value) and goals([trial()], 2)[1].asked == 0


def test_kinds_by_hand() -> None:
    trials = [
        Trial((1.0, 3.0, 6.0), False, ("turn", "flip", "turn")),
        Trial((4.0, 5.0), True, ("flip", "turn", "turn")),
        Trial((), True, ("flip",)),
        Trial((2.0,), True),
    ]
    flip, turn = by_kind(trials, range(1, 4))
    assert (flip.name, flip.asked, turn.name, turn.asked) == ("flip", 3, "turn", 4)
    assert flip.time_s.value == 3.0 and flip.failure.value == pytest.approx(1 / 3)
    assert turn.time_s.value == pytest.approx((1 + 3 + 1) / 3) and turn.failure.value == 0.25
    later = by_kind(trials, range(3, 9))
    assert [(row.name, row.asked, row.failure.value) for row in later] == [("turn", 2, 0.5)]
