"""Solutions are checked by applying them; plans count the hand's steps as the original did."""

import itertools
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sleight.envs.cube import search_tables, solver_library
from sleight.envs.cube.cube_geometry import FACES, opposite
from sleight.envs.cube.cube_state import SOLVED, CubeState, random_turns
from sleight.envs.cube.facelets import facelets_of
from sleight.envs.cube.notation import FaceTurn, apply_turns, parse_moves
from sleight.envs.cube.permutation import IllegalCube
from sleight.envs.cube.plan import (
    Flip,
    Plan,
    Turn,
    fair_scramble,
    ordered,
    plan_solve,
    plan_turns,
    search_for,
)
from sleight.envs.cube.search_tables import Costs
from sleight.errors import SleightError

QUICK = 100_000
TURNS = st.lists(
    st.builds(FaceTurn, st.sampled_from(FACES), st.sampled_from((-1, 1, 2))), max_size=40
)


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """Tables of these tests are made once, in a folder of their own."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder


def scramble(seed):
    turns = random_turns(np.random.default_rng(seed), 50)
    return apply_turns(FaceTurn(*turn) for turn in turns)


def replay(plan: Plan) -> CubeState:
    """Follow a plan as a hand would: only the face on top turns, by quarters."""
    state, up = plan.start, plan.face_up
    for step in plan.steps:
        if isinstance(step.move, Flip):
            assert step.move.face_up != up
            up = step.move.face_up
        else:
            assert step.move.quarter in (-1, 1)
            state = state.turn(up, step.move.quarter)
        assert (step.state, step.face_up) == (state, up)
    return state


def test_fair_scramble_counts_the_original_steps():
    """26 quarter turns and 17 flips; half is 22, of which 15 are turns (1910.07113, 8.4.1)."""
    plan = fair_scramble()
    assert (plan.turns, plan.flips, len(plan.steps), plan.half) == (26, 17, 43, 22)
    assert sum(isinstance(step.move, Turn) for step in plan.steps[: plan.half]) == 15
    assert plan.face_up == "L" and replay(plan) == plan.end
    back = plan_solve(plan.end, plan.steps[-1].face_up, budget=QUICK)
    assert replay(back).solved and len(back.steps) <= 50


@settings(max_examples=10, deadline=None)
@given(turns=TURNS, up=st.sampled_from([*FACES, None]))
def test_plans_solve_any_scramble(turns, up):
    state = apply_turns(turns)
    plan = plan_solve(state, up, budget=QUICK)
    assert plan.start == state and replay(plan).solved
    assert up is None or plan.face_up == up
    # A face is flipped up to be turned, and never twice in a row.
    kinds = [type(step.move) for step in plan.steps]
    assert (Flip, Flip) not in itertools.pairwise(kinds)
    assert not kinds or kinds[-1] is Turn


@pytest.mark.parametrize("moves", ["U", "R2", "R U", "R L", "F B' U2", "R U R' U'", "M2 U M2"])
def test_short_scrambles_are_solved_in_as_few_steps(moves):
    turns = ordered(parse_moves(moves).turns, None)
    state = apply_turns(turns)
    longest = len(plan_turns(turns).steps)
    assert len(plan_solve(state, budget=QUICK).steps) <= longest


def test_the_face_on_top_needs_no_flip_where_order_is_free():
    state = apply_turns(parse_moves("U D").turns)
    for up in "UD":
        plan = plan_solve(state, up, budget=QUICK)
        assert (plan.turns, plan.flips) == (2, 1), up
    assert plan_solve(state, "R", budget=QUICK).flips == 2


@settings(max_examples=60, deadline=None)
@given(turns=TURNS, up=st.sampled_from([*FACES, None]))
def test_ordering_turns_changes_no_state_and_adds_no_step(turns, up):
    short = ordered(turns, up)
    assert apply_turns(short) == apply_turns(turns)
    assert len(plan_turns(short, face_up=up).steps) <= len(plan_turns(turns, face_up=up).steps)
    for first, second, third in zip(short, short[1:], short[2:], strict=False):
        assert first.face != second.face
        assert not (third.face == first.face == opposite(second.face))


def test_the_same_arguments_give_the_same_plan():
    state = scramble(3)
    assert plan_solve(state, "U", budget=QUICK) == plan_solve(state, "U", budget=QUICK)


def test_a_larger_budget_gives_no_worse_plan():
    state = scramble(1)
    steps = [len(plan_solve(state, "U", budget=n).steps) for n in (1, QUICK, 10 * QUICK)]
    assert steps == sorted(steps, reverse=True)


@pytest.mark.parametrize("costs", [Costs(), Costs(flip=3, turn=2)])
def test_the_cost_of_a_solution_is_that_of_its_plan(costs):
    state = scramble(2)
    for up in ("F", None):
        best = search_for(costs).solve(state, up, QUICK)[0]
        plan = plan_turns(ordered(best.turns, up), state, up)
        assert best.cost == costs.flip * plan.flips + costs.turn * plan.turns


def test_half_turns_go_either_way():
    turns = parse_moves("R2").turns
    for sign in (-1, 1):
        plan = plan_turns(turns, half_turn=sign)
        assert [step.move for step in plan.steps] == [Turn(sign), Turn(sign)]
        assert plan.end == apply_turns(turns)


def test_a_turn_that_went_wrong_is_planned_anew():
    plan = plan_solve(scramble(5), "U", budget=QUICK)
    at = next(k for k, step in enumerate(plan.steps[8:], 8) if isinstance(step.move, Turn))
    step = plan.steps[at]
    wrong = step.state.turn(step.face_up, -2 * step.move.quarter)
    anew = plan_solve(wrong, step.face_up, budget=QUICK)
    assert anew.start == wrong and replay(anew).solved


def test_a_solved_cube_needs_nothing():
    turned = SOLVED.turn("U", 1).turn("U", -1)
    assert plan_solve(turned, "F").steps == ()


def test_an_illegal_cube_is_refused():
    broken = list(SOLVED.turned)
    broken[0] = 5
    with pytest.raises(IllegalCube, match="cube: "):
        plan_solve(CubeState(tuple(broken)))
    with pytest.raises(IllegalCube, match="cube: "):
        plan_turns(parse_moves("R").turns, CubeState(tuple(broken)))


def test_costs_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r"allowed: flip 0 to 6"):
        Costs(flip=-1)


def test_tables_are_kept_and_a_damaged_file_is_made_anew(cache):
    search_for.cache_clear()
    search_tables.load_tables.cache_clear()  # also where another module has made them
    plan_solve(scramble(1), budget=QUICK)
    (file,) = cache.glob("sleight/cube-search-1-1-v*.npz")
    assert not list(cache.glob("sleight/.*"))
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    search_tables.load_tables.cache_clear()
    assert search_tables.load_tables(Costs()).twist_flip.max() > 15
    assert len(file.read_bytes()) == len(whole)


def test_a_cache_that_cannot_be_written_costs_time_only(tmp_path, monkeypatch):
    (tmp_path / "sleight").write_text("a file where the folder would be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    search_tables.load_tables.cache_clear()
    assert search_tables.load_tables(Costs()).corner_inner.max() > 15


def test_a_missing_library_is_one_line_with_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "rubik_solver", None)
    solver_library._library.cache_clear()
    with pytest.raises(SleightError, match=r"pip install sleight\[cube\]") as error:
        solver_library.library_solution(scramble(0))
    assert error.value.exit_code == 2 and "\n" not in str(error.value)
    solver_library._library.cache_clear()


@pytest.mark.slow
def test_a_library_solves_and_its_tables_are_whole_when_they_appear(tmp_path):
    """rubik-solver-py, in its own process: it makes its tables in the cache's folder."""
    pytest.importorskip("rubik_solver")
    code = (
        "from tests.envs.cube.test_plan import scramble\n"
        "from sleight.envs.cube.solver_library import library_solution\n"
        "print([len(library_solution(scramble(seed))) <= 22 for seed in range(2)])\n"
    )
    env = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    run = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert run.stdout == "[True, True]\n", run.stderr
    assert len(list((tmp_path / "sleight" / solver_library.PACKAGE).glob("*.npy"))) == 13
    assert not list((tmp_path / "sleight").glob(".*"))


def test_a_library_shows_every_plan_solved():
    """magiccube, which knows no plan: the turns of the top as moves of the face on it."""
    magiccube = pytest.importorskip("magiccube")
    for seed in range(5):
        state = scramble(seed)
        cube = magiccube.Cube(3)
        plan = plan_solve(state, "U", budget=QUICK)
        turns = [(s.face_up, s.move.quarter) for s in plan.steps if isinstance(s.move, Turn)]
        backwards = [face + ("'" if q < 0 else "") for face, q in reversed(turns)]
        # Undone from a solved cube, the plan leads to the scramble.
        cube.rotate(" ".join(backwards))
        assert cube.get_kociemba_facelet_positions() == facelets_of(state)
