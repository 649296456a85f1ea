"""What leaves the referee of a rig that holds a cube: reports, late, noisy and wrapped."""

import time

import numpy as np
import pytest

from sleight.config import load
from sleight.deploy.cameras.pose_sources import Referee
from sleight.deploy.sim.plant import Plant
from sleight.deploy.sim.plant_config import PlantConfig, RigSimConfig, draw
from sleight.deploy.sim.smart_cube import SmartCube, SmartCubeConfig
from sleight.envs.cube.cubelets import read_quaternions
from sleight.envs.cube.notation import apply_turns, parse_moves
from sleight.envs.hands.shadow import SHADOW_RIGHT as HAND
from sleight.envs.objects.cubes.cube_parts import cubelet_rotations
from sleight.errors import SleightError

STATE_S = 0.008
QUICK = ("--plant.object", "cube", "--plant.timestep_s", "0.004")
MOVES = "L2 U R'"
ANGLES = apply_turns(parse_moves(MOVES).turns).joint_angles_rad


def heard(config, angles, count=2000, speed=1.0):
    """The reports that arrive, each once: (arrival, measurement, angles)."""
    cube, found = SmartCube(config, speed, np.random.default_rng(0)), []
    for k in range(count):
        now_s = 50.0 + k * STATE_S
        measured_s, report = cube.report(angles(now_s), now_s)
        if not found or measured_s > found[-1][1]:
            found.append((now_s, measured_s, report))
    return found


def still(now_s):
    return np.array([0.0, 0.5, -0.5, np.pi, 3.0, -9.0])


def test_reports_come_at_their_rate_and_late():
    found = heard(SmartCubeConfig(delay_s=0.03), still)
    measured = np.array([row[1] for row in found])
    np.testing.assert_allclose(np.diff(measured).mean(), 0.08, atol=1e-3)
    assert np.diff(measured).min() > 0.07
    late = np.array([arrived - at for arrived, at, _ in found[1:]])
    assert np.all((late > 0.03 - 1e-9) & (late < 0.03 + STATE_S + 1e-9))
    twice = heard(SmartCubeConfig(delay_s=0.03), still, speed=2.0)
    assert len(twice) == pytest.approx(2 * len(found), abs=2)


def test_reports_are_of_their_time_noisy_and_wrapped():
    exact = heard(SmartCubeConfig(noise_rad=0.0), lambda now_s: np.full(6, 3.0 * now_s))
    for _, measured_s, angles in exact:
        assert np.all((angles > -np.pi) & (angles <= np.pi))
        np.testing.assert_allclose(np.exp(1j * angles), np.exp(3j * measured_s), atol=1e-9)
    noisy = np.array([row[2] for row in heard(SmartCubeConfig(noise_rad=0.1), still)])
    errors = np.angle(np.exp(1j * (noisy - still(0))))
    np.testing.assert_allclose(errors.std(axis=0), 0.1, rtol=0.25)
    assert np.abs(errors.mean(axis=0)).max() < 0.03
    assert np.all((noisy > -np.pi) & (noisy <= np.pi))


def listen(rig, seconds):
    """Reports that a client of the referee gets after a placement, and poses it saw meanwhile."""
    referee, poses = Referee("127.0.0.1", rig.referee_port), set()
    referee.connect(30.0)
    referee.request_place()
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        pose = referee.newest(1.0)
        if pose is not None:
            poses.add(pose.wxyz.tobytes())
        time.sleep(0.002)
    reports = referee.joint_reports()
    assert referee.placed() and referee.joint_reports() == []
    referee.close(1.0)
    return reports, poses


def test_a_rig_with_a_scrambled_cube_reports_its_faces(new_rig):
    rig = new_rig(*QUICK, "--plant.scramble", MOVES)
    reports, poses = listen(rig, 4.0)
    gaps = np.diff([report.time_s for report in reports])
    assert np.median(gaps) == pytest.approx(0.08, abs=0.01)
    assert len(poses) > 1.5 * len(reports)  # the pose itself is as frequent as ever
    joints = np.array([report.joints for report in reports])
    assert np.all((joints > -np.pi) & (joints <= np.pi))
    away = np.angle(np.exp(1j * (joints - ANGLES)))
    assert np.abs(np.median(away, axis=0)).max() < 0.15
    assert 0.01 < away[-20:].std(axis=0).mean() < 0.06


def test_reports_stop_by_a_fault_and_true_angles_come_without_the_block(new_rig):
    true, _ = listen(new_rig(*QUICK, "--smart_cube", "null"), 2.0)
    assert np.median(np.diff([report.time_s for report in true])) < 0.03
    rig = new_rig(*QUICK, "--faults", "[{kind: angles_freeze, after_s: 0}]")
    driver = rig.driver()
    driver.arm()  # faults count from here
    reports, poses = listen(rig, 2.0)
    driver.close(1.0)
    assert len(reports) <= 2 and len(poses) > 20


def test_a_placed_cube_is_in_the_state_of_its_moves():
    config = PlantConfig(object="cube", scramble=MOVES)
    plant = Plant(HAND, config, draw(config, 20, 24, np.random.default_rng(0)))
    plant.place(np.random.default_rng(0))
    reading = read_quaternions(cubelet_rotations(plant.qpos[plant._layout.parts]))
    assert reading.state == apply_turns(parse_moves(MOVES).turns)


@pytest.mark.parametrize(("words", "line"), [
    (("cube", "U X R"), "plant: scramble: moves: move 2 at column 3: got 'X', allowed: U R F"),
    (("block", "U"), "scramble: got moves with the object block, allowed: with a cube whose six"),
    (("cube-hinges", "U"), "got moves with the object cube-hinges, allowed: with a cube whose cub"),
])  # fmt: skip
def test_moves_that_cannot_be_are_one_line(words, line):
    held, moves = words
    with pytest.raises(SleightError) as caught:
        config = load(RigSimConfig, None, ["--plant.object", held, "--plant.scramble", moves])
        Plant(HAND, config.plant, draw(config.plant, 20, 24, np.random.default_rng(0)))
    assert line in str(caught.value) and "\n" not in str(caught.value)
