"""The driver `ros1` when the hand freezes, dies and comes back, or the master dies."""

import os
import signal

import numpy as np

from sleight.deploy.hand.hand import HandMode
from sleight.envs.hands.shadow import SHADOW_RIGHT as HAND
from tests.deploy.ros1.world import MARKS, WAIT_S, inside, kill, wait_for

pytestmark = MARKS


def test_a_hand_that_freezes_dies_and_comes_back(new_ros, new_driver):
    """Publishing tells nothing: only the age of the joint states does, and who listens."""
    world = new_ros()
    driver = new_driver(world)
    target = driver.connect()
    os.killpg(world.hand.pid, signal.SIGSTOP)
    wait_for(lambda: driver("read", 0.05).get("error") == "StaleState", "it is not stale")
    wait_for(lambda: driver("health")["mode"] == HandMode.HOLD, "it does not hold")
    # A slow consumer: what is sent to it neither blocks nor is it believed.
    got = driver("command", target, 0.08)
    assert got["error"] == "NotArmed"
    assert driver("hold").get("took_s", 0) < WAIT_S
    os.killpg(world.hand.pid, signal.SIGCONT)
    wait_for(lambda: "error" not in driver("read", 0.5), "it does not go on")
    wait_for(lambda: "error" not in driver("arm"), "it cannot be armed again")
    kill(world.hand)
    wait_for(lambda: driver("command", target, 0.08).get("error") == "NotArmed", "still armed")
    assert driver("arm")["error"] == "NotArmed"
    world.begin_hand()
    armed = wait_for(lambda: driver("arm").get("target"), "the new hand cannot be armed")
    # The new hand is at its start, where it is armed; the old target is not sent to it.
    start = HAND.control_position(np.full(24, 0.1))
    np.testing.assert_allclose(armed, inside(start), atol=0.02)


def test_the_masters_death_ends_nothing_but_new_acquaintances(new_ros, new_driver):
    world = new_ros()
    driver = new_driver(world)
    target = np.array(driver.connect())
    kill(world.core)
    before = world.setpoint()["MFJ3"]
    target[HAND.actuators.index("MFJ3")] += 0.1
    assert "error" not in driver("heartbeat")
    wait_for(lambda: "error" not in driver("arm"), "not armed")
    driver("command", inside(target), 0.08)
    wait_for(lambda: world.setpoint()["MFJ3"] - before > 0.0999, "the link did not live on")
    assert driver("close", 1.0)["took_s"] < WAIT_S
