"""The driver `ros1`: targets reach the joints by name, and what does not fit is refused."""

import time

import numpy as np
import pytest

from sleight.envs.hands.shadow import SHADOW_RIGHT as HAND
from tests.deploy.ros1.world import JOINTS, MARKS, WAIT_S, inside, wait_for

pytestmark = MARKS


def test_trajectories_reach_the_joints_by_name_and_a_pair_gets_half_each(ros, new_driver):
    driver = new_driver(ros)
    target = np.array(driver.connect())
    target[HAND.actuators.index("FFJ0")] += 0.30
    target[HAND.actuators.index("THJ4")] += 0.10
    target[HAND.actuators.index("WRJ1")] -= 0.05
    before = ros.setpoint()
    assert "error" not in driver("command", inside(target), 0.08)
    moved = wait_for(lambda: ros.setpoint()["FFJ1"] - before["FFJ1"] > 0.1499 and ros.setpoint(),
                     "the hand was told nothing")  # fmt: skip
    wait_for(lambda: ros.setpoint()["WRJ1"] - before["WRJ1"] < -0.0499, "the wrist was not told")
    change = {joint: moved[joint] - before[joint] for joint in JOINTS}
    assert change["FFJ2"] == pytest.approx(0.15, abs=1e-4)
    assert change["THJ4"] == pytest.approx(0.10, abs=1e-4)
    assert change["MFJ1"] == pytest.approx(0.0, abs=1e-4)
    # The state comes back by name too, from another order: efforts are numbered in the hand's.
    state = driver("read", WAIT_S)
    assert state["effort"][HAND.actuators.index("FFJ4")] == JOINTS.index("FFJ4")
    assert state["effort"][HAND.actuators.index("LFJ0")] == JOINTS.index("LFJ2")


def test_relaxing_lowers_the_force_of_every_motor_and_arming_raises_it(ros, new_driver):
    driver = new_driver(ros)
    driver.connect()
    began_s = time.monotonic()

    def lowest():
        recent = [e for e in ros.events("force") if e["t"] > began_s]
        last = {e["motor"]: e["share"] for e in recent}
        return len(last) == 20 and max(last.values()) == pytest.approx(0.1) and last

    driver("relax")
    wait_for(lowest, "the force did not fade")
    driver("arm")

    def whole_again():
        driver("heartbeat")  # a silent client would be relaxed once more
        return ros.events("force")[-1]["share"] == 1.0

    wait_for(whole_again, "the force did not come back")


def test_positions_are_refused_while_a_trajectory_controller_runs(ros, new_driver):
    got = new_driver(ros, mode="position")("connect", WAIT_S)
    assert got["error"] == "ConnectError"
    assert "rh_trajectory_controller is running and would overwrite every position" in got["line"]


def test_positions_take_the_sum_of_a_pair(new_ros, new_driver):
    world = new_ros("--position")
    got = new_driver(world)("connect", WAIT_S)
    assert "mode trajectory needs rh_trajectory_controller running" in got["line"]
    driver = new_driver(world, mode="position")
    target = np.array(driver.connect())
    target[HAND.actuators.index("RFJ0")] = 0.6
    driver("command", inside(target), 0.08)
    wait_for(lambda: world.setpoint()["RFJ1"] == pytest.approx(0.3), "not told")
    assert world.setpoint()["RFJ2"] == pytest.approx(0.3)
    assert driver("hold")["took_s"] < WAIT_S


@pytest.mark.parametrize(
    ("config", "line"),
    [
        ({"port": 1}, "ROS master at http://127.0.0.1:1: cannot connect: Connection refused"),
        ({"prefix": "lh_"}, "joint states without lh_WRJ2, lh_WRJ1, lh_FFJ4 on /joint_states"),
    ],
)
def test_another_master_or_another_hand_is_one_line(ros, new_driver, config, line):
    got = new_driver(ros, **config)("connect", 5.0)
    assert got["error"] == "ConnectError"
    assert line in got["line"]
