"""An environment that goes on from a saved state is bit by bit the one that was never stopped."""

import pytest
import torch

from sleight.envs.config import GoalConfig
from sleight.envs.snapshot import load_state, save_state


def play(env, actions):
    rows = []
    for action in actions:
        found, reward, terminated, truncated, info = env.step(action)
        both = [value for group in found.values() for value in group.values()]
        rows.append([*both, reward, terminated, truncated, info["success"]])
    return rows


@pytest.mark.parametrize("task", ["block", "reach"])
@pytest.mark.parametrize("randomized", [False, True])
def test_going_on_from_a_snapshot(build, wander, ranges, task, randomized):
    # Short goals, so that worlds are reset on the way.
    goals = GoalConfig(timeout_s=1.6)
    config = {"task": task, "goals": goals, "randomization": ranges if randomized else {}}
    actions = wander(4, 60)
    env = build(seed=1, **config)
    env.reset()
    play(env, actions[:25])
    # Physics as it stands between two steps, and the source of worlds, which its owner keeps.
    kept, drawn = save_state(env), env.source.state()
    frozen = {name: value.clone() for name, value in kept.items()}
    wanted = play(env, actions[25:])
    assert any(row[-3].any() or row[-2].any() for row in wanted)
    for name, value in frozen.items():
        assert torch.equal(kept[name], value), f"{name} is a view of the live environment"
    other = build(seed=77, **config)
    other.reset()
    play(other, actions[:3])
    load_state(other, kept)
    other.source.load_state(drawn)
    for found, row in zip(play(other, actions[25:]), wanted, strict=True):
        for one, two in zip(found, row, strict=True):
            assert torch.equal(one, two)


def test_loading_leaves_the_saved_state_alone(build, wander):
    env = build()
    env.reset(seed=0)
    kept = save_state(env)
    frozen = {name: value.clone() for name, value in kept.items()}
    load_state(env, kept)
    play(env, wander(4, 3))
    for name, value in frozen.items():
        assert torch.equal(kept[name], value), name
