"""A clumsy hand follows plans to a solved cube; each mistake leads to a new plan."""

from functools import partial

import numpy as np
import pytest

from sleight.envs.cube.cube_geometry import FACES
from sleight.envs.cube.cube_state import SOLVED, random_turns
from sleight.envs.cube.notation import FaceTurn, apply_turns, parse_moves
from sleight.envs.cube.plan import Flip, Turn, plan_solve, plan_turns
from sleight.envs.cube.plan_follower import PlanFollower

planner = partial(plan_solve, budget=50_000)


def scrambled(count):
    turns = random_turns(np.random.default_rng(7), count)
    return apply_turns(FaceTurn(*turn) for turn in turns)


@pytest.mark.parametrize("mistakes", [0.0, 0.15])
def test_a_hand_that_errs_comes_to_a_solved_cube(mistakes):
    """A turn may go the wrong way, a side face may turn, a flip may bring another face up."""
    rng = np.random.default_rng(3)
    state, up = scrambled(12), "U"
    follower = PlanFollower(planner(state, up), planner)
    new_plans = 0
    for _ in range(400):
        step = follower.step
        if step is None:
            break
        err = rng.random() < mistakes
        if isinstance(step.move, Flip):
            up = str(rng.choice(list(FACES))) if err else step.move.face_up
        else:
            face = str(rng.choice(list(FACES))) if err else up
            state = state.turn(face, step.move.quarter)
        if state.same_stickers(step.state) and up == step.face_up:
            follower.reached()
        new_plans += follower.measured(state, up)
    assert state.solved and follower.step is None
    assert len(follower.wrong) == new_plans
    assert bool(new_plans) == bool(mistakes)


def test_a_plan_stands_while_a_step_is_under_way():
    start = SOLVED
    follower = PlanFollower(plan_turns(parse_moves("U R").turns, start), planner)
    # Before and after the first turn, on top or between faces.
    for state in (start, start.turn("U", -1)):
        for up in ("U", None):
            assert not follower.measured(state, up)
    follower.reached()
    assert isinstance(follower.step.move, Flip)
    # A flip passes other faces.
    assert not follower.measured(start.turn("U", -1), "F")


def test_what_went_wrong_is_listed_with_its_step():
    state = apply_turns(parse_moves("R U").turns)
    follower = PlanFollower(planner(state, "U"), planner)
    assert follower.step.move == Turn(1)
    assert follower.measured(state.turn("U", -1), "U")
    assert follower.wrong == ["step 1: Turn(quarter=1): another turn"]
    assert follower.measured(state.turn("U", -1), "F")
    assert follower.wrong[1:] == ["step 1: Turn(quarter=1): F came on top"]


def test_a_cube_that_turns_after_the_last_step_is_planned_anew():
    follower = PlanFollower(plan_turns((), SOLVED), planner)
    assert follower.step is None and not follower.measured(SOLVED, "U")
    assert follower.measured(SOLVED.turn("B", 1), "U")
    assert follower.step is not None


def test_without_a_step_while_a_search_is_under_way():
    """A planner that gives None is asked again; its plan is for the state of the first question."""
    plans, asked = [None, None, plan_turns(parse_moves("R").turns, SOLVED, "U")], []

    def later(state, up):
        asked.append(state)
        return plans[len(asked) - 1]

    follower = PlanFollower(plan_turns(parse_moves("U R").turns, SOLVED), later)
    far = apply_turns(parse_moves("F B L").turns)
    assert follower.measured(far, "U") and follower.waiting and follower.step is None
    follower.reached()
    assert not follower.measured(far.turn("D", 1), "U") and follower.done == 0
    assert follower.measured(far, None) and not follower.waiting
    assert follower.step == plans[2].steps[0] and asked[0] == far
    assert follower.wrong == ["step 1: Turn(quarter=-1): another turn"]
