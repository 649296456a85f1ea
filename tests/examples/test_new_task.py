"""A task with an inner joint, from a package of its own, all the way to a simulated rig."""

import json
import subprocess

import pytest

from tests.examples.conftest import ROOT, rig_trials
from tests.train.rows import same_weights, untimed

SMALL = (
    "--env.task", "dial", "--steps", 2048, "--env.num_worlds", 16, "--env.threads", 1,
    "--threads", 1, "--env.resets.cache", 32, "--wandb", "off", "--env.dial.largest_turn_rad", 0.7,
)  # fmt: skip
FORGOTTEN = """
from dataclasses import replace
from sleight.envs.config import EnvConfig, ResetConfig
from sleight.envs.make import make_env
from sleight.envs.snapshot import forgotten
env = make_env(EnvConfig(task="dial", num_worlds=4, threads=1, resets=ResetConfig(cache=32)))
print(forgotten(env), "dial_axis" in env.single_observation_space["critic"].spaces)
class Lossy(type(env.task)):
    saved = tuple(name for name in type(env.task).saved if name != "goal")
env.task.__class__ = Lossy
print(forgotten(env))
"""
PICTURES = """
import torch
from sleight.envs.config import EnvConfig, ResetConfig
from sleight.envs.gym import draw
from sleight.envs.make import make_env
from sleight.envs.rendering.renderer import HandRenderer
env = make_env(EnvConfig(task="dial", num_worlds=1, threads=1, resets=ResetConfig(cache=32)))
env.reset(seed=1)
env.task.goal[0, :4] = torch.tensor([1.0, 0.0, 0.0, 0.0])  # so that the dial is on top
with HandRenderer(env.config.model, 240, 180) as renderer:
    before = draw(env, renderer, 0)
    env.task.goal[0, -1] += 2.0
    after = draw(env, renderer, 0)
changed = (before != after).any(axis=2)
print(changed[:, :120].sum(), changed[:, 120:].sum())
"""


@pytest.fixture(scope="module")
def stranger(strangers):
    return strangers("new_task")


@pytest.fixture(scope="module")
def run(stranger):
    """A run of two iterations."""
    stranger.run("train", ROOT / "configs" / "block.yaml", *SMALL, "--name", "dial")
    return stranger.folder / "runs" / "dial"


@pytest.fixture(scope="module")
def bundle(stranger, run):
    stranger.run("export", run, "--out", "bundle")
    return stranger.folder / "bundle"


def python(stranger, code):
    done = subprocess.run(
        [stranger.python, "-c", code], cwd=ROOT, text=True, capture_output=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_it_resumes_bit_for_bit_with_its_own_fields(stranger, run):
    config = ROOT / "configs" / "block.yaml"
    stranger.run("train", config, *SMALL, "--name", "part", "--pause_steps", 1024)
    part = stranger.folder / "runs" / "part"
    assert len(untimed(part)) == 1
    stranger.run("train", "--resume", part, "--pause_steps", 0)
    assert len(untimed(run)) == 2 and untimed(run) == untimed(part)
    assert same_weights(run, part)
    assert "largest_turn_rad: 0.7" in (run / "config.yaml").read_text()


def test_what_it_saves_is_all_that_changes(stranger):
    whole, lossy = python(stranger, FORGOTTEN)
    assert whole == "[] True"
    assert lossy == "['goal']"


def test_its_goal_is_drawn_with_its_inner_joint(stranger):
    (line,) = python(stranger, PICTURES)
    hand, goal = map(int, line.split())
    assert hand == 0 and goal > 20, "the dial of the goal turns, beside the hand"


def test_it_is_evaluated_as_a_run_and_as_a_bundle(stranger, run, bundle):
    for player in (run, bundle):
        out, _ = stranger.run("eval", player, "--trials", 2)
        assert "mean +- s.e." in out


@pytest.mark.slow
def test_its_bundle_runs_on_a_simulated_rig(stranger, bundle):
    manifest = json.loads((bundle / "bundle.json").read_text())
    assert manifest["task"]["object_joints"] == ["dial"]
    assert {"object_joints", "goal_joints"} <= {tensor["name"] for tensor in manifest["inputs"]}
    result = rig_trials(stranger, bundle, "--plant.object", "dial")
    assert result["complete"] == 1, result
    (goal, *_) = result["per_trial"][0]["goals"]
    assert len(goal["goal_joints"]) == 1 and len(goal["goal_wxyz"]) == 4


def test_its_fields_are_in_the_help_and_wrong_ones_are_one_line(stranger):
    out, _ = stranger.run("train", "--help")
    assert "--env.dial.largest_turn_rad  a number in [0.1, 3.14159" in out
    line = stranger.refused("train", "--env.dial.largest_turn", 1)
    assert "--env.dial.largest_turn: unknown field, did you mean" in line
    assert "env.task: got dail, did you mean 'dial'" in stranger.refused(
        "train", "--env.task", "dail"
    )
