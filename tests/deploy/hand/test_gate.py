"""The gate keeps limits and speed for any sequence of calls."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sleight.deploy.hand.gate import GateConfig, GateState, Limits, SafetyGate, limit
from sleight.deploy.hand.hand import CommandRejected, NotArmed
from sleight.envs.hands.shadow import SHADOW_RIGHT as HAND

PERIOD_S = 0.08
A, J = len(HAND.actuators), len(HAND.joints)
ANGLE = st.floats(-1e3, 1e3, width=32)
TARGETS = arrays(np.float64, A, elements=ANGLE)
JOINTS = arrays(np.float64, J, elements=st.floats(-2, 4, width=32))
CONFIGS = st.builds(
    GateConfig,
    margin_rad=st.floats(0, 0.1),
    speed_scale=st.floats(0.01, 1),
    max_error_rad=st.floats(0.01, 1.6),
)


DEFAULT = GateConfig()


def armed(config=DEFAULT, present=HAND.home):
    gate = SafetyGate(HAND, config, PERIOD_S)
    gate.connect()
    gate.arm(present, 0.0)
    return gate


@given(CONFIGS, TARGETS, st.lists(st.tuples(TARGETS, JOINTS, st.floats(0, 0.5)), max_size=8))
def test_no_sequence_leaves_limits_or_speed(config, present, calls):
    """Also when the hand is armed far outside its limits, and calls come at any rate."""
    gate = armed(config, present)
    now_s = 0.0
    for target, joints, wait_s in calls:
        now_s += wait_s
        before = gate.last_sent
        sent = gate.admit(target, joints, now_s).target
        gate.sent(sent, now_s)
        assert np.all(sent >= HAND.lower + config.margin_rad - 1e-12)
        assert np.all(sent <= HAND.upper - config.margin_rad + 1e-12)
        step = HAND.max_speed * config.speed_scale * min(wait_s, PERIOD_S)
        assert np.all(np.abs(sent - before) <= step + 1e-9)


@given(st.lists(st.tuples(TARGETS, st.floats(0, 0.3)), min_size=1, max_size=10))
def test_a_setpoint_that_interpolates_over_one_period_keeps_the_speed(calls):
    """The hand moves its setpoint linearly to each target over one period, whenever it comes."""
    gate = armed()
    setpoint, now_s = HAND.home, 0.0
    speed = np.zeros(A)
    for target, wait_s in calls:
        moved = speed * min(wait_s, PERIOD_S)
        setpoint, now_s = setpoint + moved, now_s + wait_s
        sent = gate.admit(target, HAND.joint_target(setpoint), now_s).target
        gate.sent(sent, now_s)
        speed = (sent - setpoint) / PERIOD_S
        assert np.all(np.abs(speed) <= HAND.max_speed + 1e-6)


@given(TARGETS, JOINTS, CONFIGS)
def test_what_needs_no_change_is_not_changed(target, joints, config):
    """A result passed in again, with time to get there and the hand on it, comes out as it is."""
    limits = Limits.of(HAND, config)
    inside = np.clip(target, limits.lower_rad, limits.upper_rad)
    measured = HAND.control_position(joints)
    once = limit(target, inside, measured, PERIOD_S, limits).target
    twice = limit(once, once, once, PERIOD_S, limits)
    np.testing.assert_array_equal(twice.target, once)
    assert not twice.hits


def test_each_clamp_by_hand():
    """FFJ3: limits 0.02..1.551 with the margin, 2 rad/s * 0.08 s = 0.16 rad, error 0.35 rad."""
    limits, i = Limits.of(HAND, GateConfig()), HAND.actuators.index("FFJ3")

    def one(target, last, measured):
        wanted, before, seen = HAND.home.copy(), HAND.home.copy(), HAND.home.copy()
        wanted[i], before[i], seen[i] = target, last, measured
        result = limit(wanted, before, seen, PERIOD_S, limits)
        return result.target[i], set(result.hits)

    assert one(0.55, 0.5, 0.5) == (0.55, set())
    assert one(0.80, 0.5, 0.5) == (pytest.approx(0.66), {"speed"})
    assert one(0.80, 0.7, 0.4) == (pytest.approx(0.75), {"error"})
    assert one(1.60, 1.5, 1.5) == (pytest.approx(1.551), {"limit"})
    assert one(-1.0, 0.1, 0.0) == (pytest.approx(0.02), {"error", "speed", "limit"})
    # Pushed away by 1 rad: the target follows no faster than its speed allows.
    assert one(0.5, 0.5, 1.5) == (pytest.approx(0.66), {"error", "speed"})


def test_a_change_too_small_to_matter_is_made_and_not_told():
    """The law's float32 says 0.02 as 0.0199999996, and a turn may come 0.1 ms early."""
    limits = Limits.of(HAND, GateConfig())
    low, far = limits.lower_rad.astype(np.float32).astype(float), limits.lower_rad - 0.002
    assert np.any(low < limits.lower_rad)
    for target, told in ((low, set()), (far, {"limit"})):
        result = limit(target, limits.lower_rad, limits.lower_rad, PERIOD_S, limits)
        np.testing.assert_array_equal(result.target, np.maximum(target, limits.lower_rad))
        assert set(result.hits) == told
    quick = limits.upper_rad - HAND.max_speed * PERIOD_S
    early = limit(limits.upper_rad, quick, quick, PERIOD_S - 1e-4, limits)
    assert np.all(early.target < limits.upper_rad - 1e-4)
    assert not early.hits


def test_a_coupled_pair_may_err_by_both_joints():
    limits = Limits.of(HAND, GateConfig(max_error_rad=0.35))
    assert limits.error_rad[HAND.actuators.index("FFJ0")] == pytest.approx(0.70)
    assert limits.error_rad[HAND.actuators.index("FFJ3")] == pytest.approx(0.35)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_target_that_is_not_finite_is_rejected_by_name(bad):
    gate, target = armed(), HAND.home.copy()
    target[3] = bad
    with pytest.raises(CommandRejected, match=f"got {bad} for FFJ3, allowed: finite angles in rad"):
        gate.admit(target, np.zeros(J), 0.1)


@pytest.mark.parametrize("shape", [(19,), (21,), (1, 20), ()])
def test_a_target_of_another_shape_is_rejected(shape):
    with pytest.raises(CommandRejected, match=r"allowed: \(20,\)"):
        armed().admit(np.zeros(shape), np.zeros(J), 0.1)


def test_a_measurement_that_is_not_finite_is_no_ground_for_a_command():
    joints = np.zeros(J)
    joints[0] = np.nan
    with pytest.raises(CommandRejected, match="measured position: got nan for WRJ2"):
        armed().admit(HAND.home, joints, 0.1)


EVENTS = st.sampled_from(["connect", "arm", "hold", "relax", "stop", "disconnect", "admit"])


@given(st.lists(EVENTS, max_size=20))
def test_only_an_armed_gate_admits_and_a_stop_is_the_last_word(events):
    gate, stopped = SafetyGate(HAND, GateConfig(), PERIOD_S), False
    for now_s, event in enumerate(events):
        before = gate.state
        if event == "connect":
            gate.connect()
        elif event == "disconnect":
            gate.disconnect()
        elif event == "arm":
            allowed = before in (GateState.READY, GateState.HOLD, GateState.ARMED)
            if allowed:
                gate.arm(HAND.home, now_s)
                assert gate.state is GateState.ARMED
            else:
                with pytest.raises(NotArmed, match=before.value):
                    gate.arm(HAND.home, now_s)
        elif event == "admit":
            if before is GateState.ARMED:
                gate.admit(HAND.home, np.zeros(J), now_s)
            else:
                with pytest.raises(NotArmed, match=before.value):
                    gate.admit(HAND.home, np.zeros(J), now_s)
        else:
            getattr(gate, event)("a reason")
            stopped |= event == "stop"
        assert (gate.state is GateState.STOPPED) == stopped
