"""The full cube under load: turns of a shaken cube, pushes, corner cutting, angle over time."""

import numpy as np
import pytest

from sleight.envs.objects.cubes.trials import RandomTurns, cutting, free_cube, pushes, turning
from sleight.envs.objects.cubes.turner import NORMALS, Cubes, Turn, about, multiply

EVEN_NM = 0.02


def test_a_few_turns_of_a_shaken_cube_arrive():
    trial = RandomTurns(free_cube("cube"), 3, seed=1)
    found = trial.run(6)
    assert (found.turns, found.lost, found.jams, found.broken) == (6, 0, 0, 0)
    assert 0.1 < found.bend_deg < 10.0 and found.rows > 72


def test_a_cubelet_out_of_place_is_lost_and_a_turned_face_is_not():
    cubes = Cubes(free_cube("cube"), 2)
    cubes.set_face(0, np.array([0.7, 0.7]))
    assert np.degrees(cubes.bend()).max() < 1e-6
    np.testing.assert_allclose(cubes.face_angles()[:, 0], 0.7)
    corner = cubes.model.joint("object_URF").qposadr[0]
    cubes.qpos[1, corner : corner + 4] = about(np.array((0.6, 0.8, 0)), np.array(0.5))
    assert np.degrees(cubes.bend())[1] > 20.0 > np.degrees(cubes.bend())[0]


def test_turns_are_kept_in_mind_as_permutations():
    """Six times (U then R then their inverses) is nothing; one time is not."""
    cubes = Cubes(free_cube("cube"), 1)
    start = cubes.legal.copy()

    def turn(face, quarter):
        inside = cubes.members(np.array([face]))
        assert inside.sum() == 9
        step = about(NORMALS[[face]], np.array([quarter * np.pi / 2]))
        cubes.legal[inside] = multiply(step[:, None], cubes.legal)[inside]

    for number in range(6):
        for face, quarter in ((0, 1), (1, 1), (0, -1), (1, -1)):
            turn(face, quarter)
        same = np.abs((cubes.legal * start).sum(axis=-1)) > 1 - 1e-9
        assert same.all() == (number == 5)


def test_forces_on_a_cube_add_up_to_nothing():
    cubes = Cubes(free_cube("cube"), 3)
    cubes.qpos[:, 3:7] = about(np.array((0.6, 0, 0.8)), np.array([0.1, 0.9, 2.0]))
    turn = Turn(np.array([0, 2, 4]), np.zeros(3))
    cubes.apply(turn, np.array([0.1, 0.05, 0.02]))
    np.testing.assert_allclose(cubes.xfrc.sum(axis=1), 0.0, atol=1e-12)
    cubes.hold_others(turn)
    np.testing.assert_allclose(cubes.xfrc.sum(axis=1), 0.0, atol=1e-12)


@pytest.mark.slow
def test_a_thousand_turns_of_a_shaken_cube_lose_nothing_and_hardly_jam():
    found = RandomTurns(free_cube("cube"), 50, seed=0).run(1000)
    assert found.turns >= 990 and found.lost == found.broken == 0
    assert found.jams < 0.01 * found.turns


@pytest.mark.slow
@pytest.mark.parametrize(("name", "largest_deg"), [("cube", 15.0), ("cube-stiff", 8.0)])
def test_sixty_pushes_bend_a_cube_and_leave_it_whole(name, largest_deg):
    bend_deg, left = pushes(free_cube(name), 60, seed=0)
    assert left == 0 and 1.0 < bend_deg < largest_deg


@pytest.mark.parametrize("torque", [EVEN_NM, 0.01])
def test_angles_over_time_are_those_of_the_stiff_reference(torque):
    coarse, fine = (turning(free_cube(name), torque) for name in ("cube", "cube-stiff"))
    count = min(len(coarse), len(fine))
    assert count > 20 and fine[count - 1] > 45.0
    assert np.abs(coarse[:count] - fine[:count]).max() < 1.0


@pytest.mark.slow
def test_a_face_turns_past_a_neighbour_that_is_not_straight():
    """Forward near a real speed cube's 45 degrees, reverse less; see `sleight bench cube`."""
    angles = np.radians([0.0, 20.0, 45.0, 55.0, -5.0, -15.0])
    weak, strong = (cutting(free_cube("cube"), torque, angles) for torque in (0.05, 0.15))
    assert weak.tolist() == [True, True, False, False, True, False]
    assert strong.tolist() == [True, True, True, False, True, False]
