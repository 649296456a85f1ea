"""Trials count as the papers count them."""

import math
from dataclasses import replace

import numpy as np
import pytest

from sleight.contract.bundle import load_bundle
from sleight.contract.quaternions import FACE_TO_UP
from sleight.deploy.runtime.task_judge import TaskJudge
from sleight.deploy.runtime.trial import Ending, Trial, summarize

IN_PALM, FALLEN = np.array([0.0, 0.0, 0.04]), np.array([0.0, 0.0, -0.05])
START = FACE_TO_UP[4]


def at(position, wxyz):
    return {"object_position": position, "object_wxyz": wxyz}


@pytest.fixture
def started(bundle):
    """A new trial: three goals of two seconds."""
    loaded = load_bundle(bundle)
    task = replace(loaded.manifest.task, goal_timeout_s=2.0, max_successes=3)

    def begin():
        trial = Trial(task, TaskJudge(loaded, 0))
        trial.begin(at(IN_PALM, START))
        return trial

    return begin


def test_reaching_goals_until_the_maximum(started):
    trial = started()
    for count in range(3):
        assert (trial.successes, trial.ending) == (count, None)
        trial.advance(at(IN_PALM, trial.goal.parts["goal_wxyz"]), 0.08)
    assert (trial.successes, trial.ending) == (3, Ending.MAXIMUM)
    assert trial.duration_s == pytest.approx(0.24)


def test_a_drop_ends_it_even_at_the_goal(started):
    trial = started()
    trial.advance(at(IN_PALM, trial.goal.parts["goal_wxyz"]), 0.08)
    trial.advance(at(FALLEN, trial.goal.parts["goal_wxyz"]), 0.08)
    assert (trial.successes, trial.ending) == (1, Ending.DROPPED)


def test_the_timeout_counts_from_the_goal_and_not_from_the_start(started):
    trial = started()
    for _ in range(20):
        trial.advance(at(IN_PALM, START), 0.08)
    assert trial.ending is None  # 1.6 s
    trial.advance(at(IN_PALM, trial.goal.parts["goal_wxyz"]), 0.08)
    for _ in range(24):
        trial.advance(at(IN_PALM, trial.past[0].parts["goal_wxyz"]), 0.08)
    assert trial.ending is None  # 1.92 s of the second goal
    trial.advance(at(IN_PALM, trial.past[0].parts["goal_wxyz"]), 0.08)
    assert (trial.successes, trial.ending) == (1, Ending.TIMEOUT)


def test_summary_by_hand(started):
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
