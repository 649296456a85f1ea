"""Worlds on one device and the learner on another: what `env.device` and `train.device` say."""

from dataclasses import replace

import pytest
import torch

from sleight.envs.sim import draws
from sleight.train.rollout.in_process import build
from tests.envs.fake_device import DEVICE, FakeDevice


@pytest.fixture(autouse=True)
def modules():
    """`Module.to` makes new parameters: into old ones no tensor of another kind can be put."""
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    yield
    torch.__future__.set_overwrite_module_params_on_conversion(False)


@pytest.mark.filterwarnings("ignore:.*copying from a non-meta parameter")  # it is copied here
@pytest.mark.parametrize("task", ["reach", "block"])
def test_a_run_learns_here_from_worlds_there_as_from_worlds_here(
    monkeypatch, reach_config, block_config, task
):
    monkeypatch.setattr(draws, "new_generator", lambda device: torch.Generator())
    monkeypatch.setattr("sleight.train.rollout.collector.new_generator", draws.new_generator)
    config = {"reach": reach_config, "block": block_config}[task]
    here = build(config)
    near = pytest.approx([here.iterate()["value_loss"] for _ in range(2)])
    with FakeDevice():
        there = build(replace(config, env=replace(config.env, backend="fake", device=str(DEVICE))))
        assert [there.iterate()["value_loss"] for _ in range(2)] == near
        seen = there.sampler.collector.observation
        assert {value.device for terms in seen.values() for value in terms.values()} == {DEVICE}
    for name, value in here.agent.actor.state_dict().items():
        torch.testing.assert_close(value, there.agent.actor.state_dict()[name])
