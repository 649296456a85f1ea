"""Rotations and goals by their laws, and against the goals of training."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sleight.contract import quaternions as r
from sleight.contract.bundle import GoalEntry, TaskEntry
from sleight.deploy.runtime.rig_goals import GoalGenerator, levelled
from sleight.envs.config import GoalConfig
from sleight.envs.mdp import rotations as envs_rotations
from sleight.envs.tasks.orientation_goals import GoalSampler, Level, nearest_upright

QUATERNION = (
    arrays(np.float64, 4, elements=st.floats(-1, 1))
    .filter(lambda q: np.linalg.norm(q) > 0.1)
    .map(r.canonical)
)
VECTOR = arrays(np.float64, 3, elements=st.floats(-1, 1))


def task(**goal):
    return TaskEntry("block", 0.4, 8.0, 50, GoalEntry(**goal), 0.057, -0.04)


@given(QUATERNION, QUATERNION, VECTOR)
def test_group_laws(p, q, v):
    one = np.array([1.0, 0.0, 0.0, 0.0])
    np.testing.assert_allclose(r.multiply(p, r.conjugate(p)), one, atol=1e-12)
    np.testing.assert_allclose(
        r.rotate(r.multiply(p, q), v), r.rotate(p, r.rotate(q, v)), atol=1e-12
    )
    assert r.distance(p, q) == pytest.approx(r.distance(q, p), abs=1e-7)
    ours, theirs = r.distance(p, q), envs_rotations.distance(*map(torch.tensor, (p, q)))
    assert ours == pytest.approx(float(theirs), abs=1e-6)


@pytest.mark.parametrize("face", range(6))
def test_each_face_comes_up(face):
    normal = np.zeros(3)
    normal[face // 2] = 1.0 - 2.0 * (face % 2)
    np.testing.assert_allclose(r.rotate(r.FACE_TO_UP[face], normal), [0, 0, 1], atol=1e-12)
    assert r.face_up(r.FACE_TO_UP[face]) == face


@given(QUATERNION)
def test_levelled_is_the_nearest_upright_of_training(q):
    up = sorted(abs(r.rotate(r.conjugate(q), np.array([0, 0, 1.0]))))
    if up[-1] - up[-2] < 1e-3:
        return  # Between two faces either is the nearest.
    ours = levelled(q, r.face_up(q))
    theirs = nearest_upright(torch.tensor(q)[None])[0].numpy()
    assert r.distance(ours, theirs) == pytest.approx(0.0, abs=1e-5)


def test_the_same_seed_gives_the_same_goals():
    first, second, other = (
        [GoalGenerator(task(), seed).next(r.FACE_TO_UP[4]).tolist() for _ in range(3)]
        for seed in (1, 1, 2)
    )
    assert first == second != other


@given(QUATERNION, st.integers(0, 1000))
def test_face_up_goals_have_a_face_up_and_lie_outside_the_threshold(q, seed):
    goal = GoalGenerator(task(kind="face_up"), seed).next(q)
    up = np.abs(r.rotate(r.conjugate(goal), np.array([0, 0, 1.0])))
    assert up.max() == pytest.approx(1.0, abs=1e-9)
    assert np.linalg.norm(goal) == pytest.approx(1.0)
    assert goal[0] >= 0
    upright = levelled(q, r.face_up(q))
    assert r.distance(upright, goal) >= 0.5 - 1e-9


@given(QUATERNION, st.integers(0, 100), st.floats(0.5, math.pi))
def test_no_goal_turns_further_than_allowed(q, seed, largest):
    for kind in ("about_z", "any_axis"):
        goal = GoalGenerator(task(kind=kind, max_angle_rad=largest), seed).next(q)
        start = q if kind == "any_axis" else levelled(q, r.face_up(q))
        assert 0.5 - 1e-7 <= r.distance(start, goal) <= largest + 1e-7


@pytest.mark.parametrize("largest", [1.0, 2.0, math.pi])
@pytest.mark.parametrize(("kind", "flip_share"), [("face_up", 0.5), ("any_axis", 0.0)])
def test_goals_are_distributed_as_in_training(kind, flip_share, largest):
    """Share of flips, and mean and quartiles of the distance, of 2,000 goals each way."""
    count, start = 2000, r.canonical(np.array([0.9, 0.05, -0.1, 0.4]))
    generator = GoalGenerator(task(kind=kind, flip_share=flip_share, max_angle_rad=largest), 0)
    ours = np.array([generator.next(start) for _ in range(count)])
    shares = {"face_up": 0.0, "any_axis": 0.0, "about_z": 0.0} | {kind: 1.0}
    sampler = GoalSampler(
        GoalConfig(**shares, flip_share=flip_share), torch.Generator().manual_seed(0)
    )
    starts = torch.tensor(start, dtype=torch.float32).expand(count, 4)
    theirs = sampler.draw(Level.nearest(starts), torch.full((count,), largest)).double().numpy()
    both = []
    for goals in (ours, theirs):
        angles = np.array([r.distance(goal, start) for goal in goals])
        flips = np.mean([r.face_up(r.canonical(g)) != r.face_up(start) for g in goals])
        # Near-ties of any_axis goals make "face up" noisy, equally on both sides.
        both.append([flips, angles.mean(), *np.percentile(angles, [25, 50, 75])])
    np.testing.assert_allclose(both[0], both[1], atol=0.08)
