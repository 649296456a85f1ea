"""Calibrated values in a config: worlds have them, ADR starts from them, in a first range."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sleight.adr.sampling import sample
from sleight.envs.config import EnvConfig, ResetConfig
from sleight.envs.make import make_env
from sleight.errors import ConfigError
from sleight.train.config import RunAdrConfig, TrainConfig
from sleight.train.rollout.adr_source import dimensions, physical_ranges, start_state

SMALL = EnvConfig(num_worlds=2, threads=1, resets=ResetConfig(cache=32))
CALIBRATED = {"hand.gain": 0.8, "hand.friction_loss": 0.01, "action.latency": 20.0}


def config(**changes):
    env = replace(SMALL, nominal=changes.pop("nominal", CALIBRATED))
    steps = {"hand.gain": 0.02, "hand.friction_loss": 0.02, "object.mass": 0.02}
    return TrainConfig(env=env, adr=RunAdrConfig(step_sizes=steps, **changes))


def test_worlds_have_the_calibrated_values():
    env = make_env(replace(SMALL, nominal=CALIBRATED, randomization={"hand.gain": (1.1, 1.1)}))
    env.reset(seed=0)
    gain = env.sim.field("actuator_gainprm")[:, :, 0].numpy()
    np.testing.assert_allclose(gain[0], 1.1 * env.sim.model.actuator_gainprm[:, 0])  # what is drawn
    assert 0 < env.sim.field("dof_frictionloss")[:, :24].mean() < 0.02
    late = env.sim.field("actuator_delay")
    assert (late > 0.01).all() and (late < 0.03).all()
    assert env.observation_space["critic"]["world"].shape == (2, 1), "only what is drawn is told"
    env.step(torch.zeros(2, 20))


def test_goals_may_be_held_near():
    env = make_env(replace(SMALL, nominal={"goal.angle": 1.0}))
    env.reset(seed=0)
    assert env.task.largest_goal.tolist() == [1.0, 1.0]


def test_adr_starts_from_them():
    state = start_state(config())
    found = physical_ranges(state)
    assert found["hand.gain"] == pytest.approx((0.8, 0.8))
    assert found["hand.friction_loss"] == pytest.approx((0.01, 0.01))
    assert found["object.mass"] == pytest.approx((1.0, 1.0))
    moves = {row.name: row.low_moves for row in dimensions(config())}
    assert moves["hand.friction_loss"], "a calibrated strength may also be less"
    assert not {row.name: row.low_moves for row in dimensions(config(nominal={}))}[
        "hand.friction_loss"
    ]


def test_adr_begins_in_the_first_range():
    recipe = config(initial_ranges={"hand.gain": (0.7, 1.0)})
    state = start_state(recipe)
    assert physical_ranges(state)["hand.gain"] == pytest.approx((0.7, 1.0))
    lam = sample(state, recipe.adr, np.random.default_rng(0), 200).lam[:, 0]
    gain = np.exp(0.5 * lam)
    assert 0.7 <= gain.min() < 0.72 and 0.98 < gain.max() <= 1.0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"initial_ranges": {"hand.gain": (0.9, 1.0)}},
            "hand.gain: got [0.9, 1], allowed: a range around",
        ),
        (
            {"initial_ranges": {"gravity": (-10, -9)}},
            "initial_ranges: got gravity, allowed: those of adr.step_sizes and adr.",
        ),
        (
            {"initial_ranges": {"hand.gian": (1, 1)}},
            "initial_ranges: got unknown parameter 'hand.gian', did you m",
        ),
        ({"initial_ranges": {"hand.gain": (0.1, 1)}}, "hand.gain: got 0.1, allowed: [0.4, 2.5] x"),
        ({"nominal": {"hand.gain": 9.0}}, "hand.gain: got 9, allowed: [0.4, 2.5] x"),
    ],
)
def test_what_cannot_be_is_refused(changes, words):
    with pytest.raises(ConfigError) as caught:
        start_state(config(**changes))
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_a_calibrated_value_outside_its_limits_is_refused():
    with pytest.raises(ConfigError, match="did you mean 'hand.gain'"):
        make_env(replace(SMALL, nominal={"hand.gian": 1.0}))
    with pytest.raises(ConfigError, match=r"action\.latency: got 100, allowed: \[0, 60\] ms"):
        make_env(replace(SMALL, nominal={"action.latency": 100.0}))
