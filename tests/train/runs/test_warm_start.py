"""Beginning with another run's networks, though other parameters vary now."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from sleight.config import load
from sleight.errors import CheckpointError, ConfigError
from sleight.train.config import TrainConfig
from sleight.train.rollout.adr_source import physical_ranges
from sleight.train.rollout.in_process import build
from sleight.train.runs import checkpoint_files
from sleight.train.runs.stages.ends import save
from sleight.train.runs.stages.warm_start import warm_start

SMALL = ["--env.num_worlds", "4", "--env.resets.cache", "16", "--policy.hidden_size", "16",
         "--policy.embedding_size", "16", "--policy.critic_layers", "[16, 16]",
         "--rollout.horizon", "4", "--rollout.bptt_steps", "4", "--ppo.minibatches", "1",
         "--env.threads", "1"]  # fmt: skip
GRAVITY = ["--adr.step_sizes.gravity", "0.1"]
GAIN = ["--adr.step_sizes.hand.gain", "0.1"]


def _widens(config: TrainConfig, steps: dict[str, float], **changes: Any) -> TrainConfig:
    return replace(config, adr=replace(config.adr, step_sizes=steps, **changes), seed=5)


def test_a_world_of_other_parameters_starts_at_zero_and_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = load(TrainConfig, None, [*SMALL, *GRAVITY])
    first = build(config)
    first.iterate()
    save(first, tmp_path)
    second = build(_widens(config, {"gravity": 0.1, "object.size": 0.1}))
    warm_start(second, tmp_path)
    assert second.agent.critic.embedding.weights["world"].abs().max() == 0
    said = "learns the parameters anew: only in that run: none; only in this one: object.size"
    assert said in capsys.readouterr().err
    terms = {name: torch.randn(3, size) for name, size in _sizes(first).items()}
    theirs = first.agent.critic
    with torch.no_grad():
        theirs.embedding.weights["world"].zero_()
        one = theirs.value({**terms, "world": torch.randn(3, 1)})
        two = second.agent.critic.value({**terms, "world": torch.randn(3, 2)})
    torch.testing.assert_close(one, two)


def test_as_many_parameters_of_other_names_are_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = load(TrainConfig, None, [*SMALL, *GRAVITY, *GAIN])
    first = build(config)
    first.iterate()
    save(first, tmp_path)
    for widen, says in (
        ({"gravity": 0.1, "object.size": 0.1}, "that run: hand.gain; only in this one: object.s"),
        ({"hand.gain": 0.1, "gravity": 0.1}, "order: got hand.gain, gravity; was gravity, hand."),
    ):
        second = build(_widens(config, widen))
        warm_start(second, tmp_path)
        assert second.agent.critic.embedding.weights["world"].abs().max() == 0
        assert second.agent.critic.embedding.normalizers["world"].count == 0
        assert says in capsys.readouterr().err


def test_a_world_of_the_same_parameters_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = load(TrainConfig, None, [*SMALL, *GRAVITY])
    first = build(config)
    first.iterate()
    save(first, tmp_path)
    second = build(replace(config, seed=5))
    warm_start(second, tmp_path)
    for name, value in first.agent.critic.state_dict().items():
        torch.testing.assert_close(second.agent.critic.state_dict()[name], value)
    assert "anew" not in capsys.readouterr().err


def test_initial_ranges_hold_for_a_warm_start_too(tmp_path: Path) -> None:
    config = load(TrainConfig, None, [*SMALL, *GRAVITY, *GAIN])
    first = build(config)
    first.iterate()
    first.adr = replace(first.adr, low=(-1.0, -0.5), high=(1.0, 0.5))
    save(first, tmp_path)
    widen = {"gravity": 0.1, "hand.gain": 0.1, "hand.damping": 0.1}
    ranges = {"gravity": (-10.0, -9.0), "hand.damping": (0.9, 1.2)}
    second = build(_widens(config, widen, initial_ranges=ranges))
    warm_start(second, tmp_path)
    found = physical_ranges(second.adr)
    assert found["gravity"] == pytest.approx((-10.0, -9.0))
    assert found["hand.damping"] == pytest.approx((0.9, 1.2))
    assert second.adr.low[1] == -0.5 and second.adr.high[1] == 0.5


def test_weights_of_another_wiring_are_refused_though_their_shapes_fit(tmp_path: Path) -> None:
    config = load(TrainConfig, None, SMALL)
    first = build(config)
    first.iterate()
    save(first, tmp_path)
    wired = load(TrainConfig, None, [*SMALL, "--policy.residual", "true"])
    with pytest.raises(CheckpointError, match=r"policy.residual: got true, allowed: false, as in"):
        warm_start(build(wired), tmp_path)


def _sizes(training: object) -> dict[str, int]:
    embedding = training.agent.critic.embedding  # type: ignore[attr-defined]  # a Training
    return {n: w.shape[1] for n, w in embedding.weights.items() if n != "world"}


def test_a_checkpoint_with_old_field_names_is_refused(tmp_path: Path) -> None:
    config = load(TrainConfig, None, SMALL)
    first = build(config)
    first.iterate()
    save(first, tmp_path)
    file = checkpoint_files.find(tmp_path) / "checkpoint.json"
    meta = json.loads(file.read_text())
    file.write_text(json.dumps({**meta, "config": {**meta["config"], "widen": {"gravity": 0.1}}}))
    with pytest.raises(ConfigError, match=r"widen: renamed to adr\.step_sizes"):
        warm_start(build(config), tmp_path)


def test_the_checkpoint_beside_a_bundle_is_one_to_begin_with(tmp_path: Path) -> None:
    config = load(TrainConfig, None, SMALL)
    first = build(config)
    first.iterate()
    save(first, tmp_path)
    checkpoint_files.find(tmp_path).rename(tmp_path / "checkpoint")
    (tmp_path / "bundle.json").write_text("{}")
    second = build(replace(config, seed=5))
    warm_start(second, tmp_path)
    for name, value in first.agent.actor.state_dict().items():
        assert torch.equal(second.agent.actor.state_dict()[name], value)


def test_a_term_that_the_networks_do_not_know_starts_at_zero_and_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = load(TrainConfig, None, [*SMALL, *GRAVITY])
    fewer = tuple(term for term in build(config).agent.actor.embedding.names if "goal" not in term)
    first = build(replace(config, env=replace(config.env, actor_terms=fewer)))
    first.iterate()
    save(first, tmp_path)
    second = build(replace(config, seed=5))
    warm_start(second, tmp_path)
    assert "the actor does not know goal_angle yet" in capsys.readouterr().err
    theirs, ours = first.agent.actor, second.agent.actor
    assert {*ours.embedding.names} - {*theirs.embedding.names} == {"goal_step", "goal_angle"}
    assert ours.embedding.normalizers["goal_angle"].count == 0
    terms = {
        name: torch.randn(3, len(ours.embedding.weights[name].T)) for name in ours.embedding.names
    }
    with torch.no_grad():
        one, _ = theirs({name: terms[name] for name in fewer}, theirs.initial_carry(3))
        two, _ = ours(terms, ours.initial_carry(3))
    torch.testing.assert_close(one.mode(), two.mode())
