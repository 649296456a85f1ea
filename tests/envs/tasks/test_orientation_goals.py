"""Goals: what kinds there are, how far they lie, how they grow."""

import math

import pytest
import torch

from sleight.envs.config import GoalConfig
from sleight.envs.mdp import rotations as R
from sleight.envs.sim.draws import Draws
from sleight.envs.tasks.orientation_goals import MIN_MARGIN_RAD, OrientationLaw, nearest_upright
from sleight.errors import ConfigError

COUNT = 4000
NEAREST = 0.4 + MIN_MARGIN_RAD


def draw(config, largest=math.pi, start=None, seed=0, count=COUNT):
    rng, law = Draws(seed), OrientationLaw(config)
    start = R.random_rotation(count, rng) if start is None else start
    numbers = rng.uniform(len(start), law.uniforms), rng.normal(len(start), law.normals)
    pose = {"object_wxyz": start}
    goals = law.draw(law.prepare(pose), torch.full((len(start),), largest), *numbers)
    return start, goals["goal_wxyz"]


def axes(q):
    """The block's own axes (..., 3, 3), one in each row."""
    columns = R.to_columns(q).unflatten(-1, (2, 3))
    third = torch.linalg.cross(columns[..., 0, :], columns[..., 1, :])
    return torch.cat((columns, third.unsqueeze(-2)), dim=-2)


def face_up(q):
    """Which of the six faces +x +y +z -x -y -z is up."""
    heights = axes(q)[..., 2]
    return torch.cat((heights, -heights), dim=-1).argmax(dim=-1)


def tilt(q):
    """Angle between the block's highest axis and the vertical [rad]."""
    return axes(q)[..., 2].abs().amax(dim=-1).clamp(max=1.0).acos()


def kolmogorov(sample, law):
    """Largest gap between a sample and its distribution function, over what 1 % of samples pass."""
    sample = sample.sort().values
    steps = torch.arange(1, len(sample) + 1) / len(sample)
    return ((law(sample) - steps).abs().max() / (1.63 / math.sqrt(len(sample)))).item()


ABOUT_Z = GoalConfig(face_up=0.0, about_z=1.0)
ANY_AXIS = GoalConfig(face_up=0.0, any_axis=1.0)


def test_the_nearest_upright_is_upright_and_nearest():
    q = R.random_rotation(COUNT, Draws(0))
    upright = nearest_upright(q)
    assert tilt(upright).max() < 2e-3
    # No upright orientation is nearer than the tilt of the axis that is brought up.
    torch.testing.assert_close(R.distance(upright, q), tilt(q), atol=2e-3, rtol=0)
    assert torch.equal(face_up(upright), face_up(q))


def test_an_upright_block_stays_as_it_is():
    flat = R.multiply(R.about_z(torch.linspace(-3, 3, 24)), R.CUBE_GROUP)
    torch.testing.assert_close(R.distance(nearest_upright(flat), flat), torch.zeros(24))


@pytest.mark.parametrize("config", [GoalConfig(), ABOUT_Z, GoalConfig(flip_share=1.0)])
def test_one_face_is_exactly_up(config):
    _, goals = draw(config)
    assert tilt(goals).max() < 2e-3
    torch.testing.assert_close(goals.norm(dim=-1), torch.ones(COUNT))
    assert (goals[:, 0] >= 0).all()


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_share_of_flips(share):
    start, goals = draw(GoalConfig(flip_share=share))
    flipped = (face_up(goals) != face_up(start)).float().mean().item()
    assert flipped == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / COUNT) + 1e-9)


def test_a_flip_brings_each_other_face_up_as_often():
    level = R.about_z(torch.linspace(-3, 3, COUNT))
    _, goals = draw(GoalConfig(flip_share=1.0), start=level)
    counts = torch.bincount(face_up(goals), minlength=6)
    assert counts[2] == 0  # +z, which was up
    others = counts[counts > 0] / COUNT
    assert len(others) == 5
    assert (others - 0.2).abs().max() < 4 * math.sqrt(0.2 * 0.8 / COUNT)


@pytest.mark.parametrize("config", [GoalConfig(), ANY_AXIS, ABOUT_Z])
@pytest.mark.parametrize("largest", [0.1, 0.8, 1.7, math.pi])
def test_no_goal_is_nearer_than_threshold_and_margin(config, largest):
    start, goals = draw(config, largest)
    assert R.distance(goals, start).min() > NEAREST - 2e-3


@pytest.mark.parametrize("largest", [0.6, 1.0, 1.7, 2.5, math.pi])
def test_no_goal_is_farther_than_the_largest_angle(largest):
    for config in (GoalConfig(), ABOUT_Z):
        start, goals = draw(config, largest)
        assert (R.distance(goals, start) - tilt(start)).max() < largest + 2e-3
        level = nearest_upright(start)
        _, goals = draw(config, largest, level)
        assert R.distance(goals, level).max() < largest + 2e-3
    start, goals = draw(ANY_AXIS, largest)
    assert R.distance(goals, start).max() < largest + 2e-3


def test_no_flips_of_a_level_block_before_goals_reach_a_quarter_turn():
    level = R.about_z(torch.linspace(-3, 3, COUNT))
    for largest, any_flip in ((1.5, False), (1.6, True)):
        _, goals = draw(GoalConfig(flip_share=1.0), largest, level)
        assert bool((face_up(goals) == face_up(level)).all()) != any_flip


def test_a_leaning_block_flips_to_the_face_that_it_leans_to():
    # Leaning by 0.7 rad it lacks pi/2 - 0.7 = 0.87 rad to that face, and more to the others.
    lean = R.from_rotvec(torch.tensor([[0.7, 0.0, 0.0]])).expand(COUNT, 4)
    _, near = draw(GoalConfig(flip_share=1.0), 0.8, lean)
    assert (face_up(near) == face_up(lean)).all()
    _, goals = draw(GoalConfig(flip_share=1.0), 0.9, lean)
    other = R.from_rotvec(torch.tensor([[torch.pi / 2, 0.0, 0.0]]))
    assert (face_up(goals) == face_up(other)).all()


def test_half_turns_only_when_goals_reach_that_far():
    level = R.about_z(torch.linspace(-3, 3, COUNT))
    for largest, half in ((2.7, False), (math.pi, True)):
        _, goals = draw(GoalConfig(flip_share=1.0), largest, level)
        assert bool((face_up(goals) == 5).any()) == half


def test_yaw_goals_turn_about_the_vertical_alone_either_way():
    level = R.about_z(torch.linspace(-3, 3, COUNT))
    _, goals = draw(ABOUT_Z, start=level)
    turn = R.to_rotvec(R.between(level, goals))
    assert turn[:, :2].abs().max() < 2e-3
    assert (turn[:, 2] > 0).float().mean().item() == pytest.approx(0.5, abs=0.04)
    size = turn[:, 2].abs()
    assert kolmogorov(size, lambda t: (t - NEAREST) / (math.pi - NEAREST)) < 1


@pytest.mark.parametrize("largest", [1.2, math.pi])
def test_any_axis_is_uniform_on_the_rotations_within_reach(largest):
    start, goals = draw(ANY_AXIS, largest)
    turn = R.to_rotvec(R.between(start, goals))
    low, high = (t - math.sin(t) for t in (NEAREST, largest))
    angle = turn.norm(dim=-1)
    assert kolmogorov(angle, lambda t: (t - t.sin() - low) / (high - low)) < 1
    # Directions uniform on the sphere: each coordinate uniform on [-1, 1] (Archimedes).
    for coordinate in (turn / angle.unsqueeze(-1)).unbind(-1):
        assert kolmogorov(coordinate, lambda x: (x + 1) / 2) < 1


def test_kinds_are_mixed_by_their_shares():
    level = R.about_z(torch.linspace(-3, 3, COUNT))
    _, goals = draw(GoalConfig(face_up=0.5, any_axis=1.0, about_z=0.5), start=level)
    upright = (tilt(goals) < 1e-2).float().mean().item()
    assert upright == pytest.approx(0.5, abs=0.04)


def test_the_same_seed_gives_the_same_goals():
    assert torch.equal(draw(GoalConfig(), seed=3)[1], draw(GoalConfig(), seed=3)[1])
    assert not torch.equal(draw(GoalConfig(), seed=3)[1], draw(GoalConfig(), seed=4)[1])


def test_goals_of_no_kind_are_refused():
    with pytest.raises(ConfigError, match="face_up, any_axis, about_z all 0"):
        draw(GoalConfig(face_up=0.0))
