"""The environment makes every tensor on the device of its worlds, and computes the same there."""

from dataclasses import replace

import pytest
import torch

from sleight.envs.make import make_env
from sleight.envs.sim import draws
from tests.envs.conftest import SMALL
from tests.envs.fake_device import DEVICE, UPLOADS, FakeDevice, OnDevice

STEPS = 25


@pytest.fixture
def generators(monkeypatch):
    """PyTorch has no generator for a device that is none."""
    monkeypatch.setattr(draws, "new_generator", lambda device: torch.Generator())


def play(config, wander):
    """Rewards and observations of some steps; the first action that is no number ends a world."""
    env = make_env(config, seed=3)
    found, _ = env.reset(seed=3)
    rows = []
    for actions in wander(env.num_envs, STEPS):
        found, reward, terminated, truncated, _ = env.step(actions.to(env.device))
        rows += [reward, terminated, truncated, *found["actor"].values(), *found["critic"].values()]
    return rows


@pytest.mark.parametrize("task", ["block", "cube-face", "egg", "pen", "reach"])
@pytest.mark.parametrize("random", [False, True])
def test_a_step_stays_on_the_device_and_is_the_same_there(generators, wander, ranges, task, random):
    hand_alone = {n: e for n, e in ranges.items() if n.startswith(("hand.", "gravity", "action."))}
    varying = (hand_alone if task == "reach" else ranges) if random else {}
    goals = replace(SMALL.goals, timeout_s=0.8)  # so that some end, and start anew
    config = replace(SMALL, task=task, randomization=varying, goals=goals)
    host = play(config, wander)
    with FakeDevice():
        there = play(replace(config, backend="fake", device=str(DEVICE)), wander)
    assert all(isinstance(row, OnDevice) for row in there)
    for mine, other in zip(host, there, strict=True):
        assert torch.equal(mine, other.inner)


@pytest.mark.parametrize("task", ["block", "reach"])
def test_a_step_copies_nothing_from_the_host(generators, wander, task):
    config = replace(SMALL, task=task, backend="fake", device=str(DEVICE))
    with FakeDevice():
        env = make_env(config, seed=3)
        env.reset(seed=3)
        actions = [0.1 * action.to(DEVICE) for action in wander(env.num_envs, 4)]
        env.step(actions[0])
        UPLOADS.clear()
        for action in actions[1:]:
            assert not env.step(action)[4]["episodes"]
    assert not UPLOADS


def test_the_fake_device_does_refuse(generators):
    """What the tests above rest on."""
    with FakeDevice():
        there, host = torch.zeros(3, device=DEVICE), torch.zeros(3)
        index = torch.tensor([0, 2])
        for wrong in (
            lambda: there + host,
            lambda: there[index],
            lambda: there.index_fill_(0, index, 1.0),
            lambda: torch.where(host > 0, there, there),
        ):
            with pytest.raises(RuntimeError, match="meets a tensor of the host"):
                wrong()
        there[1] = 2.0
        assert (2.0 * there).cpu().tolist() == [0.0, 4.0, 0.0]
