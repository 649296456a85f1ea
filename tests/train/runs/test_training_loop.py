"""The loop: what an iteration says, when hooks run, which ranges experience comes from."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sleight.adr.state import AdrState, ranges
from sleight.envs.randomization.world_source import FixedRanges
from sleight.errors import ConfigError
from sleight.train.config import TrainConfig
from sleight.train.rollout.adr_source import AdrSource, dimensions, physical_ranges, start_state
from sleight.train.rollout.in_process import LocalSampler, build
from sleight.train.runs import checkpoint
from sleight.train.runs.session import start
from sleight.train.runs.stages.warm_start import warm_start
from sleight.train.runs.training_loop import Hook, Metrics, Training, run


def test_an_iteration_says_what_practitioners_look_for(block_config: TrainConfig) -> None:
    training = build(block_config)
    row = [training.iterate() for _ in range(3)][-1]
    assert (row["steps"], row["lag"], training.version) == (3 * 128, 0, 3)
    assert 0 < row["sim_share"] < 1 and 0 < row["learn_share"] < 1 - row["sim_share"]
    assert row["steps_per_second"] > 0
    named = {
        "policy_loss", "value_loss", "entropy", "kl", "clip_fraction", "grad_norm", "learning_rate",
        "epochs", "explained_variance", "return_mean", "reward_mean", "adr_entropy",
        "successes_mean", "successes_max", "drop_rate", "episode_length", "episode_reward",
    }  # fmt: skip
    assert named <= row.keys()
    assert all(math.isfinite(row[name]) for name in named)
    assert row["kl"] >= 0 and 0 <= row["clip_fraction"] <= 1 and row["explained_variance"] <= 1
    assert row["range/object.size"][0] <= 1 <= row["range/object.size"][1]


def test_worlds_whose_physics_broke_are_counted(reach_config: TrainConfig, tmp_path: Path) -> None:
    training = build(reach_config, tmp_path / "failures")
    assert training.iterate()["broken_worlds"] == 0
    assert isinstance(training.sampler, LocalSampler)
    training.sampler.collector.env.sim.state("qvel")[3, 0] = math.nan
    row = training.iterate()
    assert row["broken_worlds"] == 1 and math.isfinite(row["reward_mean"])
    assert len(list((tmp_path / "failures").glob("failure-*.npz"))) == 1
    assert training.iterate()["broken_worlds"] == 0


def test_hooks_run_when_they_are_due(reach_config: TrainConfig) -> None:
    seen: dict[str, list[int]] = {"each": [], "steps": [], "never": []}

    def note(name: str) -> Hook:
        every_s = 3600.0 if name == "never" else 0.0
        return Hook(
            lambda training, row: seen[name].append(row["steps"]),
            every_s=every_s,
            every_steps=200 if name == "steps" else 0,
        )

    run(build(reach_config), [note(name) for name in seen])
    assert seen == {"each": [128, 256, 384, 512], "steps": [256, 512], "never": []}


def test_it_stops_after_the_iteration_in_which_it_is_told_to(reach_config: TrainConfig) -> None:
    training, told = build(reach_config), []

    def tell(training: Training, row: Metrics) -> None:
        told.append(row["steps"])

    run(training, [Hook(tell)], stop=lambda: len(told) == 2)
    assert told == [128, 256] and training.steps == 256


def test_episodes_run_with_the_ranges_that_were_published(block_config: TrainConfig) -> None:
    training = build(block_config)
    sampler = training.sampler
    assert isinstance(sampler, LocalSampler)
    env = sampler.collector.env
    column = sampler.source.names.index("object.size")
    training.iterate()
    wide = replace(training.adr, high=(3.0, *training.adr.high[1:]))
    sampler.publish(1, {}, wide)
    for _ in range(4):
        sampler.next()
    assert env.coordinates[:, column].max() > 0.5
    sampler.publish(2, {}, start_state(block_config))
    for _ in range(4):
        sampler.next()
    assert env.coordinates[:, column].abs().max() == 0.0


def test_reports_of_boundary_episodes_reach_adr(block_config: TrainConfig) -> None:
    # Thresholds that every performance passes: each boundary that is tried often enough widens.
    training = build(block_config)
    for _ in range(12):
        training.iterate()
    history = training.adr.history
    assert history and {event.decision for event in history} == {"widen"}
    assert all(event.performance >= 0 and event.episodes >= 2 for event in history)
    assert training.adr != start_state(block_config)


@pytest.fixture(scope="module")
def wide(block_config: TrainConfig) -> AdrState:
    state = start_state(block_config)
    return replace(
        state,
        low=tuple(-0.3 if d.low_moves else d.start for d in state.dimensions),
        high=tuple(d.start + 0.4 for d in state.dimensions),
    )


def test_ranges_are_told_in_the_parameters_own_units(wide: AdrState) -> None:
    found = physical_ranges(wide)
    assert found.keys() == ranges(wide).keys()
    # By the laws of the table: x exp(0.15 l), -9.81 + l, exp(l) - 1, 0.5 + l.
    assert found["object.size"] == pytest.approx((math.exp(-0.045), math.exp(0.06)))
    assert found["gravity"] == pytest.approx((-10.11, -9.41))
    assert found["observation.noise"] == pytest.approx((0.0, math.expm1(0.4)))
    assert found["goal.angle"] == pytest.approx((0.5, 0.9))


def test_a_source_draws_adrs_ranges_beside_fixed_ones(
    block_config: TrainConfig, wide: AdrState
) -> None:
    source = AdrSource(block_config, wide, 0)
    draw = source.draw(torch.arange(4000))
    coordinates, tags = draw.coordinates.numpy(), draw.tags.numpy()
    assert source.names == (*ranges(wide), "hand.damping")
    low = np.array([*wide.low, *(2 * np.log([0.8]))])
    high = np.array([*wide.high, *(2 * np.log([1.3]))])
    assert (coordinates >= low - 1e-12).all() and (coordinates <= high + 1e-12).all()
    inside = (tags < 0)[:, None] | (np.arange(8) == 7)
    middle = np.array([coordinates[inside[:, i], i].mean() for i in range(8)])
    np.testing.assert_allclose(middle, (low + high) / 2, atol=0.02)
    assert 0.45 < (tags >= 0).mean() < 0.55
    again = AdrSource(block_config, wide, 1)
    again.load_rng_state(AdrSource(block_config, wide, 0).rng_state())
    assert torch.equal(again.draw(torch.arange(4000)).coordinates, draw.coordinates)
    assert isinstance(again.fixed, FixedRanges)


def test_a_parameter_is_in_one_place(block_config: TrainConfig) -> None:
    assert [d.name for d in dimensions(block_config)][-1] == "goal.angle"
    assert [d.counts for d in dimensions(block_config)] == [True] * 6 + [False]
    adr = replace(block_config.adr, curriculum={"gravity": (1.0, 2.0, 3, 0.1)})
    twice = replace(block_config, adr=adr)
    with pytest.raises(ConfigError, match="gravity"):
        dimensions(twice)


def test_a_warm_start_begins_with_the_networks_and_ranges_of_another_run(
    block_config: TrainConfig, block_run: Path, tmp_path: Path
) -> None:
    found = checkpoint.load(block_run)
    training = build(replace(block_config, seed=5))
    fresh = training.adr
    warm_start(training, block_run)
    for name, value in training.agent.actor.state_dict().items():
        assert torch.equal(value, found.weights[f"actor.{name}"])
    assert training.adr != fresh
    assert training.adr.history == () and training.adr.step == 0
    folder = start(
        replace(block_config, runs=str(tmp_path), name="warm", steps=128, warm_start=str(block_run))
    )
    assert checkpoint.load(folder).meta["steps"] == 128
