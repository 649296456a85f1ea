"""Exploration noise that is correlated over time, seen in the actions of real batches."""

from dataclasses import replace

import pytest
import torch

from sleight.config import load
from sleight.errors import ConfigError
from sleight.train.config import TrainConfig
from sleight.train.rollout.in_process import LocalSampler, build


def _noise(config: TrainConfig, batches: int = 12) -> tuple[torch.Tensor, torch.Tensor]:
    """The noise (T, N, A) that was added to mean actions of 0, and where episodes start (T, N)."""
    training = build(config)
    assert isinstance(training.sampler, LocalSampler)
    collector = training.sampler.collector
    with torch.no_grad():
        collector.actor.head.weight.zero_()
        collector.actor.head.bias.zero_()
    parts = [collector.collect(0) for _ in range(batches)]
    noise = torch.cat([part.raw for part in parts]) / config.policy.initial_std
    return noise, torch.cat([part.starts for part in parts])


@pytest.mark.parametrize("correlation", [0.0, 0.8])
def test_noise_has_its_size_and_correlation_within_episodes(
    reach_config: TrainConfig, correlation: float
) -> None:
    rollout = replace(reach_config.rollout, noise_correlation=correlation)
    noise, starts = _noise(replace(reach_config, rollout=rollout))
    before, after = noise[:-1], noise[1:]
    within = ~starts[1:]
    assert float(noise.square().mean()) == pytest.approx(1.0, abs=0.1)
    assert float((before * after)[within].mean()) == pytest.approx(correlation, abs=0.1)
    assert starts[1:].sum() > 50  # a new episode begins with new noise
    assert float((before * after)[~within].mean()) == pytest.approx(0.0, abs=0.1)


def test_a_resumed_collector_goes_on_with_the_same_noise(reach_config: TrainConfig) -> None:
    config = replace(reach_config, rollout=replace(reach_config.rollout, noise_correlation=0.8))
    first, second = build(config).sampler, build(config).sampler
    assert isinstance(first, LocalSampler) and isinstance(second, LocalSampler)
    first.collector.collect(0)
    tensors, data = first.state()
    second.load_state(tensors, data)
    assert torch.equal(first.collector.collect(1).raw, second.collector.collect(1).raw)


def test_bins_have_no_noise_to_correlate() -> None:
    with pytest.raises(ConfigError, match="noise_correlation: got 0.5 with policy.head bins"):
        load(TrainConfig, None, ["--policy.head", "bins", "--rollout.noise_correlation", "0.5"])
