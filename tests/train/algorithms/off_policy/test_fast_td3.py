"""FastTD3: what its actor and critics follow, what a run of it saves, and what it refuses."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from sleight.config import load
from sleight.contract.bundle import load_bundle
from sleight.errors import ConfigError
from sleight.policies.encoders import TermShape
from sleight.train.algorithms.agent import sized_agent
from sleight.train.algorithms.learner_group import LearnerGroup
from sleight.train.algorithms.off_policy.fast_td3 import FastTd3, clipped
from sleight.train.algorithms.off_policy.fast_td3_config import FastTd3Config
from sleight.train.config import TrainConfig
from sleight.train.rollout.in_process import build
from sleight.train.rollout.players import RunPlayer
from sleight.train.runs import checkpoint
from sleight.train.runs.session import resume, start
from sleight.train.runs.training_loop import Training
from tests.train.rows import same_weights, untimed

CONFIGS = Path(__file__).parents[4] / "configs"
REACH, RECIPE = CONFIGS / "reach.yaml", CONFIGS / "block_near_fast_td3.yaml"
OFF_POLICY = ["--algorithm", "fast_td3", "--policy.memory", "none"]
SMALL = [
    *OFF_POLICY, "--env.num_worlds", "8", "--env.threads", "1", "--env.goals.timeout_s", "0.8",
    "--threads", "1", "--wandb", "off", "--rollout.horizon", "16", "--fast_td3.warmup_steps", "200",
    "--fast_td3.batch_size", "64", "--steps", "512",
]  # fmt: skip


def _config(*flags: Any) -> TrainConfig:
    return load(TrainConfig, REACH, [*SMALL, *map(str, flags)])


def _learner(training: Training) -> FastTd3:
    assert isinstance(training.learner, FastTd3)
    return training.learner


def test_bfloat16_learns_what_float32_does_but_for_rounding() -> None:
    rows = {}
    for precision in ("float32", "bfloat16"):
        training = build(_config("--fast_td3.precision", precision, "--fast_td3.warmup_steps", 1))
        learner = _learner(training)
        rows[precision] = learner.update(training.sampler.next(), 0.0)
        assert {value.dtype for value in learner.critics.parameters()} == {torch.float32}
        assert learner.low is (precision == "bfloat16")
    one, two = rows.values()
    assert one["critic_loss"] != two["critic_loss"]
    assert two["critic_loss"] == pytest.approx(one["critic_loss"], rel=0.05)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_rewarded_actions_become_likelier(sign: float) -> None:
    """The reward is one motor's action, at once and without a future: its mean follows."""
    flags = ["--fast_td3.gamma", 0, "--fast_td3.replay_ratio", 64, "--fast_td3.warmup_steps", 1]
    training = build(_config(*flags, "--fast_td3.learning_rate", "2e-3"))
    batch, actor = training.sampler.next(), training.agent.actor

    def mean() -> float:
        with torch.no_grad():
            return float(actor.unroll(batch.actor, (), batch.starts).mode()[..., 5].mean())

    before = mean()
    rewarded = replace(batch, reward=sign * 20 * batch.raw.clamp(-1, 1)[..., 5])
    for _ in range(2):
        row = training.learner.update(rewarded, 0.0)
    assert sign * (mean() - before) > 0.05
    assert row["gradient_steps"] == 256.0


def test_gradients_beyond_the_limits_are_kept_only_where_they_point_inwards() -> None:
    raw = torch.tensor([-2.0, -2.0, 0.3, 0.3, 2.0, 2.0], requires_grad=True)
    slope = torch.tensor([1.0, -1.0, 1.0, -1.0, 1.0, -1.0])
    action = clipped(raw)
    assert torch.equal(action, raw.detach().clamp(-1, 1))
    (action * slope).sum().backward()
    # A descent subtracts the gradient: at -2 only a negative one leads back.
    assert raw.grad is not None and raw.grad.tolist() == [0.0, -1.0, 1.0, -1.0, 1.0, 0.0]


def test_the_noise_goes_in_a_line_from_first_to_last_step() -> None:
    training = build(_config("--fast_td3.action_std", "[0.5, 0.1]"))
    batch = training.sampler.next()
    for progress, std in ((0.0, 0.5), (0.25, 0.4), (1.0, 0.1)):
        assert training.learner.update(batch, progress)["action_std"] == pytest.approx(std)
        assert training.agent.actor.log_std.exp().tolist() == pytest.approx([std] * 20)


def test_learning_begins_when_the_memory_is_warm_and_keeps_its_ratio() -> None:
    training = build(_config("--fast_td3.replay_ratio", "3.3"))
    before = {n: v.clone() for n, v in training.agent.actor.state_dict().items() if "head" in n}
    rows = [training.iterate() for _ in range(4)]
    assert [row["replay_steps"] for row in rows] == [128.0, 256.0, 384.0, 512.0]
    # 128 steps * 3.3 / 64 are 6.6 gradient steps in each batch.
    assert [row["gradient_steps"] for row in rows] == [0.0, 6.0, 13.0, 19.0]
    assert "critic_loss" not in rows[0] and rows[1]["critic_loss"] > 0.0
    assert any(not torch.equal(training.agent.actor.state_dict()[n], v) for n, v in before.items())
    assert _learner(training).actor.log_std.requires_grad  # PPO may learn it from here on


def test_the_targets_follow_the_critics_slowly() -> None:
    training = build(_config("--fast_td3.target_rate", "0.25", "--fast_td3.warmup_steps", "1"))
    learner = _learner(training)
    old = [value.clone() for value in learner.targets.parameters()]
    learner._remember(training.sampler.next())
    learner._step()
    for first, target, critic in zip(
        old, learner.targets.parameters(), learner.critics.parameters(), strict=True
    ):
        assert torch.allclose(target, first + 0.25 * (critic - first), atol=1e-6)


def test_with_its_memory_a_resumed_run_is_the_uninterrupted_one(tmp_path: Path) -> None:
    config = _config("--fast_td3.keep_replay", "true", "--runs", tmp_path)
    whole = start(replace(config, name="whole"))
    part = start(replace(config, name="part", pause_steps=256))
    assert len(untimed(part)) == 2
    resume(part, ["--pause_steps", "0"])
    assert untimed(part) == untimed(whole)
    assert same_weights(part, whole)
    one, two = (checkpoint.load(run).state for run in (part, whole))
    same = {name: torch.equal(v.nan_to_num(), two[name].nan_to_num()) for name, v in one.items()}
    assert [name for name, equal in same.items() if not equal] == []


def test_without_it_a_resumed_run_learns_again_when_its_memory_is_warm(tmp_path: Path) -> None:
    run = start(_config("--runs", tmp_path, "--name", "run", "--pause_steps", "256"))
    saved = checkpoint.load(run)
    assert not [name for name in saved.state if "replay" in name]
    assert saved.state["learner.actor_optimizer.0.step"] > 0
    resume(run, ["--pause_steps", "0"])
    rows = untimed(run)
    assert [row["replay_steps"] for row in rows] == [128.0, 256.0, 128.0, 256.0]
    assert [row["gradient_steps"] for row in rows] == [0.0, 16.0, 16.0, 32.0]


def test_a_run_is_evaluated_exported_and_reported(
    tmp_path: Path, cli: Callable[..., tuple[int, str, str]]
) -> None:
    small = [*SMALL, "--env.resets.cache", "32", "--runs", str(tmp_path), "--name", "run"]
    run = start(load(TrainConfig, RECIPE, small))
    assert RunPlayer(run).config.algorithm == "fast_td3"
    for words in (
        ("eval", run, "--trials", "2", "--stochastic"),
        ("export", run, "--out", tmp_path / "bundle", "--stochastic"),
        ("report", run),
    ):
        code, _, err = cli(*words)
        assert code == 0, err
    assert load_bundle(tmp_path / "bundle").manifest.training["config"]["algorithm"] == "fast_td3"


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (
            ["--policy.memory", "lstm"],
            "policy.memory: got lstm with algorithm fast_td3, allowed: n",
        ),
        (["--policy.head", "bins"], "policy.head: got bins with algorithm fast_td3, allowed: gaus"),
        (
            ["--train.workers", "1", "--train.learners", "2"],
            "train.learners: got 2 with algorithm fast_td3, allowed: 0",
        ),
        (
            ["--fast_td3.value_range", "[2, 2]"],
            "fast_td3: value_range: got [2, 2], allowed: low < high",
        ),
        (["--fast_td3.n_steps", "0"], "fast_td3.n_steps: got 0, allowed: an integer in [1, 100]"),
        (
            ["--fast_td3.replay_steps", "100"],
            "replay_steps: got 100 with warmup_steps 200, allowed: at least as many",
        ),
    ],
)
def test_what_it_cannot_train_is_one_line(
    flags: list[str], line: str, refused: Callable[..., str]
) -> None:
    assert line in refused("train", REACH, *SMALL, *flags)


def test_pictures_are_refused() -> None:
    config = _config()
    shapes = {"target": TermShape((20,)), "camera_images": TermShape((3, 16, 16), "image")}
    agent = sized_agent(
        config.policy, {"actor": shapes, "critic": {"target": shapes["target"]}}, 20, 0
    )
    with pytest.raises(
        ConfigError, match=r"terms: got camera_images with algorithm fast_td3, allo"
    ):
        FastTd3(FastTd3Config(), config, agent, 0, LearnerGroup())
