"""Observation terms: what they read, their sizes, their symmetries, and whose numbers they hold."""

import math

import mujoco
import numpy as np
import pytest
import torch

from sleight.envs.hands.shadow import SHADOW_RIGHT
from sleight.envs.mdp import observations as O
from sleight.envs.mdp import rotations as R
from sleight.envs.mdp.sensor_noise import (
    EPISODE_STD,
    STEP_STD,
    PoseMemory,
    SensorNoise,
    noise_sizes,
)
from sleight.envs.objects.block import BLOCK
from sleight.envs.sim.draws import Draws
from sleight.errors import ConfigError
from tests.envs.look import look

ACTOR = (
    "joint_position",
    "joint_velocity",
    "target",
    "last_action",
    "object_position",
    "object_wxyz",
    "fingertips",
    "fingertips_to_object",
)
CRITIC = (*ACTOR, "object_velocity", "object_spin", "motor_force", "world")


SIZES = {**O.sizes_of(SHADOW_RIGHT, BLOCK, 4), "inner": 2}
LACKING = ("goal_to_fingertips", "object_joints", "object_joint_velocity")
"""What `block` does not have."""


def sensors(count=50, seed=0):
    """Every sensor (N, ...), all numbers different."""
    rng = Draws(seed)
    shapes = {
        "joint_position": (24,),
        "joint_velocity": (24,),
        "target": (20,),
        "last_action": (20,),
        "object_position": (3,),
        "previous_object_position": (3,),
        "object_velocity": (3,),
        "object_spin": (3,),
        "motor_force": (20,),
        "world": (4,),
        "fingertips": (5, 3),
        "goal_fingertips": (5, 3),
        "object_joints": (2,),
        "object_joint_velocity": (2,),
    }
    found = {name: rng.normal(count, *shape) for name, shape in shapes.items()}
    for name in ("object_wxyz", "previous_object_wxyz", "goal_wxyz"):
        found[name] = R.random_rotation(count, rng)
    return found


@pytest.mark.parametrize("term", O.BUILT_IN, ids=[term.name for term in O.BUILT_IN])
def test_a_term_reads_what_it_says_and_has_its_size(term):
    everything = sensors()
    found = term.compute({name: everything[name] for name in term.reads})
    assert found.shape == (50, *term.shape_in(SIZES))
    assert found.dtype == torch.float32
    assert found.isfinite().all()


def test_an_unknown_term_names_the_nearest():
    with pytest.raises(
        ConfigError, match=r"env\.actor_terms: .*'goal_stop', did you mean 'goal_step'"
    ):
        O.select(["joint_position", "goal_stop"], "env.actor_terms")


def test_shapes_follow_the_hand_and_a_name_that_is_no_size_names_the_nearest():
    assert O.Term("near", lambda s: s["near"], ("fingertips",), "", "", ()).shape_in(SIZES) == (5,)
    cloud = O.Term("cloud", lambda s: s["cloud"], ("fingertips", 3), "m", "palm", (), "points")
    assert cloud.shape_in(SIZES) == (5, 3)
    odd = O.Term("odd", lambda s: s["odd"], ("fingertip",), "", "", ())
    with pytest.raises(ConfigError, match="term odd: shape: got fingertip, did you mean 'finger"):
        odd.shape_in(SIZES)


def test_terms_that_share_a_rotation_leave_the_sensors_alone():
    given = sensors()
    before = {name: value.clone() for name, value in given.items()}
    together = O.compute(O.BUILT_IN, given)
    assert set(given) == set(before)
    for name, value in before.items():
        assert torch.equal(given[name], value)
    for term in O.BUILT_IN:
        assert torch.equal(together[term.name], term.compute(dict(before)))


def test_both_observers_at_once_see_what_each_would_see_alone():
    noisy, true = sensors(6, seed=1), sensors(6, seed=2)
    actor = O.select(("goal_angle", "object_motion", "target", "fingertips"), "")
    critic = O.select(("target", "object_motion", "goal_step", "goal_angle", "world"), "")
    pair = O.compute_both(actor, noisy, critic, true)
    for found, terms, seen in zip(pair, (actor, critic), (noisy, true), strict=True):
        alone = O.compute(terms, seen)
        assert list(found) == list(alone)
        for name, value in alone.items():
            torch.testing.assert_close(found[name], value, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    "name", ["object_reduced", "object_motion", "goal_step", "goal_angle", "goal_relative"]
)
def test_relabelling_the_faces_changes_nothing(name):
    """A cube whose faces are named otherwise, and its goal alike, is the same task."""
    given = sensors(24)
    relabelled = dict(given)
    for pose in ("object_wxyz", "previous_object_wxyz", "goal_wxyz"):
        relabelled[pose] = R.multiply(given[pose], R.CUBE_GROUP)
    term = O.TERMS.get(name, "")
    torch.testing.assert_close(term.compute(relabelled), term.compute(given), atol=2e-5, rtol=0)


def test_the_whole_orientation_does_tell_the_faces_apart():
    given = sensors(24)
    relabelled = {"object_wxyz": R.multiply(given["object_wxyz"], R.CUBE_GROUP)}
    found = O.object_rotation(relabelled) - O.object_rotation(given)
    assert (found[1:].abs().amax(dim=-1) > 0.1).all()


def test_goal_step_points_to_the_goal_and_is_short():
    given = sensors()
    step, angle = O.goal_step(dict(given)), O.goal_angle(dict(given)).squeeze(-1)
    torch.testing.assert_close(step.norm(dim=-1), angle.clamp(max=O.GOAL_STEP_RAD))
    turned = R.multiply(R.from_rotvec(step), given["object_wxyz"])
    torch.testing.assert_close(
        R.distance(turned, given["goal_wxyz"]),
        (angle - O.GOAL_STEP_RAD).clamp(min=0.0),
        atol=2e-3,
        rtol=0,
    )


def test_at_the_goal_every_term_is_finite():
    given = sensors()
    given["goal_wxyz"] = given["previous_object_wxyz"] = given["object_wxyz"]
    for term in O.BUILT_IN:
        assert term.compute(dict(given)).isfinite().all()
    assert O.goal_step(dict(given)).abs().max() < 1e-2


def test_motion_is_the_turn_and_the_shift_since_the_last_step():
    given = sensors(1)
    turn = torch.tensor([[0.0, 0.0, 0.05]])
    given["object_wxyz"] = R.multiply(R.from_rotvec(turn), given["previous_object_wxyz"])
    given["object_position"] = given["previous_object_position"] + 0.002
    wanted = torch.tensor([[0.02, 0.02, 0.02, 0.0, 0.0, 0.5]])
    torch.testing.assert_close(O.object_motion(given), wanted, atol=1e-4, rtol=0)


@pytest.fixture(scope="module")
def stirred(build, wander):
    """An environment after some steps, and its last observation."""
    env = build(num_worlds=3, actor_terms=ACTOR, critic_terms=CRITIC)
    found, _ = env.reset(seed=1)
    for action in wander(3, 6, seed=2):
        found, *_ = env.step(action)
    return env, found


def test_numbers_stand_under_their_names(stirred):
    env, found = stirred
    batch, actor, critic = env.sim.batch, found["actor"], found["critic"]
    for column, name in enumerate(SHADOW_RIGHT.joints):
        joint = batch.joint(name)
        np.testing.assert_allclose(actor["joint_position"][:, column], joint.qpos[:, 0], rtol=1e-6)
        np.testing.assert_allclose(actor["joint_velocity"][:, column], joint.qvel[:, 0], rtol=1e-6)
    for column, name in enumerate(SHADOW_RIGHT.actuators):
        motor = batch.actuator(name)
        np.testing.assert_allclose(actor["target"][:, column], motor.ctrl.squeeze(), rtol=1e-6)
        np.testing.assert_allclose(
            critic["motor_force"][:, column], motor.force.squeeze(), rtol=1e-5
        )
    now = [look(env.sim, world) for world in range(3)]
    block = np.array([data.body("object").xpos for data in now])
    for row, name in enumerate(SHADOW_RIGHT.fingertips):
        columns = slice(3 * row, 3 * row + 3)
        place = batch.site(name).xpos
        # MuJoCo leaves those of the physics step before, 8 ms ago.
        np.testing.assert_allclose(place, [data.site(name).xpos for data in now], atol=5e-3)
        np.testing.assert_allclose(actor["fingertips"][:, columns], place, atol=1e-7)
        np.testing.assert_allclose(
            actor["fingertips_to_object"][:, columns], place - block, atol=1e-7
        )
    np.testing.assert_allclose(actor["object_position"], block, atol=1e-7)
    quat = R.positive(torch.tensor(np.array([data.body("object").xquat for data in now]))).float()
    torch.testing.assert_close(R.positive(actor["object_wxyz"]), quat, atol=1e-6, rtol=0)


def test_velocity_and_spin_are_in_the_palms_axes(stirred):
    env, found = stirred
    model = env.sim.model
    for world in range(3):
        data = look(env.sim, world)
        velocity = np.zeros(6)
        mujoco.mj_objectVelocity(
            model, data, mujoco.mjtObj.mjOBJ_XBODY, model.body("object").id, velocity, 0
        )
        np.testing.assert_allclose(found["critic"]["object_spin"][world], velocity[:3], atol=1e-5)
        np.testing.assert_allclose(
            found["critic"]["object_velocity"][world], velocity[3:], atol=1e-5
        )


def test_an_observation_does_not_change_after_it_was_given(build, wander, ranges):
    terms = tuple(term.name for term in O.BUILT_IN if term.name not in LACKING)
    env = build(num_worlds=4, randomization=ranges, critic_terms=terms)
    given, _ = env.reset(seed=0)
    kept = {name: value.clone() for name, value in given["critic"].items()}
    env.sim.state("qpos")[:2, -5] = -1.0  # two fall, and start anew with other worlds and goals
    env.step(wander(4, 1)[0])
    env.reset()
    for name, value in kept.items():
        assert torch.equal(given["critic"][name], value), name


def noise(strength, count=20_000, seed=0):
    found = SensorNoise(count, noise_sizes(SHADOW_RIGHT, 0, False), Draws(seed))
    found.level[:, 0] = strength
    found.reset(torch.arange(count))
    return found


@pytest.mark.parametrize("strength", [0.0, 1.0, 2.0])
def test_noise_has_its_spread_per_episode_and_per_step(strength):
    found = noise(strength)
    true = {
        "joint_position": torch.zeros(20_000, 24),
        "object_position": torch.zeros(20_000, 3),
        "object_wxyz": torch.tensor([[1.0, 0.0, 0.0, 0.0]]).repeat(20_000, 1),
        "target": torch.ones(20_000, 20),
    }
    first, second = (found(true, slice(None)) for _ in range(2))
    assert first["target"] is true["target"]  # what the robot itself sets is known
    for name in ("joint_position", "object_position"):
        whole = strength * math.hypot(EPISODE_STD[name], STEP_STD[name])
        step = strength * math.sqrt(2) * STEP_STD[name]
        assert first[name].std().item() == pytest.approx(whole, rel=0.02, abs=1e-9)
        assert (first[name] - second[name]).std().item() == pytest.approx(step, rel=0.02, abs=1e-9)
    turn = R.to_rotvec(first["object_wxyz"])
    whole = strength * math.hypot(EPISODE_STD["object_wxyz"], STEP_STD["object_wxyz"])
    assert turn.std().item() == pytest.approx(whole, rel=0.02, abs=1e-6)
    torch.testing.assert_close(first["object_wxyz"].norm(dim=-1), torch.ones(20_000))


def test_noise_is_a_strength_of_each_world():
    found = noise(0.0, count=2)
    found.level[1, 0] = 3.0
    found.reset(torch.arange(2))
    true = {"object_position": torch.zeros(2, 3)}
    noisy = found(true, slice(None))["object_position"]
    assert not noisy[0].any() and noisy[1].abs().min() > 0
    one = found({"object_position": torch.zeros(1, 3)}, torch.tensor([0]))
    assert torch.equal(one["object_position"], torch.zeros(1, 3))


def test_the_actor_sees_noise_and_the_critic_the_truth(build):
    terms = ("object_position", "joint_position", "object_wxyz")
    env = build(
        actor_terms=terms, critic_terms=terms, randomization={"observation.noise": (2.0, 2.0)}
    )
    found, _ = env.reset(seed=0)
    true = env.sim.state("qpos")[:, -7:-4].float()
    assert torch.equal(found["critic"]["object_position"], true)
    gap = (found["actor"]["object_position"] - true).abs()
    assert gap.min() > 0 and gap.max() < 0.1
    assert not torch.equal(found["actor"]["joint_position"], found["critic"]["joint_position"])


def test_a_fresh_world_has_no_motion():
    memory = PoseMemory(2)
    seen = sensors(2)
    for name in ("previous_object_position", "previous_object_wxyz"):
        del seen[name]
    extended = memory.extend(seen, slice(None), remember=True)
    assert O.object_motion(extended).abs().max() < 1e-2
    moved = dict(seen, object_position=seen["object_position"] + 1.0)
    assert torch.equal(
        memory.extend(moved, slice(None), remember=False)["previous_object_position"],
        seen["object_position"],
    )
    memory.fresh[1] = True
    motion = O.object_motion(memory.extend(moved, slice(None), remember=True))[:, :3]
    torch.testing.assert_close(motion, torch.tensor([[10.0] * 3, [0.0] * 3]))
