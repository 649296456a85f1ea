"""The hand's own modes and watchdog, without sockets and without waiting."""

import numpy as np
import pytest

from sleight.deploy.hand.hand import HandMode
from sleight.deploy.link.hand_session import Session
from sleight.deploy.sim.plant_config import PlantConfig, RigSimConfig, draw
from sleight.envs.hands.shadow import SHADOW_RIGHT as HAND
from tests.deploy.fakes import shadow_motors

STEP_S = 0.001


class Rig:
    """A session with motors and a clock, and what it logged."""

    def __init__(self, **config):
        hidden = draw(PlantConfig(), 20, 24, np.random.default_rng(0))
        self.motors = shadow_motors(hidden, PlantConfig())
        self.logged = []
        self.measured = HAND.home + 0.3
        self.now_s = 0.0
        self.session = Session(
            HAND,
            RigSimConfig(**config),
            self.motors,
            lambda: self.measured,
            lambda event, **fields: self.logged.append((event, fields)),
        )

    def say(self, kind, **fields):
        return self.session.handle({"type": kind, **fields}, self.now_s)

    def wait(self, seconds):
        for _ in range(round(seconds / STEP_S)):
            self.now_s += STEP_S
            self.motors.step(HAND.joint_target(HAND.home))
            self.session.watch(self.now_s, True)


def armed(**config):
    rig = Rig(**config)
    assert rig.say("arm", seq=1)["mode"] == HandMode.ARMED
    return rig


def command(rig, target, seq=2):
    return rig.say("command", seq=seq, target=list(target), duration_s=0.08)


def test_a_command_before_arming_moves_nothing():
    rig = Rig()
    ack = command(rig, HAND.home + 0.1)
    assert (ack["mode"], ack["reasons"]) == (HandMode.READY, ["not armed"])
    rig.wait(0.1)
    np.testing.assert_array_equal(rig.motors.setpoint, HAND.home)


def test_the_setpoint_reaches_the_target_after_the_duration_and_not_before():
    rig = armed()
    command(rig, HAND.home + 0.1)
    rig.wait(0.04)
    np.testing.assert_allclose(rig.motors.setpoint, HAND.home + 0.05, atol=1e-9)
    rig.wait(0.05)
    np.testing.assert_allclose(rig.motors.setpoint, HAND.home + 0.1, atol=1e-12)


def test_targets_outside_the_hand_are_clipped_and_told():
    rig, target = armed(), HAND.home.copy()
    target[3] = 9.0
    ack = command(rig, target)
    assert ack["reasons"] == ["hand_limit:FFJ3"]
    assert ack["target"][3] == HAND.upper[3]


@pytest.mark.parametrize("wrong", [{"target": [0.0] * 19}, {"duration_s": 0.0}, {"duration_s": 9}])
def test_a_command_that_makes_no_sense_is_refused_and_changes_nothing(wrong):
    rig = armed()
    fields = {"seq": 3, "target": list(HAND.home), "duration_s": 0.08} | wrong
    assert rig.say("command", **fields)["reasons"] == ["refused: shape or duration"]
    np.testing.assert_array_equal(rig.motors.target, HAND.home)


def test_the_watchdog_holds_after_200_ms_and_relaxes_after_2_s():
    rig = armed()
    command(rig, HAND.home + 0.1)
    rig.wait(0.199)
    assert rig.session.mode is HandMode.ARMED
    rig.wait(0.003)
    assert rig.session.mode is HandMode.HOLD
    rig.wait(1.79)
    assert rig.session.mode is HandMode.HOLD
    rig.wait(0.01)
    assert rig.session.mode is HandMode.RELAXED
    events = dict(rig.logged)
    assert events["hold"]["since_heard_s"] == pytest.approx(0.2, abs=0.003)
    assert events["relaxed"]["since_heard_s"] == pytest.approx(2.0, abs=0.003)


def test_heartbeats_keep_an_armed_hand_armed():
    rig = armed()
    for _ in range(20):
        rig.wait(0.15)
        rig.say("heartbeat", seq=1)
    assert rig.session.mode is HandMode.ARMED


def test_holding_stops_the_setpoint_on_its_way():
    rig = armed()
    command(rig, HAND.home + 0.1)
    rig.wait(0.04)
    rig.session.gone("kill -9", rig.now_s)
    rig.wait(0.5)
    np.testing.assert_allclose(rig.motors.setpoint, HAND.home + 0.05, atol=1e-9)
    assert command(rig, HAND.home)["reasons"] == ["not armed"]


def test_holding_may_take_the_measured_angles_instead():
    rig = armed(hold="measured")
    rig.say("hold")
    inside = np.clip(HAND.home + 0.3, HAND.lower, HAND.upper)
    np.testing.assert_array_equal(rig.motors.setpoint, inside)


def test_arming_again_starts_from_the_setpoint_after_a_hold_and_from_the_joints_after_a_relax():
    rig = armed()
    rig.say("hold")
    assert rig.say("arm", seq=5)["target"] == HAND.home.tolist()
    rig.say("relax")
    rig.wait(3.0)
    ack = rig.say("arm", seq=6)
    inside = np.clip(HAND.home + 0.3, HAND.lower, HAND.upper)
    np.testing.assert_array_equal(ack["target"], inside)


def test_a_relaxed_hand_has_a_tenth_of_its_force():
    rig = armed()
    far = HAND.joint_target(HAND.home) - 3.0
    strong = np.abs(rig.motors.step(far))
    rig.say("relax")
    for _ in range(5000):
        weak = np.abs(rig.motors.step(far))
    np.testing.assert_allclose(weak, 0.1 * strong, rtol=0.01)


def test_a_stop_is_latched():
    rig = armed()
    rig.say("stop", reason="a test")
    assert rig.session.mode is HandMode.STOPPED
    ack = rig.say("arm", seq=9)
    assert (ack["mode"], ack["reasons"]) == (HandMode.STOPPED, ["stopped: restart the hand"])
    assert command(rig, HAND.home)["reasons"] == ["not armed"]
    rig.say("hold")
    rig.say("relax")
    rig.wait(3.0)
    assert rig.session.mode is HandMode.STOPPED
