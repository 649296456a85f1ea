"""Start states: the block at rest in the palm, or leaning."""

import pytest
import torch

from sleight.envs.config import EnvConfig, ResetConfig
from sleight.envs.hands.shadow import SHADOW_RIGHT
from sleight.envs.mdp import rotations as R
from sleight.envs.sim.draws import Draws
from sleight.envs.sim.model import build_model
from sleight.envs.tasks import settled_states as resets
from sleight.envs.tasks.orientation_goals import nearest_upright
from sleight.envs.tasks.settled_states import random_poses, settle
from sleight.errors import ConfigError
from tests.envs.look import worlds_of


def config(**resets):
    return EnvConfig(threads=1, resets=ResetConfig(**{"cache": 32, **resets}))


@pytest.fixture(scope="module")
def states():
    return settle(config(), SHADOW_RIGHT, seed=7)


def test_there_are_as_many_as_asked_for(states):
    assert states.qpos.shape == (32, 31) and states.target.shape == (32, 20)
    assert states.qpos.isfinite().all()


@pytest.mark.parametrize("share", [0.0, 0.75])
def test_the_share_that_leans(share):
    wxyz = settle(config(half_flipped=share), SHADOW_RIGHT, seed=7).qpos[:, -4:].float()
    tilt = R.distance(nearest_upright(wxyz), wxyz)
    assert int((tilt > 0.35).sum()) == round(share * 32)


def test_the_hand_holds_them(states, model):
    sim = worlds_of(model, 32)
    sim.state("qpos")[:] = states.qpos
    sim.state("ctrl")[:] = states.target.double()
    sim.forward(torch.arange(32))
    before = sim.state("qpos")[:, -7:-4].clone()
    for _ in range(10):
        sim.step(10)
    shift = (sim.state("qpos")[:, -7:-4] - before).norm(dim=-1)
    # A leaning block may go on to fall over, and a few may leave; most stay where they are.
    assert (sim.state("qpos")[:, -5] > 0.0).float().mean() > 0.9
    assert shift.median() < 0.01


def test_targets_are_within_the_motors_limits(states):
    assert (states.target >= torch.tensor(SHADOW_RIGHT.lower).float() - 1e-6).all()
    assert (states.target <= torch.tensor(SHADOW_RIGHT.upper).float() + 1e-6).all()


def test_the_same_seed_settles_the_same_states(states):
    again = settle(config(), SHADOW_RIGHT, seed=7)
    assert torch.equal(again.qpos, states.qpos) and torch.equal(again.target, states.target)
    other = settle(config(), SHADOW_RIGHT, seed=8)
    assert not torch.equal(other.qpos, states.qpos)


def test_a_block_that_does_not_rest_is_refused(monkeypatch):
    monkeypatch.setattr(resets, "_CALM", 0.0)
    with pytest.raises(ConfigError, match=r"env\.resets: got 0 states in the palm") as error:
        settle(config(cache=8, settle_s=0.16), SHADOW_RIGHT, 0)
    assert "\n" not in str(error.value)


def test_random_poses():
    rng = Draws(0)
    home = torch.tensor(SHADOW_RIGHT.home, dtype=torch.float32)
    assert torch.equal(random_poses(SHADOW_RIGHT, 3, 0.0, rng), home.expand(3, 20))
    poses = random_poses(SHADOW_RIGHT, 2000, 0.5, rng)
    same = (poses == home).all(dim=1).float().mean().item()
    assert same == pytest.approx(0.5, abs=0.05)
    assert (poses >= torch.tensor(SHADOW_RIGHT.lower).float() - 1e-6).all()
    assert (poses <= torch.tensor(SHADOW_RIGHT.upper).float() + 1e-6).all()


def test_the_model_of_the_config_is_the_one_that_settles(states):
    assert build_model(config().model).nq == states.qpos.shape[1]
