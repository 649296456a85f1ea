"""The standard Gymnasium environments: its own checker, seeds, ends, vectors, keywords."""

import re
import subprocess
import sys
import warnings
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from sleight.envs.config import EnvConfig, GoalConfig, ResetConfig
from sleight.envs.gym import SingleHand, VectorHand
from sleight.envs.registration import gym_id, register
from sleight.errors import ConfigError, SleightError

NAMES = [gym_id(task) for task in ("block", "block-z", "cube-face", "egg", "pen", "reach")]
CONFIG = EnvConfig(resets=ResetConfig(cache=32))


@pytest.fixture
def make():
    """make(name, **keywords), closed at the end; all share the small cache of start states."""
    made = []

    def build(name="sleight/Block-v0", **keywords):
        made.append(gymnasium.make(name, **{"config": CONFIG, **keywords}))
        return made[-1]

    yield build
    for env in made:
        env.close()


def make_vec(num_envs=3, name="sleight/Block-v0", **keywords):
    return gymnasium.make_vec(name, num_envs=num_envs, **{"config": CONFIG, **keywords})


def equal(one, two):
    return set(one) == set(two) and all(np.array_equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize("name", NAMES)
def test_gymnasiums_checker_passes(make, name):
    env = make(name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # Angles, speeds and forces have no bounds that hold for certain.
        warnings.filterwarnings("ignore", message=".*Box observation space m.*infinity.*")
        check_env(env.unwrapped, skip_render_check=True)


def test_spaces(make):
    env = make()
    assert set(env.observation_space.spaces) == set(EnvConfig().actor_terms)
    for space in env.observation_space.spaces.values():
        assert space.dtype == np.float32
    assert env.action_space == gymnasium.spaces.Box(-1.0, 1.0, (20,), np.float32)


def test_a_step_returns_plain_values(make):
    env = make()
    env.reset(seed=0)
    found, reward, terminated, truncated, info = env.step(env.action_space.sample())
    assert found in env.observation_space
    assert type(reward) is float and type(terminated) is bool and type(truncated) is bool
    assert info["successes"] == 0 and info["success"] is False
    assert sum(info["reward_terms"].values()) == pytest.approx(reward, abs=1e-6)


def play(env, seed, steps=3):
    rows = [env.reset(seed=seed)[0]]
    rng = np.random.default_rng(1)
    size = env.action_space.shape
    rows += [env.step(rng.uniform(-1, 1, size).astype(np.float32))[0] for _ in range(steps)]
    return rows


@pytest.mark.parametrize("name", NAMES)
def test_seeds_reproduce(make, name):
    env, other = make(name), make(name)
    first = play(env, 7)
    assert all(map(equal, first, play(env, 7)))
    assert all(map(equal, first, play(other, 7)))
    assert not any(map(equal, first, play(env, 8)))


def test_without_a_seed_every_run_differs(make):
    assert not equal(make().reset()[0], make().reset()[0])


def test_one_seed_makes_the_resets_after_it_reproducible(make):
    env = make()
    runs = []
    for _ in range(2):
        env.reset(seed=3)
        runs.append([env.reset()[0] for _ in range(3)])
    assert all(map(equal, *runs))
    assert not equal(runs[0][0], runs[0][1])


def test_a_drop_terminates_with_the_last_observation(make):
    env = make()
    env.reset(seed=0)
    env.unwrapped.engine.sim.state("qpos")[0, -5] = -1.0
    found, reward, terminated, truncated, _ = env.step(np.zeros(20, np.float32))
    assert terminated and not truncated
    assert found["object_position"][2] < -0.5 and reward < -15
    assert env.reset()[0]["object_position"][2] > 0


def test_a_time_limit_truncates(make):
    env = make(goals=GoalConfig(timeout_s=0.16))
    env.reset(seed=0)
    ends = [env.step(np.zeros(20, np.float32))[2:4] for _ in range(2)]
    assert ends == [(False, False), (False, True)]


def test_keywords_are_fields_of_the_config(make):
    env = make(actor_terms=("goal_angle",), goals=GoalConfig(threshold_rad=0.2))
    assert set(env.observation_space.spaces) == {"goal_angle"}
    assert env.unwrapped.engine.config.goals.threshold_rad == 0.2
    assert env.unwrapped.engine.config.num_worlds == 1


def test_an_unknown_keyword_names_the_nearest():
    with pytest.raises(ConfigError, match="unknown keyword 'goal', did you mean 'goals'"):
        SingleHand(goal=GoalConfig())
    with pytest.raises(ConfigError, match="unknown keyword 'num_worlds'"):
        VectorHand(2, num_worlds=3)


def test_an_unknown_render_mode_is_refused():
    with pytest.raises(ConfigError, match="render_mode: got human, allowed: rgb_array"):
        SingleHand(config=CONFIG, render_mode="human")


@pytest.mark.parametrize("name", ["sleight/Block-v0", "sleight/Reach-v0"])
def test_pictures(make, name):
    env = make(name, render_mode="rgb_array", disable_env_checker=True)
    env.reset(seed=0)
    try:
        frame = env.render()
    except SleightError as error:
        pytest.skip(str(error))
    assert frame.dtype == np.uint8 and frame.ndim == 3 and frame.shape[2] == 3
    assert frame.std() > 10
    for _ in range(3):
        env.step(env.action_space.sample())
    assert not np.array_equal(env.render(), frame)


def test_without_a_render_mode_there_is_no_picture(make):
    env = make(disable_env_checker=True)
    env.reset(seed=0)
    assert env.unwrapped.render() is None


def test_a_single_hand_has_no_options(make):
    env = make()
    env.reset(seed=0, options={})
    with pytest.raises(ConfigError, match="unknown option 'reset_mask', available: none"):
        env.reset(options={"reset_mask": np.ones(1, bool)})
    with pytest.raises(ConfigError, match="allowed: after a reset of all"):
        make_vec().reset(options={"reset_mask": np.ones(3, bool)})


def test_registering_again_changes_nothing():
    before = gymnasium.registry["sleight/Block-v0"]
    register()
    assert gymnasium.registry["sleight/Block-v0"] is before


def run(script):
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_gymnasium_registers_the_tasks_when_the_id_names_the_module():
    run(
        "import gymnasium\n"
        "env = gymnasium.make('sleight.envs.registration:sleight/Reach-v0')\n"
        "assert env.reset(seed=0)[0] in env.observation_space\n"
    )


def test_what_the_readme_shows_runs():
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.+?)```", text, re.DOTALL)
    run(f"{block}\nassert envs.num_envs == 64 and env.reset(seed=0)[0] in env.observation_space")


@pytest.mark.parametrize(
    ("keywords", "says"),
    [
        ({"goals": {"flip_shar": 0.0}}, "make: goals.flip_shar: unknown field, did you mean"),
        ({"goals": {"flip_share": 2.0}}, "make: goals.flip_share: got 2.0, allowed: a number in "),
        ({"threads": "x"}, 'make: threads: got "x", allowed: an integer in [0, 1024]'),
    ],
)
def test_a_keyword_out_of_range_is_refused(make, keywords, says):
    with pytest.raises(ConfigError, match=re.escape(says)):
        make(**keywords)


def test_a_keyword_may_be_plain_data(make):
    env = make(goals={"flip_share": 0.0}, randomization={"object.mass": (0.5, 2.0)})
    assert env.unwrapped.engine.config.goals == GoalConfig(flip_share=0.0)
    assert env.unwrapped.engine.config.resets == CONFIG.resets


def test_registering_imports_no_simulator():
    run(
        "import sleight.envs.registration, sys\nassert not {'mujoco', 'torch'} & set(sys.modules)\n"
    )
