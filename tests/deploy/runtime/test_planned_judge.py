"""What a plan's judge concludes from poses and reports, and what it refuses."""

import time
from functools import partial

import numpy as np
import pytest

from sleight.config import load
from sleight.contract.bundle import load_bundle
from sleight.deploy.cameras.pose_sources import JointReport
from sleight.deploy.rig_file import RigConfig, fingerprint, load_rig
from sleight.deploy.runtime import plan_search
from sleight.deploy.runtime.plan_config import PlanConfig
from sleight.deploy.runtime.plan_search import PlanSearch
from sleight.deploy.runtime.planned_judge import PlannedJudge, check_plan, judge_of
from sleight.deploy.runtime.task_judge import TaskJudge
from sleight.deploy.runtime.trial import Ending, Trial
from sleight.deploy.runtime.trial_runner import _match_object
from sleight.envs.cube.cube_state import SOLVED
from sleight.envs.cube.cubelets import joint_angles_of
from sleight.envs.cube.face_tracker import AnglesLost
from sleight.envs.cube.notation import apply_turns, parse_moves
from sleight.envs.cube.plan import plan_solve
from sleight.errors import ConfigError, DataError, SleightError
from tests.deploy.cube_rig import cube_bundle
from tests.deploy.fakes import Poses

IN_PALM, FALLEN = np.array([0.0, 0.0, 0.04]), np.array([0.0, 0.0, -0.05])
UPRIGHT = np.array([1.0, 0.0, 0.0, 0.0])
TURN_S = 0.08


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    return load_bundle(cube_bundle(tmp_path_factory.mktemp("cube") / "bundle"))


class Cube(Poses):
    """A cube that is where the test puts it, and reports its angles."""

    measures_joints = True

    def __init__(self, state=SOLVED):
        super().__init__()
        self.state, self.partway, self.time_s, self.waiting = state, np.zeros(6), 0.0, []
        self.wxyz = UPRIGHT
        self.report()

    def report(self, gap_s=TURN_S):
        self.time_s += gap_s
        joints = joint_angles_of(self.state, self.partway)
        self.waiting.append(JointReport(self.time_s, time.monotonic(), joints))

    def turn(self, face, quarters):
        """Turn a face in three reports."""
        before = self.partway.copy()
        turned = self.state.turn(face, quarters)
        way = np.angle(np.exp(1j * (turned.joint_angles_rad - self.state.joint_angles_rad)))
        for share in (0.3, 0.6):
            self.partway = before + share * way
            self.report()
        self.partway, self.state = before, turned
        self.report()

    def joint_reports(self):
        reports, self.waiting = self.waiting, []
        return reports

    def sensors(self, position=IN_PALM):
        return {"object_position": position, "object_wxyz": self.wxyz,
                "object_joints": joint_angles_of(self.state, self.partway)}  # fmt: skip


@pytest.fixture
def begun(loaded):
    """A judge, its cube and a trial that has begun."""

    def begin(cube=None, ready_s=20.0, **plan):
        cube = cube or Cube()
        judge = PlannedJudge(loaded, 0, PlanConfig(**plan), cube)
        end_s = time.monotonic() + ready_s
        while not judge.ready(cube.sensors()):
            assert time.monotonic() < end_s
            time.sleep(0.01)
        cube.report()
        trial = Trial(judge.entry, judge)
        trial.begin(cube.sensors())
        return judge, cube, trial

    return begin


def look(cube, trial, **pose):
    cube.report()
    trial.advance(cube.sensors(**pose), TURN_S)


def test_a_turn_is_reached_and_its_time_is_kept(begun):
    _, cube, trial = begun(scramble="U U R")
    for _ in range(3):
        look(cube, trial)
    assert trial.goal.move == "turn U" and not trial.past[0].reached
    cube.turn("U", -1)
    look(cube, trial)
    assert trial.past[0].reached and trial.past[0].duration_s == pytest.approx(0.32)
    np.testing.assert_allclose(trial.goal.parts["goal_joints"], [np.pi, 0, 0, 0, 0, 0])
    assert trial.successes == 1 and trial.ending is None


def test_a_plan_ends_when_its_last_step_is_reached(begun):
    _, cube, trial = begun(scramble="U")
    cube.turn("U", -1)
    look(cube, trial)
    assert trial.ending is Ending.FINISHED and trial.report()["plan"]["finished"]


def test_a_wrong_turn_is_mended_at_once_and_listed(begun):
    _, cube, trial = begun(scramble="U R")
    cube.turn("F", 1)
    look(cube, trial)
    assert [goal.move for goal in trial.past] == ["turn U", "flip to F"]
    report = trial.report()
    assert report["goals"][0]["replaced"] == "another turn"
    assert report["plan"]["wrong"] == ["step 1: Turn(quarter=-1): another turn"]


def test_the_goal_is_to_stay_while_a_search_is_under_way(begun, monkeypatch):
    """Nothing that the cube does meanwhile counts as a step."""
    go = []

    def slow(*args, **options):
        while not go:
            time.sleep(0.01)
        return plan_solve(*args, **options)

    judge, cube, trial = begun(scramble="U R")
    monkeypatch.setattr(plan_search, "plan_solve", slow)
    # Two faces of one axis at once: no single turn mends that.
    cube.partway[[1, 4]] = 0.9, -0.9
    cube.report()
    cube.partway[:] = 0.0
    cube.state = cube.state.turn("R", 1).turn("L", 1)
    for _ in range(5):
        started_s = time.monotonic()
        look(cube, trial)
        assert time.monotonic() - started_s < 0.5
    assert [goal.move for goal in trial.past] == ["turn U", "search"]
    np.testing.assert_allclose(trial.goal.parts["goal_joints"], cube.state.joint_angles_rad)
    assert trial.successes == 0 and trial.ending is None and not judge.trial.finished
    go.append(True)
    end_s = time.monotonic() + 20.0
    while len(trial.past) == 2 and time.monotonic() < end_s:
        time.sleep(0.02)
        look(cube, trial)
    assert trial.past[1].replaced == "a plan was found" and not trial.past[1].reached
    assert judge.trial.follower.plan.end.same_stickers(apply_turns(parse_moves("U R").turns))
    assert judge.trial.follower.plan.start == cube.state


def test_a_cube_that_solves_is_planned_before_its_trial(begun):
    start = apply_turns(parse_moves("R U").turns)
    _, cube, trial = begun(Cube(start), solve="R U")
    assert trial.plan.plan.start == start and trial.plan.plan.end.solved
    cube.turn("U", 1)
    look(cube, trial)
    assert trial.past[0].reached


def test_a_drop_and_a_timeout_end_a_trial(begun):
    _, cube, trial = begun(scramble="U")
    look(cube, trial, position=FALLEN)
    assert trial.ending is Ending.DROPPED
    _, cube, trial = begun(scramble="U", goal_timeout_s=0.4)
    for _ in range(5):
        assert trial.ending is None
        look(cube, trial)
    assert trial.ending is Ending.TIMEOUT


def test_angles_that_look_reached_do_not_count_for_another_state(begun):
    """After R F R' F' all faces are straight as before, and the cube is not."""
    _, cube, trial = begun(scramble="U U'")
    cube.turn("U", -1)
    look(cube, trial)
    for face, quarters in (("R", 1), ("F", 1), ("R", -1), ("F", -1), ("U", 1)):
        cube.turn(face, quarters)
    look(cube, trial)
    np.testing.assert_allclose(cube.state.joint_angles_rad, 0.0)
    assert not trial.past[1].reached and trial.past[1].replaced == "another turn"


@pytest.mark.parametrize("lose", [
    lambda cube: None,  # nothing arrives
    lambda cube: cube.report(gap_s=0.6),
    lambda cube: (setattr(cube, "state", cube.state.turn("U", 1).turn("R", 1)), cube.report()),
])  # fmt: skip
def test_angles_that_are_lost_raise(begun, lose):
    _, cube, trial = begun(scramble="U")
    time.sleep(0.45)
    lose(cube)
    with pytest.raises(AnglesLost, match="cube angles: ") as caught:
        trial.advance(cube.sensors(), TURN_S)
    assert "\n" not in str(caught.value) and len(trial.past) == 1


def test_reports_of_a_long_hold_are_all_followed(begun):
    """The loop does not ask while the hand holds; the source keeps what the cube reports."""
    judge, cube, trial = begun(scramble="U R")
    cube.turn("U", -1)
    for _ in range(100):
        cube.report()
    cube.turn("U", -1)
    look(cube, trial)
    assert judge.tracker.state == SOLVED.turn("U", 2)


def test_a_trial_begins_with_a_fresh_report_of_the_right_cube(begun):
    with pytest.raises(DataError, match=r"face R: got 1.57 rad, allowed: within 0.25 of 0.00, as"):
        begun(Cube(SOLVED.turn("R", 1)), scramble="U")
    silent = Cube()
    silent.report = lambda: None
    silent.waiting.clear()
    with pytest.raises(AnglesLost, match=r"cube angles: got none, allowed: a report every 0.4 s"):
        begun(silent, scramble="U")


def test_a_face_that_is_a_little_off_at_the_start_is_followed_from_where_it_is(begun):
    cube = Cube()
    cube.partway[0] = 0.2
    judge, cube, _ = begun(cube, scramble="U")
    np.testing.assert_allclose(judge.tracker.now.partway_rad, [0.2, 0, 0, 0, 0, 0], atol=1e-9)


def test_a_search_that_fails_says_so(monkeypatch):
    def fail(*args, **options):
        raise ValueError("no such cube")

    monkeypatch.setattr(plan_search, "plan_solve", fail)
    search = PlanSearch(SOLVED)
    assert search(SOLVED, "U") is None
    with pytest.raises(SleightError, match="the thread 'plan search' died: ValueError: no such"):
        while search(SOLVED, "U") is None:
            time.sleep(0.01)


def test_a_plan_that_is_forgotten_is_not_given_to_the_next_trial():
    search, turned = PlanSearch(SOLVED), SOLVED.turn("R", 1)
    assert search(SOLVED.turn("U", 1), "U") is None
    search.forget()
    ask = partial(search, turned, "U")
    while (plan := ask()) is None:
        time.sleep(0.01)
    assert plan.start == turned


def test_a_run_without_a_plan_draws_its_goals(loaded):
    assert type(judge_of(RigConfig(), loaded, Cube())) is TaskJudge


@pytest.mark.parametrize(("flags", "line"), [
    (("--scramble", "U R3"), "scramble: moves: move 2 at column 3: got 'R3', allowed: U R F D L B"),
    (("--solve=U  Q",), "solve: moves: move 2 at column 4: got 'Q', allowed: U R F D L B"),
    (("--scramble", "U", "--solve", "R"), "scramble, solve: got moves for both, allowed: for one"),
    (("--solve", "U U'"), "solve: got \"U U'\", which leaves a cube solved, allowed: moves that"),
    (("--scramble", "U"), "plan: got moves with a bundle of the task block, whose inner joints are"
                          " none, allowed: a task with the faces U, R, F, D, L, B"),
])  # fmt: skip
def test_a_plan_that_cannot_be_is_one_line(refused, bundle, flags, line):
    for command in ("run", "dry-run"):
        assert line in refused(2, command, str(bundle), *flags)


def test_a_check_refuses_a_plan_that_its_bundle_cannot_follow(loaded, bundle):
    plan = PlanConfig(scramble="U")
    check_plan(plan, loaded)
    with pytest.raises(ConfigError, match="plan: got moves with a bundle of the task block"):
        check_plan(plan, load_bundle(bundle))


def test_a_source_without_joints_is_refused(loaded):
    with pytest.raises(ConfigError, match="pose: got a source without joints, allowed for"):
        _match_object(loaded, Poses())


def test_a_plan_is_of_the_run_and_not_of_the_rig():
    config = load(RigConfig, None, [])
    assert fingerprint(load_rig(["--scramble", "U"]), "x") == fingerprint(config, "x")
    assert load_rig(["--solve", "R U"]).plan.turns == parse_moves("R U").turns
