"""It learns: `reach`, from nothing, in a minute."""

from pathlib import Path
from statistics import fmean

import pytest

from sleight.config import load
from sleight.envs.config import GoalConfig
from sleight.train.config import TrainConfig
from sleight.train.rollout.evaluation import Evaluation, evaluate, protocol
from sleight.train.rollout.in_process import build
from sleight.train.rollout.players import RunPlayer
from sleight.train.runs.session import start

RECIPE = Path(__file__).parents[2] / "configs" / "reach.yaml"
QUIET = ["--threads", "1", "--env.threads", "1", "--wandb", "off"]
# Where an action is a pose, there is nothing to find out but which one: seconds are enough.
EASY = [
    "--env.control.law", "absolute", "--env.control.scale", "1", "--policy.memory", "none",
    "--ppo.gamma", "0.9", "--ppo.learning_rate", "2e-3",
]  # fmt: skip


def test_an_easy_task_is_learned_in_seconds() -> None:
    training = build(load(TrainConfig, RECIPE, ["--steps", "24000", *EASY, *QUIET]))
    rewards = []
    while training.steps < training.config.steps:
        rewards.append(training.iterate()["reward_mean"])
    assert fmean(rewards[-2:]) > 4 * fmean(rewards[:3])


def _trained(steps: int, runs: Path) -> Evaluation:
    words = ["--steps", str(steps), "--runs", str(runs), "--name", str(steps), *QUIET]
    player = RunPlayer(start(load(TrainConfig, RECIPE, words)))
    goals = GoalConfig(timeout_s=player.env_config.goals.timeout_s)
    return evaluate(player, protocol(player.env_config, 64, {}, goals), seed=0)


@pytest.mark.slow
def test_reach_is_learned_in_a_minute(tmp_path: Path) -> None:
    """One iteration of the recipe against its first 200 thousand steps."""
    before, after = _trained(1, tmp_path), _trained(200_000, tmp_path)
    assert after.mean > 2 * before.mean + 3 * after.standard_error
