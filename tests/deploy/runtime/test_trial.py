"""Trials count as the papers count them."""

import math

import numpy as np
import pytest

from sleight.contract.bundle import GoalEntry, TaskEntry
from sleight.contract.quaternions import FACE_TO_UP
from sleight.deploy.runtime.rig_goals import GoalGenerator
from sleight.deploy.runtime.trial import Ending, Trial, summarize

TASK = TaskEntry("block", 0.4, 2.0, 3, GoalEntry(), 0.057, -0.04)
IN_PALM, FALLEN = np.array([0.0, 0.0, 0.04]), np.array([0.0, 0.0, -0.05])
START = FACE_TO_UP[4]


def started():
    trial = Trial(TASK, GoalGenerator(TASK, 0))
    trial.begin(START)
    return trial


def test_reaching_goals_until_the_maximum():
    trial = started()
    for count in range(3):
        assert (trial.successes, trial.ending) == (count, None)
        trial.advance(IN_PALM, trial.goal.wxyz, 0.08)
    assert (trial.successes, trial.ending) == (3, Ending.MAXIMUM)
    assert trial.duration_s == pytest.approx(0.24)


def test_a_drop_ends_it_even_at_the_goal():
    trial = started()
    trial.advance(IN_PALM, trial.goal.wxyz, 0.08)
    trial.advance(FALLEN, trial.goal.wxyz, 0.08)
    assert (trial.successes, trial.ending) == (1, Ending.DROPPED)


def test_the_timeout_counts_from_the_goal_and_not_from_the_start():
    trial = started()
    for _ in range(20):
        trial.advance(IN_PALM, START, 0.08)
    assert trial.ending is None  # 1.6 s
    trial.advance(IN_PALM, trial.goal.wxyz, 0.08)
    for _ in range(24):
        trial.advance(IN_PALM, trial.past[0].wxyz, 0.08)
    assert trial.ending is None  # 1.92 s of the second goal
    trial.advance(IN_PALM, trial.past[0].wxyz, 0.08)
    assert (trial.successes, trial.ending) == (1, Ending.TIMEOUT)


def test_summary_by_hand():
    """Complete trials 2, 5, 5: mean 4, standard error sqrt(3)/sqrt(3) = 1; the cut one is apart."""

    def ended(successes, ending):
        trial = started()
        trial.past = trial.past * successes
        trial.past[0].reached = True
        trial.ending = ending
        return trial

    trials = [ended(2, Ending.DROPPED), ended(5, Ending.TIMEOUT), ended(5, Ending.MAXIMUM)]
    cut = started()
    cut.cut()
    summary = summarize([*trials, cut])
    assert summary["trials"] == [2, 5, 5, 0]
    assert summary["endings"] == ["dropped", "timeout", "maximum", "cut"]
    assert (summary["complete"], summary["mean"], summary["median"], summary["max"]) == (3, 4, 5, 5)
    assert summary["standard_error"] == pytest.approx(math.sqrt(3) / math.sqrt(3))
    assert summarize([cut])["mean"] is None
