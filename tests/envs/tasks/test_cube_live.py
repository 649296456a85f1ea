"""`cube-live`: a cube with one live axis is a full cube, whichever axis that is."""

import math

import numpy as np
import pytest
import torch

from sleight.envs.config import EnvConfig, ResetConfig
from sleight.envs.cube.cube_geometry import AXES, FACES, NORMALS
from sleight.envs.cube.cube_state import SOLVED
from sleight.envs.cube.cubelets import matrices_of
from sleight.envs.make import make_env
from sleight.envs.mdp import rotations as R
from sleight.envs.sim.draws import Draws
from sleight.envs.snapshot import forgotten
from sleight.envs.tasks.cubes.cube_goals import straight, wrapped
from sleight.envs.tasks.cubes.live_axis import LiveAxis, chosen_axis, layer_torques

QUARTER = math.pi / 2


def axis_of(live, world, face):
    """The axis of the middle layer along which a face of the cube is."""
    normal = R.rotate(live.label[world], torch.tensor(NORMALS[face], dtype=torch.float32))
    return int(normal.abs().argmax())


def test_any_sequence_of_turns_gives_the_angles_of_the_puzzle():
    live, rng = LiveAxis(1, torch.device("cpu")), np.random.default_rng(0)
    world, state = torch.tensor([0]), SOLVED
    body, layers = R.random_rotation(1, Draws(1)), torch.zeros(1, 2)
    core = body.clone()
    for _ in range(200):
        face, quarters = int(rng.integers(6)), int(rng.choice((-1, 1, 2)))
        if (axis := axis_of(live, 0, face)) != 2:
            own = {"wxyz": body, "layers": layers, "spin": torch.zeros(1, 3)}
            moved = live.move(own, world, torch.tensor([axis]))
            body, layers = moved["wxyz"], moved["layers"]
        assert axis_of(live, 0, face) == 2
        # One layer of the two is this face: turning it changes no other angle.
        amounts = live.faces(torch.eye(2), torch.tensor([0, 0]))
        layer = int(amounts[:, face].abs().argmax())
        # A quarter about the outward normal is this much about the face's positive axis.
        about = quarters * QUARTER * int(NORMALS[face].sum())
        layers[0, layer] += about * float(amounts[layer, face])
        state = state.turn(FACES[face], quarters)
        wxyz, joints = live.whole(body, layers, world)
        expected = torch.tensor(state.joint_angles_rad, dtype=torch.float32)
        assert wrapped(joints[0] - expected).abs().max() < 1e-3
        assert R.distance(wxyz, core).item() < 1e-3, "the cube itself does not move"


def test_a_change_of_axis_keeps_the_angular_velocity():
    live = LiveAxis(3, torch.device("cpu"))
    rng = Draws(2)
    own = {"wxyz": R.random_rotation(3, rng), "spin": rng.normal(3, 3), "layers": torch.zeros(3, 2)}
    moved = live.move(own, torch.arange(3), torch.tensor([0, 1, 0]))
    for before, after in ((own, moved),):
        torch.testing.assert_close(
            R.rotate(before["wxyz"], before["spin"]), R.rotate(after["wxyz"], after["spin"])
        )


def test_another_axis_turns_only_where_the_layers_are_straight_and_friction_is_exceeded():
    torque = torch.tensor([[0.01, 0.0, 0.0], [0.0, 0.02, 0.01], [0.01, 0.0, 0.02]]).repeat(2, 1)
    layers = torch.tensor([[0.05, QUARTER]] * 3 + [[0.3, 0.0]] * 3)
    axis = chosen_axis(torque, layers, torch.full((6,), 0.005))
    assert axis.tolist() == [0, 1, 2, 2, 2, 2]
    assert chosen_axis(torque, layers, torch.full((6,), 0.05)).tolist() == [2] * 6


@pytest.fixture(scope="module")
def env():
    return make_env(
        EnvConfig(task="cube-live", num_worlds=24, threads=1, resets=ResetConfig(cache=24)), seed=3
    )


def test_the_touch_sensor_feels_the_cubes_weight_and_its_torques(env):
    env.reset(seed=1)
    still = torch.zeros(24, len(env.hand.actuators))
    for _ in range(5):
        env.step(still)
    task, layout = env.task, env.sim.layout
    touch = env.sim.output("sensordata")[:, task._touch].unflatten(-1, (12, 4, 3)).float()
    force, _, normal, tangent = touch.unbind(-2)
    across = torch.linalg.cross(normal, tangent)
    total = (force[..., :1] * normal + force[..., 1:2] * tangent + force[..., 2:] * across).sum(1)
    weight = float(env.sim.model.body_subtreemass[layout.object_body]) * 9.81
    assert total[:, 2].median() == pytest.approx(-weight, rel=0.05)
    qpos = env.sim.state("qpos").float()
    whole = layer_torques(
        env.sim.output("sensordata")[:, task._touch].float(),
        qpos[:, layout.position], qpos[:, layout.rotation], torch.full((24,), -1.0),
    )  # fmt: skip
    # Every contact counts as one of both layers: the whole torque about the cube's centre.
    place = touch[..., 1, :] - qpos[:, None, layout.position]
    forces = force[..., :1] * normal + force[..., 1:2] * tangent + force[..., 2:] * across
    world = torch.linalg.cross(place, forces).sum(dim=1)
    own = R.rotate(R.conjugate(qpos[:, layout.rotation]), world).abs()
    torch.testing.assert_close(whole, own, atol=1e-4, rtol=1e-3)


def test_all_axes_come_to_turn_and_a_relabelling_shows_in_no_sensor(env):
    env.reset(seed=2)
    rng, axes, jumps = Draws(5), set(), []
    for _ in range(40):
        label, before = env.task.label.clone(), env.task.pose(slice(None))
        env.task._follow_touch()
        after = env.task.pose(slice(None))
        changed = (label != env.task.label).any(dim=-1)
        away = wrapped(after["object_joints"] - before["object_joints"]).abs()
        assert away.max() < 0.1001 and not away[~changed].any()
        jumps.append(R.distance(before["object_wxyz"], after["object_wxyz"]).max())
        env.step(0.7 * rng.normal(24, len(env.hand.actuators)).clamp(-1, 1))
        joints = env.task.pose(slice(None))["object_joints"]
        partway = (joints - straight(joints)).abs() > 0.12
        axes |= {int(AXES[face]) for face in partway.any(dim=0).nonzero().squeeze(-1)}
        # Faces of one axis only are partway.
        moved = torch.stack([partway[:, torch.tensor(axis == AXES)].any(1) for axis in range(3)])
        assert moved.sum(dim=0).max() <= 1
    assert axes == {0, 1, 2} and max(jumps) < 2e-3
    assert not forgotten(env)
    assert np.isfinite(matrices_of(env.task.pose(slice(None))["object_wxyz"].numpy())).all()


def test_a_side_face_that_turned_along_costs_progress_and_moves_the_goal(env):
    env.reset(seed=4)
    task = env.task
    before = task.parts[:, 1].clone()
    up = task.law._layers[task.law.prepare(task.pose(slice(None))).level.face]
    side = (up + 1) % 6  # faces next to each other in U R F D L B are neighbours
    task.live.turned[torch.arange(24), side] += QUARTER
    outcome = task.judge()
    assert not outcome.success.any()
    assert (task.progress[:, 1] < -0.5).all(), "the turn has cost"
    torch.testing.assert_close(task.parts[:, 1], before, atol=1e-3, rtol=0)
    task.judge()
    assert task.progress.abs().max() < 1e-3, "and moving the goal earns nothing"


def test_the_face_on_top_stays_to_be_turned_back(env):
    env.reset(seed=5)
    task = env.task
    pose, goal = task.pose(slice(None)), task.goals(slice(None))
    level = task.law.prepare(pose).level
    goal["goal_wxyz"], up = level.wxyz, task.law._layers[level.face]
    pose["object_joints"] = goal["goal_joints"].clone()
    pose["object_joints"][torch.arange(24), up] += QUARTER
    assert not task.law.given_up(pose, goal).any()
