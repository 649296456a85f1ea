"""The environment: spaces, rewards by hand, goals, ends of episodes, seeds."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sleight.envs.config import ControlConfig, EnvConfig, GoalConfig
from sleight.envs.mdp import rotations as R
from sleight.envs.tasks.reach import ReachConfig
from sleight.errors import ConfigError

STILL = torch.zeros(4, 20)
TASKS = ("block", "block-z", "reach")


def check(env, observation):
    """As declared, and finite."""
    for group, terms in observation.items():
        space = env.single_observation_space[group]
        assert set(terms) == set(space.spaces)
        for name, value in terms.items():
            assert value.shape == (env.num_envs, *space[name].shape), name
            assert value.dtype == torch.float32 and value.isfinite().all(), name


def cosine_distance(p, q):
    """Rotation distance by another formula than the library's."""
    dot = (p.double() * q.double()).sum(dim=-1).abs().clamp(max=1.0)
    return (2 * torch.acos(dot)).float()


def object_wxyz(env):
    return env.sim.state("qpos")[:, -4:].float()


def drop(env, world):
    """Put the block of one world far below the hand."""
    env.sim.state("qpos")[world, -5] = -1.0


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("law", ["relative_to_target", "relative_to_joint", "absolute"])
def test_reset_and_step_keep_to_the_spaces(build, wander, ranges, task, law):
    env = build(task=task, control=ControlConfig(law=law, ema=0.2), randomization=ranges)
    found, info = env.reset(seed=0)
    check(env, found)
    assert info == {}
    for action in wander(4, 8):
        found, reward, terminated, truncated, info = env.step(action)
        check(env, found)
        assert reward.shape == (4,) and reward.isfinite().all()
        assert terminated.dtype == truncated.dtype == torch.bool
        assert not (terminated & truncated).any()
        assert set(info["reward_terms"]) == set(env.rewards.weights)


@pytest.mark.parametrize("task", TASKS)
def test_the_default_terms_exist(build, task):
    env = build(task=task)
    assert set(env.single_observation_space.spaces) == {"actor", "critic"}
    assert env.action_space.shape == (4, 20)
    world = env.single_observation_space["critic"].spaces.get("world")
    assert world is None or world.shape == (0,)


def test_the_reward_by_hand(build):
    env = build(rewards={"progress": 1.0, "success": 5.0, "drop": -20.0, "action_change": -0.01})
    env.reset(seed=0)
    action = torch.linspace(-0.4, 0.4, 20).repeat(4, 1)
    env.step(0.5 * action)
    goal, before = env.task.goal.clone(), cosine_distance(env.task.goal, object_wxyz(env))
    # World 0 is at its goal, world 1 falls, the others move on.
    goal[0] = env.task.goal[0] = object_wxyz(env)[0]
    env.task.distance[0] = before[0] = 1.0
    drop(env, 1)
    env.autoreset = False
    _, reward, terminated, _, info = env.step(action)
    after = cosine_distance(goal, object_wxyz(env))
    change = (0.5 * action).square().sum(dim=-1)
    wanted = before - after - 0.01 * change
    wanted += torch.tensor([5.0, -20.0, 0.0, 0.0])
    torch.testing.assert_close(reward, wanted, atol=2e-3, rtol=0)
    assert info["success"].tolist() == [True, False, False, False]
    assert terminated.tolist() == [False, True, False, False]
    torch.testing.assert_close(sum(info["reward_terms"].values()), reward)


def test_a_success_brings_the_next_goal_at_once_and_no_reset(build):
    env = build()
    env.reset(seed=0)
    env.task.goal[:] = object_wxyz(env)
    length = env.length.clone()
    _, _, terminated, truncated, info = env.step(STILL)
    assert info["success"].all() and not (terminated | truncated).any()
    assert info["episodes"] == []
    assert torch.equal(env.length, length + 1)
    assert (env.successes == 1).all() and (env.goal_age == 0).all()
    apart = cosine_distance(env.task.goal, object_wxyz(env))
    assert (apart > env.config.goals.threshold_rad).all()
    torch.testing.assert_close(env.task.distance, apart, atol=2e-3, rtol=0)


def test_a_goal_stays_until_it_is_reached(build, wander):
    env = build()
    env.reset(seed=0)
    for action in wander(4, 20):
        goal = env.task.goal.clone()
        _, _, terminated, truncated, info = env.step(action)
        same = (env.task.goal == goal).all(dim=1)
        assert torch.equal(same, ~(info["success"] | terminated | truncated))


def test_the_threshold(build):
    env = build(goals=GoalConfig(threshold_rad=0.7))
    env.reset(seed=0)
    for world, angle in enumerate((0.3, 0.6, 0.8, 1.2)):
        turn = R.from_rotvec(torch.tensor([0.0, 0.0, angle]))
        env.task.goal[world] = R.multiply(turn, object_wxyz(env)[world])
    *_, info = env.step(STILL)
    assert info["success"].tolist() == [True, True, False, False]


def test_a_drop_terminates_and_starts_anew(build):
    env = build()
    env.reset(seed=0)
    env.step(STILL)
    drop(env, 2)
    found, _, terminated, truncated, info = env.step(STILL)
    assert terminated.tolist() == [False, False, True, False] and not truncated.any()
    assert "final" not in info
    (episode,) = info["episodes"]
    assert (episode.world, episode.length, episode.dropped) == (2, 2, True)
    # The observation is the first of the next episode.
    assert found["critic"]["object_position"][2, 2] > 0
    assert found["actor"]["object_motion"][2].abs().max() < 1e-5
    assert env.length.tolist() == [2, 2, 0, 2]


def test_an_old_goal_truncates_and_the_last_observation_is_given(build):
    env, twin = (build(goals=GoalConfig(timeout_s=0.24)) for _ in range(2))
    twin.autoreset = False
    for one in (env, twin):
        one.reset(seed=0)
    for step in range(3):
        found, _, terminated, truncated, info = env.step(STILL)
        last, *_ = twin.step(STILL)
        assert not terminated.any()
        assert bool(truncated.all()) == (step == 2)
    assert info["truncated_worlds"].tolist() == [0, 1, 2, 3]
    for group in ("actor", "critic"):
        for name, value in info["final"][group].items():
            assert torch.equal(value, last[group][name]), name
    assert not torch.equal(found["critic"]["object_position"], last["critic"]["object_position"])
    assert [e.length for e in info["episodes"]] == [3] * 4
    assert not any(e.dropped for e in info["episodes"])


def test_a_success_starts_the_clock_anew(build):
    env = build(goals=GoalConfig(timeout_s=0.24))
    env.reset(seed=0)
    for step in range(5):
        if step == 1:
            env.task.goal[0] = object_wxyz(env)[0]
        *_, truncated, _ = env.step(STILL)
        # Three steps after the start; world 0 three steps after its success in step 1.
        assert truncated.tolist() == [step == 4] + [step == 2] * 3


def test_fifty_successes_end_the_episode(build):
    env = build()
    env.reset(seed=0)
    for step in range(50):
        env.task.goal[:] = object_wxyz(env)
        *_, terminated, truncated, info = env.step(STILL)
        assert not terminated.any()
        assert bool(truncated.all()) == bool(truncated.any()) == (step == 49)
    assert [e.successes for e in info["episodes"]] == [50] * 4
    assert (env.successes == 0).all()


def run(env, actions, seed=None):
    rows = [env.reset(seed=seed)[0]]
    rows += [env.step(action)[0] for action in actions]
    return [value for row in rows for group in row.values() for value in group.values()]


@pytest.mark.parametrize("task", TASKS)
def test_a_seed_makes_all_that_follows_reproducible(build, wander, ranges, task):
    actions = wander(4, 12)
    env, other = (build(seed=s, task=task, randomization=ranges) for s in (0, 1))
    first = run(env, actions, seed=5)
    for again in (run(env, actions, seed=5), run(other, actions, seed=5)):
        assert all(torch.equal(x, y) for x, y in zip(first, again, strict=True))
    assert not all(torch.equal(x, y) for x, y in zip(first, run(env, actions, seed=6), strict=True))


def test_resets_of_one_world_leave_the_others_alone(build, wander):
    actions = wander(4, 12)
    env, twin = (build() for _ in range(2))
    for one in (env, twin):
        one.reset(seed=4)
    drop(env, 1)
    others = [0, 2, 3]
    for action in actions:
        env.step(action)
        assert not twin.step(action)[2].any()  # a fall would draw another start in each
        for name in ("qpos", "qvel", "qacc_warmstart"):
            np.testing.assert_array_equal(env.sim.state(name)[others], twin.sim.state(name)[others])
    assert not torch.equal(env.sim.state("qpos")[1], twin.sim.state("qpos")[1])


def test_restart_is_left_to_the_caller_when_asked_for(build):
    env = build()
    env.autoreset = False
    env.reset(seed=0)
    drop(env, 1)
    found, _, terminated, _, info = env.step(STILL)
    assert terminated.tolist() == [False, True, False, False] and len(info["episodes"]) == 1
    assert found["critic"]["object_position"][1, 2] < -0.5
    fresh = env.restart(torch.tensor([1]))
    assert fresh["critic"]["object_position"].shape == (1, 3)
    assert fresh["critic"]["object_position"][0, 2] > 0
    assert env.length.tolist() == [1, 0, 1, 1]


def test_delays_are_drawn_for_each_motor_with_the_mean_asked_for(build):
    env = build(num_worlds=64, randomization={"action.delay": (0.6, 0.6)})
    env.reset(seed=0)
    late = env.control._delay
    assert set(late.unique().tolist()) == {0, 1}
    # 1280 draws: four standard errors of a share of 0.6.
    assert late.float().mean().item() == pytest.approx(0.6, abs=0.055)


def test_motors_with_a_lag_begin_where_they_were_sent(build):
    env = build(randomization={"hand.lag": (50.0, 50.0)})
    env.reset(seed=0)
    torch.testing.assert_close(env.sim.state("act"), env.control.target.double())


def test_lost_motion_is_between_the_targets_and_the_motors(build):
    lossy = {"hand.slack": (0.04, 0.04), "hand.deadband": (0.015, 0.015)}
    env = build(randomization=lossy)
    env.reset(seed=0)
    for sign in (1.0, -0.3):
        env.step(torch.full((4, 20), sign))
    late = env.sim.state("ctrl").float() - env.control.target
    # Turning round by less than the slack moves no tendon.
    assert (late.abs() > 1e-3).float().mean() > 0.5
    assert late.abs().max() < 0.04 * 1.5 / 2 + 0.02 + 1e-4


def test_the_goal_angle_bounds_new_goals(build):
    near = {"goal.angle": (0.6, 0.6)}
    env = build(num_worlds=64, randomization=near, goals=GoalConfig(face_up=0.0, any_axis=1.0))
    env.reset(seed=0)
    assert (env.task.distance < 0.6 + 1e-3).all() and (env.task.distance > 0.5 - 1e-3).all()
    far = build(num_worlds=64, goals=GoalConfig(face_up=0.0, any_axis=1.0))
    far.reset(seed=0)
    assert far.task.distance.max() > 2.0


def test_the_critic_sees_the_worlds_parameters(build, ranges):
    env = build(randomization=ranges)
    found, _ = env.reset(seed=0)
    assert found["critic"]["world"].shape == (4, len(ranges))
    assert torch.equal(found["critic"]["world"], env.coordinates)
    assert env.coordinates.std(dim=0).min() > 0


def test_block_z_turns_about_the_vertical_alone(build):
    env = build(num_worlds=32, task="block-z")
    env.reset(seed=0)
    height = R.rotate(env.task.goal, torch.tensor([[0.0, 0.0, 1.0]]).expand(32, 3))
    columns = R.to_columns(env.task.goal).unflatten(-1, (2, 3))
    tallest = torch.stack((columns[:, 0, 2], columns[:, 1, 2], height[:, 2])).abs().amax(dim=0)
    torch.testing.assert_close(tallest, torch.ones(32))


def fingertips(env):
    """(N, 5, 3), each site found by its name."""
    places = [env.sim.batch.site(name).xpos for name in env.hand.fingertips]
    return torch.tensor(np.stack(places, axis=1)).float()


def test_reach_asks_for_the_fingertips(build):
    env = build(task="reach", blocks={"reach": ReachConfig(threshold_m=0.004)})
    env.reset(seed=0)
    for _ in range(15):  # until the hand rests
        found, *_ = env.step(STILL)
    lacking = env.task.goal - fingertips(env)
    torch.testing.assert_close(found["actor"]["goal_to_fingertips"], (10 * lacking).flatten(1))
    before = lacking.norm(dim=-1).mean(dim=-1)
    torch.testing.assert_close(env.task.distance, before)
    goal = env.task.goal.clone()
    goal[0] = env.task.goal[0] = fingertips(env)[0]
    env.task.distance[0] = before[0] = 0.05
    _, reward, terminated, _, info = env.step(STILL)
    assert info["success"].tolist() == [True, False, False, False] and not terminated.any()
    after = (goal - fingertips(env)).norm(dim=-1).mean(dim=-1)
    # Progress in decimetres, and 5 for the goal that was reached.
    wanted = 10 * (before - after) + torch.tensor([5.0, 0.0, 0.0, 0.0])
    torch.testing.assert_close(reward, wanted, atol=1e-5, rtol=0)
    assert not torch.equal(env.task.goal[0], goal[0])


def test_every_reach_goal_is_a_pose_of_the_hand(build):
    env = build(task="reach")
    assert env.task.table.shape == (512, 5, 3)
    spread = env.task.table.amax(dim=0) - env.task.table.amin(dim=0)
    assert (spread.amax(dim=-1) > 0.01).all() and env.task.table.abs().max() < 0.3


@pytest.mark.parametrize(
    ("field", "value", "line"),
    [
        ("actor_terms", ("joint_positon",), "env.actor_terms: got unknown term 'joint_positon'"),
        ("critic_terms", ("worlds",), "env.critic_terms: got unknown term 'worlds'"),
        ("rewards", {"sucess": 1.0}, "env.rewards: got unknown term 'sucess'"),
        ("randomization", {"gravty": (0.0, 1.0)}, "env.randomization: got unknown parameter"),
        ("randomization", {"gravity": (-99.0, -9.0)}, r"gravity: got -99, allowed: \[-14, -6\]"),
    ],
)
def test_bad_configs_are_one_line(build, field, value, line):
    with pytest.raises(ConfigError, match=line) as error:
        build(**{field: value})
    assert "\n" not in str(error.value)


def test_the_control_period():
    config = EnvConfig()
    assert config.period_s == pytest.approx(0.08)
    assert replace(config, control=ControlConfig(substeps=5)).period_s == pytest.approx(0.04)
