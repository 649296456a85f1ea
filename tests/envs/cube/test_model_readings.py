"""The full cube of the simulation, as the puzzle reads it: same cubelets, faces and angles."""

import mujoco
import numpy as np
import pytest

from sleight.envs.cube.cube_geometry import AXES, FACES, NAMES, PLACES
from sleight.envs.cube.cube_state import SOLVED, random_turns
from sleight.envs.cube.cubelets import (
    place_cubelets,
    quaternions_of,
    read_cubelets,
    read_quaternions,
)
from sleight.envs.cube.notation import FaceTurn, apply_turns
from sleight.envs.objects.cubes import full_cube
from sleight.envs.objects.cubes.trials import NAME, RandomTurns, free_cube


@pytest.fixture(scope="module")
def cube():
    return free_cube("cube")


def rotations(model, data):
    """Rotations of the 26 cubelets relative to the core, (26, 3, 3)."""
    core = data.body(NAME).xmat.reshape(3, 3)
    return np.array([core.T @ data.body(f"{NAME}_{name}").xmat.reshape(3, 3) for name in NAMES])


def test_cubelets_and_faces_are_those_of_the_model(cube):
    assert full_cube.PLACES == PLACES
    assert "".join(full_cube.FACES) == FACES
    assert [name for name, _ in full_cube.cubelets(NAME)] == [f"{NAME}_{name}" for name in NAMES]
    for face, axis in zip(FACES, AXES, strict=True):
        assert cube.joint(f"{NAME}_{face}").axis == pytest.approx(np.eye(3)[axis])


def test_a_state_that_is_set_in_the_model_is_read_from_it(cube):
    data = mujoco.MjData(cube)
    rng = np.random.default_rng(0)
    for axis in range(3):
        state = apply_turns(FaceTurn(*turn) for turn in random_turns(rng, 30))
        partway = np.where(axis == AXES, rng.uniform(-0.7, 0.7, 6), 0.0)
        wxyz = quaternions_of(place_cubelets(state, partway)[0])
        angles = state.joint_angles_rad + partway
        core = rng.normal(size=4)
        data.qpos[3:7] = core / np.linalg.norm(core)
        for cubelet, name in enumerate(NAMES):
            joint = data.joint(f"{NAME}_{name}")
            joint.qpos[:] = angles[FACES.index(name)] if len(name) == 1 else wxyz[cubelet]
        mujoco.mj_kinematics(cube, data)
        reading = read_cubelets(rotations(cube, data))
        assert reading.state == state and reading.distance_rad < 1e-6
        assert np.allclose(np.exp(1j * reading.angles_rad), np.exp(1j * angles))


def test_a_cube_that_contacts_turn_is_read_as_the_state_that_it_was_turned_to(cube):
    """Quarter turns by torque at 0.5 to 8 rad/s, of a free and shaken core."""
    cubes = RandomTurns(cube, 4, seed=0)
    cubes.run(12)
    for physical, legal in zip(cubes.cubes.orientation(), cubes.cubes.legal, strict=True):
        reading = read_quaternions(physical)
        assert 0.0 < reading.distance_rad < np.radians(10)
        assert reading.state == read_quaternions(legal).state != SOLVED
