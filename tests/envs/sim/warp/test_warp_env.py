"""The environment on Warp's CPU device: resuming, failures, one cone for all worlds."""

import pytest
import torch

pytest.importorskip("mujoco_warp")

from sleight.envs.sim.model_config import ModelConfig
from sleight.envs.snapshot import load_state, save_state
from sleight.errors import ConfigError
from tests.envs.sim.warp.conftest import WORLDS, without_cone


def same(one, other):
    for group, terms in one.items():
        for name, value in terms.items():
            assert torch.equal(value, other[group][name]), f"{group} {name}"


def test_a_saved_environment_goes_on_bit_by_bit(build, ranges, wander):
    first, second = (
        build(backend="warp", num_worlds=WORLDS, randomization=without_cone(ranges), seed=seed)
        for seed in (1, 2)
    )
    actions = wander(WORLDS, 6)
    for env in (first, second):
        env.reset(seed=int(env is second))
    for action in actions[:3]:
        first.step(action)
    load_state(second, save_state(first))
    for action in actions[3:]:
        found, reward, *_ = first.step(action)
        again, gained, *_ = second.step(action)
        assert torch.equal(reward, gained)
        same(found, again)


def test_a_broken_world_ends_its_episode_and_no_other_notices(build, ranges, wander):
    env, twin = (
        build(backend="warp", num_worlds=WORLDS, randomization=without_cone(ranges)) for _ in "12"
    )
    actions = wander(WORLDS, 3)
    for one in (env, twin):
        one.reset(seed=2)
        one.step(actions[0])
    env.sim.state("qvel")[2, 3] = float("nan")
    found, reward, terminated, _, info = env.step(actions[1])
    _, alike, ended, _, _ = twin.step(actions[1])
    others = torch.arange(WORLDS) != 2
    assert terminated[2] and torch.equal(terminated[others], ended[others])
    assert reward[2] == 0.0 and torch.equal(reward[others], alike[others])
    assert env.sim.failures == 1 and 2 in [episode.world for episode in info["episodes"]]
    assert all(value.isfinite().all() for terms in found.values() for value in terms.values())


def test_all_worlds_have_the_cone_that_is_pinned(build, wander):
    """Elliptic by `env.nominal` in a model that was compiled with pyramids."""
    hard = {"randomization": {"contact.impratio": (2.0, 8.0)}, "nominal": {"contact.elliptic": 1.0}}
    fields = {"num_worlds": WORLDS, "model": ModelConfig(iterations=50)}  # the solver converges
    envs = [build(backend=name, **fields, **hard) for name in ("mujoco", "warp")]
    plain = build(**fields)
    for env in (*envs, plain):
        env.reset(seed=4)
        env.step(wander(WORLDS, 1)[0])
    qpos = [env.sim.state("qpos").float() for env in (*envs, plain)]
    apart = [(one - qpos[0]).abs().amax(dim=1).median() for one in qpos[1:]]
    assert apart[0] < 0.1 * apart[1]  # not the pyramids' motion


def test_a_fraction_of_elliptic_worlds_is_refused_before_work_begins(build):
    with pytest.raises(ConfigError, match=r"contact\.elliptic: got a range .* env\.backend mujoco"):
        build(backend="warp", randomization={"contact.elliptic": (0.0, 1.0)})
