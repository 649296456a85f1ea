"""Vectors of environments in Gymnasium: seeds, ends, pictures, limits, masks, options."""

import re

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from sleight.envs.gym import VectorHand
from sleight.errors import ConfigError, SleightError
from tests.envs.test_gym import equal, make_vec, play


def test_a_vector_is_one_engine_by_default():
    env = make_vec()
    assert isinstance(env, VectorHand) and env.engine.num_envs == 3
    found, _ = env.reset(seed=0)
    assert found in env.observation_space
    assert env.single_observation_space["goal_step"].shape == (3,)
    found, reward, terminated, truncated, info = env.step(env.action_space.sample())
    assert found in env.observation_space
    for value in (reward, terminated, truncated, info["success"], info["_success"]):
        assert isinstance(value, np.ndarray) and value.shape == (3,)
    assert terminated.dtype == truncated.dtype == bool
    env.close()


def test_seeds_reproduce_in_a_vector():
    env, other = make_vec(), make_vec()
    first = play(env, 7)
    assert all(map(equal, first, play(env, 7)))
    assert all(map(equal, first, play(other, 7)))
    assert not any(map(equal, first, play(env, 8)))
    assert equal(env.reset(seed=[1, 2, 3])[0], other.reset(seed=[1, 2, 3])[0])
    assert not equal(make_vec().reset()[0], make_vec().reset()[0])


def test_a_vectors_world_that_ends_starts_anew_in_the_next_step():
    env = make_vec()
    assert env.metadata["autoreset_mode"] == AutoresetMode.NEXT_STEP
    env.reset(seed=0)
    env.engine.sim.state("qpos")[1, -5] = -1.0
    still = np.zeros((3, 20), np.float32)
    found, reward, terminated, _, _ = env.step(still)
    assert terminated.tolist() == [False, True, False]
    assert found["object_position"][1, 2] < -0.5 and reward[1] < -15
    found, reward, terminated, truncated, info = env.step(still)
    assert not terminated.any() and not truncated.any()
    assert found["object_position"][1, 2] > 0 and reward[1] == 0.0 and reward[0] != 0.0
    assert not found["last_action"][1].any() and not info["success"][1]
    assert env.engine.length.tolist() == [2, 0, 2]
    *_, terminated, _, _ = env.step(still)
    assert not terminated.any() and env.engine.length.tolist() == [3, 1, 3]


@pytest.mark.parametrize("mode", ["sync", "vector_entry_point"])
def test_each_way_of_making_a_vector(mode):
    env = make_vec(2, vectorization_mode=mode)
    assert isinstance(env, SyncVectorEnv if mode == "sync" else VectorHand)
    first = play(env, 3)
    assert all(row in env.observation_space for row in first)
    assert all(map(equal, first, play(env, 3)))
    env.close()


def test_a_vectors_pictures_are_one_for_each_world():
    env = make_vec(2, name="sleight/Reach-v0", render_mode="rgb_array")
    env.reset(seed=0)
    try:
        frames = env.render()
    except SleightError as error:
        pytest.skip(str(error))
    assert len(frames) == 2 and all(frame.dtype == np.uint8 for frame in frames)
    assert not np.array_equal(*frames)
    env.close()
    env.close()
    assert env.closed and make_vec(2).render() is None
    with pytest.raises(ConfigError, match="render_mode: got human, allowed: rgb_array"):
        make_vec(2, render_mode="human")


@pytest.mark.parametrize("mode", ["sync", "vector_entry_point"])
def test_a_limit_of_steps_truncates_in_each_kind_of_vector(mode):
    env = make_vec(2, vectorization_mode=mode, max_episode_steps=3, name="sleight/Reach-v0")
    env.reset(seed=0)
    ends = [env.step(np.zeros((2, 20), np.float32))[3].tolist() for _ in range(8)]
    # The step after an end begins the next episode.
    assert ends == [[step in (2, 6)] * 2 for step in range(8)]


def test_a_limit_that_is_none_is_refused():
    with pytest.raises(ConfigError, match="max_episode_steps: got 0, allowed: an integer >= 1"):
        make_vec(2, max_episode_steps=0)


@pytest.mark.parametrize("mode", ["sync", "vector_entry_point"])
def test_a_mask_starts_only_its_worlds_anew(mode):
    env = make_vec(3, vectorization_mode=mode)
    play(env, 0, steps=4)
    still = np.zeros((3, 20), np.float32)
    last = env.step(still)[0]
    found, _ = env.reset(options={"reset_mask": np.array([False, True, False])})
    same = [all(np.array_equal(last[n][i], found[n][i]) for n in last) for i in range(3)]
    assert same == [True, False, True]
    assert not found["last_action"][1].any()
    after, *_, info = env.step(still)
    assert after in env.observation_space and info["_success"].all()
    assert np.abs(after["joint_position"] - found["joint_position"]).max() < 0.5


def test_the_worlds_that_a_mask_leaves_out_go_on_as_if_nothing_were():
    paths = []
    for mask in (None, np.array([True, False, True])):
        env = make_vec(3)
        env.reset(seed=0)
        rng = np.random.default_rng(0)
        for step in range(6):
            if step == 3 and mask is not None:
                env.reset(options={"reset_mask": mask})
            found = env.step(rng.uniform(-1, 1, (3, 20)).astype(np.float32))[0]
        paths.append({name: value[1] for name, value in found.items()})
    moving = ("joint_position", "joint_velocity", "object_position", "target", "object_motion")
    for name in set(moving) & set(paths[0]):
        np.testing.assert_array_equal(paths[0][name], paths[1][name])


def test_a_world_that_ended_may_be_started_by_the_mask_or_by_the_next_step():
    env = make_vec(2)
    env.reset(seed=0)
    env.engine.sim.state("qpos")[:, -5] = -1.0
    still = np.zeros((2, 20), np.float32)
    assert env.step(still)[2].all()
    env.reset(options={"reset_mask": np.array([True, False])})
    _, reward, terminated, _, info = env.step(still)
    assert env.engine.length.tolist() == [1, 0] and not terminated.any()
    assert reward[0] != 0.0 and reward[1] == 0.0
    assert info["_success"].tolist() == info["_reward_terms"].tolist() == [True, False]


def test_a_vector_says_what_its_reward_is_made_of():
    env = make_vec(2)
    env.reset(seed=0)
    _, reward, _, _, info = env.step(env.action_space.sample())
    terms = {n: v for n, v in info["reward_terms"].items() if not n.startswith("_")}
    np.testing.assert_allclose(sum(terms.values()), reward, atol=1e-5)
    before = {name: value.copy() for name, value in terms.items()}
    env.step(env.action_space.sample())
    assert all(np.array_equal(before[name], terms[name]) for name in terms)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"reset_mark": 1}, "unknown option 'reset_mark', did you mean 'reset_mask'"),
        ({"reset_mask": [True, False, True]}, "reset_mask: got list, allowed: an array of 3 bool"),
        ({"reset_mask": np.ones(3)}, "reset_mask: got float64 (3,), allowed: an array of 3 bool"),
        ({"reset_mask": np.ones(2, bool)}, "reset_mask: got bool (2,), allowed: an array of 3"),
        ({"reset_mask": np.zeros(3, bool)}, "reset_mask: got no world, allowed: one or more"),
    ],
)
def test_an_option_that_cannot_be_is_refused(options, says):
    env = make_vec(3)
    env.reset(seed=0)
    for vector in (env, env.engine):
        with pytest.raises(ConfigError, match=re.escape(says)):
            vector.reset(options=options)


def test_seeds_of_each_world():
    env = make_vec(3)
    assert equal(env.reset(seed=np.int64(3))[0], env.reset(seed=3)[0])
    assert equal(env.reset(seed=(1, 2, 3))[0], env.reset(seed=np.array([1, 2, 3]))[0])
    for random in ([None] * 3, [1, None, 3]):
        assert not equal(env.reset(seed=random)[0], env.reset(seed=random)[0])
    for wrong, says in (([1, 2], "got 2 seeds, allowed: one, or 3"), ([1, -2, 3], "got -2")):
        with pytest.raises(ConfigError, match=says):
            env.reset(seed=wrong)
