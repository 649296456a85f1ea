"""A policy learns within the limits of the safety gate: it has nothing left to cut."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sleight.deploy.hand.gate import GateConfig, GateState, Limits, SafetyGate, limit
from sleight.envs.config import ControlConfig, EnvConfig
from sleight.envs.hands.shadow import SHADOW_RIGHT as HAND
from sleight.envs.mdp.control import ActionLaw

PERIOD_S = EnvConfig().period_s
A, J = len(HAND.actuators), len(HAND.joints)
ROUNDING_RAD = 1e-6
"""The law counts in float32, the gate in float64; angles are below 4 rad."""
LAWS = ("relative_to_target", "relative_to_joint", "absolute")
SEEDS = st.integers(0, 2**32 - 1)


def situations(seed, count):
    """Actions, last targets within the gate's limits, and joints anywhere that a hand can be."""
    rng = np.random.default_rng(seed)
    limits = Limits.of(HAND, GateConfig())
    joints = rng.uniform(HAND.joint_lower, HAND.joint_upper, (count, J)).astype(np.float32)
    near = HAND.control_position(joints) + rng.normal(0.0, 0.3, (count, A))
    last = np.clip(near, limits.lower_rad, limits.upper_rad).astype(np.float32)
    return rng.uniform(-1.0, 1.0, (count, A)).astype(np.float32), last, joints


def law_of(name="relative_to_target", **changes):
    return ActionLaw(ControlConfig(law=name, **changes), HAND, PERIOD_S)


def targets(law, action, last, joints):
    return law(*map(torch.from_numpy, (action, last, joints))).double().numpy()


def cuts(law, seed, config=GateConfig(), count=20):  # noqa: B008  # frozen
    """How far the gate moves each target of the law, (count, A) rad."""
    action, last, joints = situations(seed, count)
    limits = Limits.of(HAND, config)
    asked = targets(law, action, last, joints)
    rows = zip(asked, last.astype(float), HAND.control_position(joints.astype(float)), strict=True)
    return np.array([limit(t, s, m, PERIOD_S, limits).target - t for t, s, m in rows])


@pytest.mark.parametrize("name", LAWS)
@given(seed=SEEDS, ema=st.sampled_from([0.0, 0.3, 0.9]))
def test_the_gate_changes_no_target_of_the_action_law(name, seed, ema):
    assert np.abs(cuts(law_of(name, ema=ema), seed)).max() < ROUNDING_RAD


@given(
    seed=SEEDS,
    margin_rad=st.floats(0.0, 0.1),
    max_error_rad=st.floats(0.01, 1.6),
)
def test_both_mean_the_same_by_margin_and_error(seed, margin_rad, max_error_rad):
    same = {"margin_rad": margin_rad, "max_error_rad": max_error_rad}
    assert np.abs(cuts(law_of(**same), seed, GateConfig(**same))).max() < ROUNDING_RAD


@pytest.mark.parametrize(
    "loose", [{"rated_speed": False}, {"max_error_rad": 10.0}, {"margin_rad": 0.0}]
)
def test_each_limit_is_needed_in_training(loose):
    """Without it the gate does cut: the test above would see a law that had lost one."""
    assert np.abs(cuts(law_of(**loose), 0, count=200)).max() > 0.01


def test_the_defaults_are_the_same_numbers():
    law, gate = ControlConfig(), GateConfig()
    assert (law.margin_rad, law.max_error_rad) == (gate.margin_rad, gate.max_error_rad)
    assert law.rated_speed and gate.speed_scale == 1.0


def test_a_whole_episode_passes_the_gate_unchanged():
    """The hand lags behind its targets; the gate is asked at each period."""
    law, rng = law_of(), np.random.default_rng(0)
    gate = SafetyGate(HAND, GateConfig(), PERIOD_S)
    gate.connect()
    gate.arm(HAND.home, 0.0)
    position = HAND.home.copy()
    for turn in range(1, 200):
        joints = HAND.joint_target(position)
        action = rng.uniform(-1.0, 1.0, A).astype(np.float32)
        last = gate.last_sent.astype(np.float32)
        asked = targets(law, action[None], last[None], joints.astype(np.float32)[None])[0]
        admitted = gate.admit(asked, joints, turn * PERIOD_S)
        np.testing.assert_allclose(admitted.target, asked, rtol=0, atol=ROUNDING_RAD)
        assert not admitted.hits
        gate.sent(admitted.target, turn * PERIOD_S)
        position += 0.4 * (admitted.target - position)
    assert gate.state is GateState.ARMED
