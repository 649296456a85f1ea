"""`cube-full`: terms under the cube's symmetry, scrambled starts, an oracle that follows plans."""

import math

import numpy as np
import pytest
import torch

from sleight.cli import main
from sleight.envs.config import EnvConfig, ResetConfig
from sleight.envs.cube.cube_geometry import FACES, NORMALS, SIDES
from sleight.envs.cube.cubelets import matrices_of, read_quaternions
from sleight.envs.cube.plan import Flip
from sleight.envs.make import make_env
from sleight.envs.mdp import rotations as R
from sleight.envs.objects.cubes.cube_parts import cubelet_rotations, parts_of
from sleight.envs.sim.draws import Draws
from sleight.envs.tasks.cubes import full_task
from sleight.envs.tasks.cubes.cube_goals import QUARTER
from sleight.envs.tasks.cubes.cube_terms import by_direction, turn_axis
from sleight.envs.tasks.cubes.full_task import FullConfig
from sleight.errors import SleightError

DIRECTIONS = np.array([[0, 0, 1], [0, 0, -1], [1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]])
RESETS = ResetConfig(cache=8, half_flipped=0.0)


def full(worlds=3, **fields):
    config = EnvConfig(task="cube-full", num_worlds=worlds, threads=1, resets=RESETS)
    return make_env(config.with_block(FullConfig(**fields)), seed=1)


def test_faces_are_ordered_by_where_they_are():
    rng = Draws(0)
    group = R.CUBE_GROUP[(24 * rng.uniform(400)).long()]
    lean = R.from_rotvec(0.5 * (2 * rng.uniform(400, 3) - 1))
    wxyz, angles = R.positive(R.multiply(lean, group)), rng.normal(400, 6)
    seen = by_direction(wxyz, angles).numpy()
    axis = turn_axis({"object_wxyz": wxyz, "object_joints": angles}).numpy()
    for core, joints, row, up in zip(matrices_of(wxyz.numpy()), angles.numpy(), seen, axis,
                                     strict=True):  # fmt: skip
        normals = (core @ NORMALS.T).T
        at = (DIRECTIONS @ normals.T).argmax(axis=1)
        assert sorted(at) == list(range(6))
        expected = SIDES[at] * joints[at]
        expected[1] *= -1
        np.testing.assert_allclose(row, expected, atol=1e-6)
        np.testing.assert_allclose(up, normals[at[0]], atol=1e-5)


def test_episodes_start_with_scrambled_cubes_that_are_straight():
    env = full(8)
    env.reset(seed=0)
    parts = env.sim.state("qpos")[:, env.sim.layout.parts].numpy()
    readings = [read_quaternions(wxyz) for wxyz in cubelet_rotations(parts)]
    assert all(reading.distance_rad < 1e-6 for reading in readings)
    assert len({reading.state for reading in readings}) > 1
    joints = env.task.pose(slice(None))["object_joints"].numpy()
    for reading, angles in zip(readings, joints, strict=True):
        np.testing.assert_allclose(np.cos(reading.angles_rad), np.cos(angles), atol=1e-6)


class Oracle:
    """Puts the cubes where their goals want them, in the air; now and then it errs."""

    def __init__(self, env, mistakes=0.0):
        self.env, self.mistakes, self.rng = env, mistakes, np.random.default_rng(5)
        self.states = {}

    def step(self):
        env, layout = self.env, self.env.sim.layout
        qpos = env.sim.state("qpos")
        goals = env.task.goals(slice(None))["goal_wxyz"]
        for world, trial in env.task.plans.trials.items():
            step = trial.follower.step
            state = step.state
            if not isinstance(step.move, Flip) and self.rng.random() < self.mistakes:
                other = FACES[(FACES.index(step.face_up) + 1) % 6]
                state = trial.follower.before.turn(other, 1)
            qpos[world, layout.parts] = torch.from_numpy(parts_of(state))
            qpos[world, layout.rotation] = goals[world].double()
            qpos[world, 2 + layout.position.start] = 0.3
        env.sim.state("qvel")[:, layout.object_dofs] = 0.0
        still = torch.zeros(env.num_envs, len(env.hand.actuators))
        return env.step(still)


@pytest.mark.parametrize(("fields", "mistakes"), [
    ({"scramble": "U R' F2"}, 0.0), ({"solve": "R U2"}, 0.0), ({"scramble": "U R' F2"}, 0.4),
])  # fmt: skip
def test_an_oracle_ends_a_plan_and_mends_what_went_wrong(fields, mistakes, monkeypatch):
    monkeypatch.setattr(full_task, "_MEASURE_STEPS", 1)  # it errs for one step only
    env = full(3, **fields)
    env.reset(seed=0)
    trials, oracle = dict(env.task.plans.trials), Oracle(env, mistakes)
    episodes = []
    for _ in range(120):
        episodes += oracle.step()[4]["episodes"]
        if len(env.task.plans.ended) == 3:
            break
    assert env.task.plans.ended == trials
    for trial in trials.values():
        assert trial.finished and trial.half and not trial.lost
        assert trial.best == trial.total == len(trial.plan.steps) > 2
        assert bool(trial.follower.wrong) == bool(mistakes)
        assert len(trial.moves) >= trial.total
        assert trial.follower.plan.end.same_stickers(trial.plan.end)
    assert [episode.dropped for episode in episodes[:3]] == [False] * 3


def test_a_plan_that_scrambles_starts_with_its_first_face_on_top():
    env = full(3, scramble="L2 U")
    env.reset(seed=0)
    for world, trial in env.task.plans.trials.items():
        core = matrices_of(env.task.pose(slice(None))["object_wxyz"][world].double().numpy())
        assert (core @ NORMALS.T)[2].argmax() == FACES.index("L")
        assert [step.face_up for step in trial.plan.steps] == ["L", "L", "U", "U"]
        goal = env.task.goals(slice(None))
        assert goal["goal_joints"][world].abs().sum().item() == pytest.approx(QUARTER)


def test_a_cube_that_came_apart_ends_its_trial():
    env = full(2, scramble="U")
    env.reset(seed=0)
    layout, trial = env.sim.layout, env.task.plans.trials[0]
    broken = torch.from_numpy(parts_of(trial.plan.start))
    broken[1:5] = torch.tensor([math.sqrt(0.5), math.sqrt(0.5), 0.0, 0.0]).double()
    still = torch.zeros(2, len(env.hand.actuators))
    for _ in range(140):
        env.sim.state("qpos")[0, layout.parts] = broken
        env.sim.state("qvel")[0, layout.object_dofs] = 0.0
        env.step(still)
        if 0 in env.task.plans.ended:
            break
    assert trial.lost and not trial.finished


@pytest.mark.parametrize(("fields", "said"), [
    ({"scramble": "U X"}, "X"), ({"scramble": "U", "solve": "U"}, "allowed: for one"),
    ({"scramble": "x y"}, "turns no face"), ({"solve": "U U'"}, "leaves a cube solved"),
    ({"scramble": "random", "solve": "random"}, "allowed: for one"),
])  # fmt: skip
def test_moves_that_are_none_are_one_line(fields, said):
    with pytest.raises(SleightError, match=said) as error:
        FullConfig(**fields)  # before any world is built
    assert "\n" not in str(error.value)


def test_a_plan_at_a_task_without_one_is_refused(capsys):
    assert main(["eval", "pretrained/block", "--trials", "2", "--scramble", "U"]) == 2
    assert "cube-full" in capsys.readouterr().err
