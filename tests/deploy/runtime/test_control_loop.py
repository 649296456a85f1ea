"""The loop's rules: late turns, missing poses, stale states, holding and going on."""

import time

import numpy as np
import pytest

from sleight.contract.bundle import load_bundle
from sleight.deploy.hand.gate import GateConfig, GateState
from sleight.deploy.hand.guard import GuardedHand
from sleight.deploy.hand.hand import HandError, HandMode
from sleight.deploy.logs.log_read import read_log
from sleight.deploy.logs.run_log import RunLog
from sleight.deploy.runtime.control_loop import ControlLoop, LoopConfig
from sleight.deploy.runtime.policy_runner import OnnxPolicy
from sleight.deploy.runtime.stage import Phase, Stage, StageConfig
from sleight.deploy.runtime.task_judge import TaskJudge
from sleight.deploy.runtime.trial import Ending
from sleight.envs.hands.shadow import SHADOW_RIGHT as HAND
from sleight.errors import SafetyStop
from tests.deploy.fakes import Poses, Recorder, Script

PERIOD_S = 0.08
LATE_S = 0.03
PREPARE = 3
"""Turns before a trial: home, place, settle; the third already asks the policy."""


class Bench:
    """A loop on a hand, an object and a clock that do as they are told."""

    def __init__(self, bundle, folder, **config):
        stage = StageConfig(home_s=0.05, settle_s=0.05)
        self.config = LoopConfig(stage=stage, **config)
        self.driver, self.poses, self.script = Recorder(), Poses(), Script()
        now = iter(range(10**6))
        self.hand = GuardedHand(
            self.driver, GateConfig(), PERIOD_S, clock=lambda: PERIOD_S * next(now)
        )
        self.hand.connect(1.0)
        self.hand.arm()
        loaded = load_bundle(bundle)
        task = loaded.manifest.task
        self.policy = OnnxPolicy(loaded)
        self.stage = Stage(
            HAND, task, self.policy, self.poses, TaskJudge(loaded, 0), self.config.stage
        )
        self.path = folder / "run.mcap"
        self.log = RunLog(self.path, HAND, PERIOD_S)
        self.loop = ControlLoop(self.hand, self.poses, self.stage, PERIOD_S, self.config, self.log)
        self.script.then(PREPARE)

    def run(self):
        """All scripted turns; returns the log's."""
        try:
            self.loop.run(100, self.script.over, pacer=self.script)
        finally:
            self.log.close()
        return read_log(self.path).records

    @property
    def phase(self):
        """Of the policy: radians that its memory has advanced, 0.2 per step."""
        return float(self.policy._carry["phase"][0, 0])

    def blind(self):
        self.poses.seen = False

    def see(self):
        self.poses.seen = True

    def freeze(self):
        self.driver.stale = True

    def thaw(self):
        self.driver.stale = False


@pytest.fixture
def bench(bundle, tmp_path):
    def make(**config):
        return Bench(bundle, tmp_path, **config)

    return make


def test_home_place_settle_then_the_policy(bench):
    b = bench()
    b.script.then(4)
    turns = b.run()
    assert [turn["phase"] for turn in turns] == [Phase.PLACE, Phase.SETTLE, *[Phase.TRIAL] * 5]
    assert b.poses.requests == 1
    np.testing.assert_allclose(b.phase, 5 * 0.2, rtol=1e-5)
    sines = [np.sin(0.2 * step) for step in range(5)]
    np.testing.assert_allclose([turn["action"][0] for turn in turns[2:]], sines, atol=1e-6)


def test_a_late_turn_repeats_the_target_and_keeps_the_policys_memory(bench):
    b = bench()
    b.script.then(3).then(lateness_s=LATE_S).then(3)
    turns = b.run()
    late = turns[PREPARE + 3]
    assert (late["verdict"], late["action"]) == ("repeat", None)
    assert late["applied"] == turns[PREPARE + 2]["applied"]
    np.testing.assert_allclose(b.phase, 7 * 0.2, rtol=1e-5)
    assert b.stage.trials[0].duration_s == pytest.approx(7 * PERIOD_S)
    assert b.loop.holds == 0


def test_two_late_turns_hold_and_five_good_ones_go_on(bench):
    b = bench()
    states = []
    b.script.then(3).then(2, lateness_s=LATE_S).then(4)
    b.script.then(before=lambda: states.append(b.hand.state)).then(3)
    turns = b.run()
    held = [turn["k"] for turn in turns if turn["applied"] is None]
    # The second late turn holds; of the next five the last arms, and commands pass after it.
    assert held == [PREPARE + 4, *range(PREPARE + 5, PREPARE + 10)]
    assert states == [GateState.HOLD]
    assert turns[PREPARE + 4]["note"] == "the loop was late too often"
    assert turns[-1]["gate"] == "armed"
    assert (b.loop.holds, b.stage.trials[0].holds) == (1, 1)
    calls = [call for call in b.driver.calls if isinstance(call, str)]
    assert calls == ["connect", "hold", *["heartbeat"] * 5]
    assert b.loop.timing.summary()["held_ticks"] == 6


def test_a_late_turn_while_holding_starts_the_count_again(bench):
    b = bench()
    b.script.then(2).then(2, lateness_s=LATE_S).then(4).then(lateness_s=LATE_S).then(4)
    turns = b.run()
    assert turns[-1]["gate"] == "hold"
    assert b.loop.holds == 1


def test_a_pose_may_be_missing_for_two_turns_and_then_the_hand_holds(bench):
    b = bench()
    b.script.then(2).then(before=b.blind).then(2).then(9).then(before=b.see).then(6)
    turns = b.run()
    noted = [turn["k"] for turn in turns if "no pose of the object for 3 turns" in turn["note"]]
    assert noted[0] == PREPARE + 4
    blind = turns[PREPARE + 2 : PREPARE + 4]
    assert all(turn["applied"] is not None and not turn["pose_new"] for turn in blind)
    # Without a pose it does not go on, with one it does after five turns.
    assert turns[PREPARE + 13]["gate"] == "hold"
    assert turns[-1]["gate"] == "armed"
    assert turns[-1]["applied"] is not None
    assert b.loop.holds == 1


def test_a_stale_state_holds_at_once_and_sends_no_command(bench):
    b = bench(stop_after_s=60.0)
    b.script.then(2).then(before=b.freeze).then(2).then(before=b.thaw).then(7)
    turns = b.run()
    stale = turns[PREPARE + 2 : PREPARE + 5]
    assert all(turn["applied"] is None and "got an age" in turn["note"] for turn in stale)
    assert len(b.driver.commands) == sum(turn["applied"] is not None for turn in turns)
    assert turns[-1]["applied"] is not None


def test_a_state_that_stays_stale_ends_in_a_latched_stop(bench):
    b = bench(stop_after_s=0.05)
    b.driver.slow_s = 0.01
    b.script.then(1).then(before=b.freeze).then(200, before=lambda: time.sleep(0.001))
    with pytest.raises(SafetyStop, match=r"no joint state for \d+\.\d+ s"):
        b.run()
    assert b.driver.calls[-1] == "stop"
    assert b.hand.state is GateState.STOPPED


def test_too_many_holds_in_one_trial_end_in_a_latched_stop(bench):
    b = bench(max_holds=2)
    for _ in range(3):
        b.script.then(2).then(2, lateness_s=LATE_S).then(6)
    with pytest.raises(SafetyStop, match="held 3 times in one trial, at last because the loop was"):
        b.run()
    assert b.driver.calls[-1] == "stop"


def test_a_hand_that_reports_a_stop_ends_the_run(bench):
    b = bench()
    b.script.then(2, before=lambda: setattr(b.driver, "mode", HandMode.STOPPED))
    with pytest.raises(SafetyStop, match="the hand reports a latched stop"):
        b.run()


def test_a_dropped_object_ends_the_trial_and_the_next_one_begins(bench):
    b = bench()
    palm = b.poses.position

    def drop():
        b.poses.position = np.array([0.0, 0.0, -0.1])

    def put_back():
        b.poses.position = palm

    b.script.then(3).then(before=drop).then(before=put_back).then(4)
    turns = b.run()
    assert b.stage.trials[0].ending is Ending.DROPPED
    assert [turn["trial"] for turn in turns[-3:]] == [2, 2, 2]
    assert b.poses.requests == 2
    assert turns[PREPARE + 3]["asked"] == HAND.home.tolist()
    begun = next(turn["action"] for turn in turns if turn["trial"] == 2)
    np.testing.assert_array_equal(begun, np.zeros(20))  # the policy has forgotten the first trial


def test_an_object_that_nobody_sees_any_more_has_fallen_and_the_next_trial_begins(bench):
    b = bench(lost_after_s=0.05)

    def hide():
        b.poses.seen = False

    def show():
        b.poses.seen = True

    b.script.then(3).then(before=hide).then(3).then(before=lambda: time.sleep(0.1))
    b.script.then(20, before=show)
    turns = b.run()
    assert b.stage.trials[0].ending is Ending.DROPPED
    first = [turn["k"] for turn in turns if turn["phase"] == "home"]
    assert PREPARE + 7 in range(first[0], first[-1] + 1)
    assert turns[-1]["trial"] == 2
    assert turns[-1]["gate"] == "armed"


def test_a_source_of_poses_that_fails_is_no_drop_and_the_trial_goes_on_after_it(bench):
    """The cameras are frozen for a while: that says nothing about the policy."""
    b = bench(lost_after_s=0.05)

    def fail():
        b.poses.seen, b.poses.blindness = False, "camera left: frozen"

    def recover():
        b.poses.seen, b.poses.blindness = True, ""

    b.script.then(3).then(before=fail).then(3).then(before=lambda: time.sleep(0.1)).then(2)
    b.script.then(before=recover).then(10)
    turns = b.run()
    assert b.stage.trials[0].ending is None
    assert [turn["trial"] for turn in turns[PREPARE:]] == [1] * (len(turns) - PREPARE)
    assert turns[-1]["gate"] == "armed"
    assert any(turn["note"].endswith("; camera left: frozen") for turn in turns)


def test_a_source_of_poses_that_fails_for_good_ends_the_run_with_its_reason(bench):
    b = bench(lost_after_s=0.01, hold_timeout_s=0.1)

    def fail():
        b.poses.seen, b.poses.blindness = False, "camera left: frozen"

    b.script.then(3).then(before=fail).then(3)
    b.script.then(100, before=lambda: time.sleep(0.02))
    with pytest.raises(SafetyStop, match="held for 0 s, because .*; camera left: frozen"):
        b.run()
    assert b.stage.trials[0].ending is None
    assert b.driver.calls[-1] == "stop"


def test_a_source_of_poses_that_fails_before_a_trial_is_named(bench):
    b = bench()
    b.poses.seen, b.poses.blindness = False, "camera left: frozen"
    b.script.then(100)
    with pytest.raises(HandError, match="no trial can begin: camera left: frozen"):
        b.run()


def test_an_object_that_never_stays_in_the_palm_ends_the_run(bench):
    b = bench()
    b.poses.position = np.array([0.0, 0.0, -0.1])
    b.script.then(100)
    with pytest.raises(HandError, match="the object fell 10 times before a trial could begin"):
        b.run()
