"""Comparisons: what is a regression, and how often one is named where there is none."""

import numpy as np
import pytest

from sleight.train.validation.regression import compare, p_values

LOW, HIGH = (0, 1, 0, 1, 0, 2, 0, 1), (9, 12, 8, 10, 9, 11, 7, 9)


def _verdicts(before, after):
    return [change.verdict for change in compare(before, after).changes]


def test_each_verdict(result_of) -> None:
    # Means: 9.4 and 0.6, 4.5 and 3.75 around the mark of 4.
    above, below = (0, 9, 2, 7, 1, 8, 3, 6), (0, 8, 1, 7, 1, 6, 2, 5)
    before = result_of(HIGH, above, LOW, HIGH, LOW)
    after = result_of(LOW, below, HIGH, HIGH, LOW)
    wanted = ["regression", "failed within chance", "fixed", "passed", "failed as before"]
    assert _verdicts(before, after) == wanted
    found = compare(before, after)
    assert found.regressions == ["case 1"]
    assert [change.p is None for change in found.changes] == [False, False, True, False, True]
    assert (found.player, found.passed) == ("new", 3)


def test_a_result_against_itself_has_no_regression(result_of) -> None:
    same = result_of(HIGH, LOW, (4, 4, 4, 4, 4, 4, 4, 4))
    assert _verdicts(same, same) == ["passed", "failed as before", "passed"]


def test_p_by_hand_and_adjusted(result_of) -> None:
    # Of the 20 ways to split 5, 5, 5, 0, 0, 0 into three and three, one is as extreme.
    before, after = result_of((5, 5, 5), (5, 5, 5)), result_of((0, 0, 0), (5, 5, 5))
    one = [(before.cases[0], after.cases[0])]
    assert p_values(one) == pytest.approx([0.05])
    both = [*zip(before.cases, after.cases, strict=True)]
    assert p_values(both) == pytest.approx([0.1, 1.0])
    assert p_values([]) == []


def test_equal_policies_seldom_regress(result_of) -> None:
    """Means at the mark, where every other pass is chance."""
    rng = np.random.default_rng(0)
    named, chance = 0, 0
    for _ in range(200):
        before, after = (result_of(*rng.poisson(4.0, (6, 5)).tolist()) for _ in range(2))
        verdicts = _verdicts(before, after)
        named += "regression" in verdicts
        chance += "failed within chance" in verdicts
    assert chance > 100, "without the test most comparisons would name a case"
    assert named <= 18  # 200 of probability 0.05 at most: 10 +- 3


def test_another_action_law_is_told(result_of) -> None:
    result = result_of(HIGH)
    assert "action law" not in "\n".join(compare(result, result).lines(result.law))
    assert "is relative_to_target, not absolute" in "\n".join(
        compare(result, result).lines("absolute")
    )
