"""`cube-face`: laws of its goals and terms under the mechanism's symmetry, and a small run."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from sleight.envs.config import EnvConfig, GoalConfig, ResetConfig
from sleight.envs.make import make_env
from sleight.envs.mdp import rotations as R
from sleight.envs.mdp.observations import compute, select
from sleight.envs.objects.cubes.face_cube import DRY_FRICTION
from sleight.envs.sim.draws import Draws
from sleight.envs.snapshot import forgotten
from sleight.envs.tasks.cubes.cube_goals import FACE_KINDS, QUARTER, straight, without_yaw
from sleight.envs.tasks.cubes.face_task import FaceConfig, FaceLaw
from sleight.envs.tasks.task import task_of

COUNT = 4000
UP = torch.tensor([0.0, 0.0, 1.0])
SYMMETRIES = [g for g in R.CUBE_GROUP if abs(abs(float(R.rotate(g, UP)[2])) - 1.0) < 1e-4]
"""Of the cube's rotations, those that map the live axis onto itself."""


def law_of(**fields):
    return FaceLaw(GoalConfig(), FaceConfig(**fields))


def poses(count, seed, tilt=0.3, angle=3.0):
    """Cubes at any orientation up to `tilt` from a face up, with layers at any angles."""
    rng = Draws(seed)
    group = R.CUBE_GROUP[(24 * rng.uniform(count)).long()]
    lean = R.from_rotvec(tilt * (2 * rng.uniform(count, 3) - 1) / math.sqrt(3))
    spin = R.about_z(2 * math.pi * rng.uniform(count))
    return {
        "object_position": torch.tensor([[0.0, 0.0, 0.04]]).expand(count, 3),
        "object_wxyz": R.positive(R.multiply(R.multiply(lean, spin), group)),
        "object_joints": angle * (2 * rng.uniform(count, 2) - 1),
    }


def drawn(law, pose, largest, seed=0):
    rng, count = Draws(seed), len(pose["object_wxyz"])
    uniform, normal = rng.uniform(count, law.uniforms), rng.normal(count, law.normals)
    return law.draw(law.prepare(pose), torch.full((count,), largest), uniform, normal)


def height(pose):
    """z of the live axis (K,)."""
    return R.rotate(pose["object_wxyz"], UP.expand(len(pose["object_wxyz"]), 3))[:, 2]


def relabelled(wxyz, layers, by):
    """The same cube with its axes renamed by one of SYMMETRIES."""
    upside_down = float(R.rotate(by, UP)[2]) < 0
    layers = -layers.flip(-1) if upside_down else layers
    return R.positive(R.multiply(wxyz, by.expand_as(wxyz))), layers


def test_the_mechanism_has_eight_symmetries():
    assert len(SYMMETRIES) == 8


@pytest.mark.parametrize("by", SYMMETRIES, ids=str)
def test_renaming_the_axes_changes_no_distance_no_success_and_no_term(by):
    law, spec = law_of(), task_of(EnvConfig(task="cube-face"))
    pose = poses(COUNT, 1)
    goal = drawn(law, poses(COUNT, 2), math.pi, 3)
    near = torch.arange(COUNT) % 2 == 0  # half of the poses are near their goals
    rng = Draws(4)
    close = R.multiply(R.from_rotvec(0.3 * rng.normal(COUNT, 3)), goal["goal_wxyz"])
    pose["object_wxyz"] = torch.where(near[:, None], close, pose["object_wxyz"])
    beside = goal["goal_joints"] + 0.15 * rng.normal(COUNT, 2)
    pose["object_joints"] = torch.where(near[:, None], beside, pose["object_joints"])
    other_pose, other_goal = dict(pose), dict(goal)
    other_pose["object_wxyz"], other_pose["object_joints"] = relabelled(
        pose["object_wxyz"], pose["object_joints"], by
    )
    other_goal["goal_wxyz"], other_goal["goal_joints"] = relabelled(
        goal["goal_wxyz"], goal["goal_joints"], by
    )
    one, other = law.distance(pose, goal), law.distance(other_pose, other_goal)
    torch.testing.assert_close(one, other, atol=2e-3, rtol=0)
    sure = (one - law.threshold).abs() > 0.01
    assert torch.equal(law.reached(one)[sure], law.reached(other)[sure])
    assert law.reached(one).float().mean() > 0.05
    speed = rng.normal(COUNT, 2)
    names = ("turn_axis", "turn_error", "turn_angle", "turn_phase", "turn_speed", "face_relative",
             "face_step", "face_angle")  # fmt: skip
    terms = select(names, "test", spec.terms)
    swapped = relabelled(pose["object_wxyz"], speed, by)[1]
    seen = compute(terms, {**pose, **goal, "object_joint_velocity": speed})
    again = compute(terms, {**other_pose, **other_goal, "object_joint_velocity": swapped})
    level = height(pose).abs() > 0.05  # which layer is the upper one is a jump where none is
    for name in names:
        # A half turn has two rotation vectors.
        clear = level & (seen["face_angle"][:, 0] < 3.0)
        torch.testing.assert_close(
            seen[name][clear], again[name][clear], atol=5e-3, rtol=0, msg=name
        )


def test_a_turn_is_of_the_layer_that_is_up_by_a_quarter_and_can_be_reached():
    law = law_of(turn_share=1.0)
    pose = poses(COUNT, 5, angle=0.1)
    pose["object_joints"] += QUARTER * (7 * Draws(6).uniform(COUNT, 2)).floor()
    goal = drawn(law, pose, math.pi)
    turns = goal["goal_yaw_free"][:, 0] > 0
    torch.testing.assert_close(turns, height(pose).abs() > 0.8)
    assert 0.25 < turns.float().mean() < 0.42, "one axis of three is live"
    change = goal["goal_joints"] - straight(pose["object_joints"])
    up = height(pose) > 0
    upper = torch.tensor([QUARTER, 0.0]).expand(COUNT, 2)
    wanted = torch.where(up[:, None], upper, upper.flip(-1))
    torch.testing.assert_close(change[turns].abs(), wanted[turns], atol=1e-4, rtol=0)
    left = (change[turns].sum(dim=-1) > 0).float().mean()
    assert 0.45 < left < 0.55
    assert (law.distance(pose, goal) > law.threshold).all(), "no goal is reached when it is drawn"
    there = {**pose, "object_wxyz": goal["goal_wxyz"], "object_joints": goal["goal_joints"]}
    assert law.reached(law.distance(there, goal)).all()


def test_turns_that_are_not_a_quarter_yet_are_just_outside_the_threshold_and_grow():
    law = law_of(turn_share=1.0)
    pose = poses(COUNT, 7)
    for largest, (low, high) in ((0.5, (0.24, 0.30)), (0.8, (0.24, 0.60))):
        goal = drawn(law, pose, largest)
        turns = goal["goal_yaw_free"][:, 0] > 0
        size = (goal["goal_joints"] - pose["object_joints"])[turns].norm(dim=-1)
        assert low - 1e-4 <= size.min() < low + 0.01 and high - 0.01 < size.max() <= high + 1e-4
    grown = drawn(law, pose, math.pi - 0.1)
    size = (grown["goal_joints"] - pose["object_joints"])[turns].norm(dim=-1)
    assert size.max() < QUARTER + math.pi / 4 * math.sqrt(2) + 1e-4


def test_layers_that_are_not_straight_are_aligned_before_a_quarter_turn():
    law = law_of(turn_share=1.0)
    pose = poses(COUNT, 8)
    goal = drawn(law, pose, math.pi)
    crooked = (pose["object_joints"] - straight(pose["object_joints"])).norm(dim=-1) >= 0.2
    turns = goal["goal_yaw_free"][:, 0] > 0
    torch.testing.assert_close(
        goal["goal_joints"][crooked], straight(pose["object_joints"])[crooked]
    )
    kinds = FACE_KINDS.of({**pose, **goal})
    names = [FACE_KINDS.names[i] for i in kinds[crooked & turns].tolist()]
    assert set(names) == {"straight layers"}
    names = [FACE_KINDS.names[i] for i in kinds[~crooked & turns].tolist()]
    assert set(names) == {"quarter turn"}


def test_half_of_the_goals_are_flips_that_ask_for_straight_layers_and_an_orientation():
    law = law_of(turn_share=0.5)
    pose = poses(COUNT, 9)
    goal = drawn(law, pose, math.pi)
    flips = goal["goal_yaw_free"][:, 0] == 0
    live = height(pose).abs() > 0.8
    assert flips[~live].all() and 0.45 < flips[live].float().mean() < 0.55
    torch.testing.assert_close(goal["goal_joints"][flips], straight(pose["object_joints"])[flips])
    reach = {**pose, "object_wxyz": goal["goal_wxyz"], "object_joints": goal["goal_joints"]}
    assert law.reached(law.distance(reach, goal)).all()


def test_yaw_is_free_in_a_turn_and_only_there():
    law, rng = law_of(), Draws(10)
    pose = poses(COUNT, 11)
    goal = drawn(law, pose, math.pi)
    yawed = R.multiply(R.about_z(6 * rng.uniform(COUNT)), pose["object_wxyz"])
    turns = goal["goal_yaw_free"][:, 0] > 0
    one = law.parts(pose, goal)[:, 0]
    other = law.parts({**pose, "object_wxyz": yawed}, goal)[:, 0]
    torch.testing.assert_close(one[turns], other[turns], atol=2e-3, rtol=0)
    assert (one - other)[~turns].abs().mean() > 0.2
    turn = R.between(pose["object_wxyz"], goal["goal_wxyz"])
    tilt = R.angle(without_yaw(turn, torch.ones(COUNT, 1)))
    upright = R.rotate(turn, UP.expand(COUNT, 3))
    torch.testing.assert_close(tilt, upright[:, 2].clamp(-1, 1).acos(), atol=3e-3, rtol=0)


def test_a_goal_needs_both_angles_together_and_the_tilt():
    law = law_of()
    goal = {"goal_wxyz": torch.tensor([[1.0, 0, 0, 0]]), "goal_joints": torch.zeros(1, 2),
            "goal_yaw_free": torch.ones(1, 1)}  # fmt: skip

    def reached(tilt, top, bottom):
        wxyz = R.from_rotvec(torch.tensor([[tilt, 0.0, 0.0]]))
        pose = {"object_wxyz": wxyz, "object_joints": torch.tensor([[top, bottom]])}
        return bool(law.reached(law.distance(pose, goal)))

    assert reached(0.39, 0.19, 0.0) and reached(0.0, 0.13, -0.14)
    assert not reached(0.41, 0.0, 0.0)
    assert not reached(0.0, 0.21, 0.0)
    assert not reached(0.0, 0.15, -0.15), "their norm counts"
    assert reached(0.0, 2 * math.pi, -4 * math.pi), "a whole turn is none"


@pytest.fixture(scope="module")
def env(build_face):
    return build_face()


@pytest.fixture(scope="module")
def build_face():
    def make(count=8, cache=64, randomization=None, **fields):
        config = EnvConfig(task="cube-face", num_worlds=count, threads=1)
        config = replace(config, randomization=randomization or {})
        config = replace(config, resets=ResetConfig(cache=cache))
        return make_env(config.with_block(FaceConfig(**fields)))

    return make


def test_episodes_begin_with_the_live_axis_upright(env):
    pose = env.task._pose_of(env.task.settled.qpos)
    tilt = R.distance(pose["object_wxyz"], R.positive(pose["object_wxyz"]))
    assert tilt.max() < 1e-3
    leans = (height(pose).abs() < math.cos(math.pi / 4)).float().mean()
    assert leans < 0.35, "only those that lean between two faces"
    assert 0.3 < (height(pose) > 0).float().mean() < 0.7, "either way up"


def test_the_held_layer_is_the_one_at_the_bottom(build_face):
    env = build_face(hold_nm=0.5)
    env.reset(seed=3)
    friction = env.sim.field("dof_frictionloss")[:, env.sim.layout.inner_dofs].float()
    down = height(env.task.pose(slice(None))) < 0
    wanted = torch.tensor([[DRY_FRICTION, 0.5]]).expand(8, 2)
    torch.testing.assert_close(friction, torch.where(down[:, None], wanted.flip(-1), wanted))
    hand = env.sim.field("dof_frictionloss")[:, env.sim.layout.joint_dofs]
    assert not hand.any()


def test_a_hold_leaves_the_friction_that_was_drawn_for_the_other_layer(build_face):
    drawn = {"object.joint.friction": (2.0, 2.0)}
    env = build_face(hold_nm=0.5, randomization=drawn)
    for _ in range(3):
        env.reset()
        friction = env.sim.field("dof_frictionloss")[:, env.sim.layout.inner_dofs]
        lowest, highest = friction.sort(dim=1).values.unbind(dim=1)
        torch.testing.assert_close(lowest, torch.full_like(lowest, 2 * DRY_FRICTION))
        assert (highest == 0.5).all()
    again = build_face(hold_nm=0.5)
    for _ in range(5):  # a layer that was held once is free when it is on top
        again.reset()
        friction = again.sim.field("dof_frictionloss")[:, again.sim.layout.inner_dofs]
        torch.testing.assert_close(friction.amin(dim=1), torch.full((8,), DRY_FRICTION).double())


def test_without_a_hold_no_world_has_fields_of_its_own(env):
    env.reset(seed=3)
    assert "dof_frictionloss" not in env.sim.fields()


def test_progress_adds_up_to_what_the_angles_lost(env):
    """Over the steps of one goal, in every world, as the reward counts it."""
    env.reset(seed=4)
    rng, total, start = Draws(5), torch.zeros(8, 2), env.task.parts.clone()
    steady = torch.ones(8, dtype=torch.bool)
    for _ in range(12):
        _, _, terminated, truncated, info = env.step(2 * rng.uniform(8, 20) - 1)
        steady &= ~(info["success"] | terminated | truncated)
        total += env.task.progress
    assert steady.any()
    torch.testing.assert_close(total[steady], (start - env.task.parts)[steady], atol=1e-4, rtol=0)


def test_resuming_loses_nothing(build_face):
    assert forgotten(build_face(hold_nm=0.5)) == []


def test_its_goal_is_drawn_at_the_distance_that_is_left(env):
    env.reset(seed=1)
    for world in range(8):
        picture, here = env.task.picture(world), slice(world, world + 1)
        pose, goal = env.task.pose(here), env.task.goals(here)
        np.testing.assert_allclose(picture.joints, goal["goal_joints"][0])
        shown = torch.tensor(picture.wxyz[None]).float()
        away = env.task.law.parts(pose, goal)[0, 0]
        torch.testing.assert_close(
            R.distance(pose["object_wxyz"], shown)[0], away, atol=2e-3, rtol=0
        )
        if not goal["goal_yaw_free"]:
            assert R.distance(goal["goal_wxyz"], shown) < 1e-3
        assert env.task.remaining(world).endswith("°")
