"""The bridge on ROS 1: one client with a secret, a frozen hand, and `check` through it."""

import os
import re
import signal

import pytest

from sleight.cli import main
from sleight.deploy.hand.hand import NotArmed, StaleState
from sleight.envs.hands.shadow import SHADOW_RIGHT as HAND
from sleight.errors import ConnectError
from tests.deploy.conftest import QUICK
from tests.deploy.ros1.world import MARKS, MOTORS, WAIT_S, armed, commanded, inside, kill, wait_for

pytestmark = MARKS


def test_the_bridge_is_a_hand_behind_the_wire_with_a_secret_and_one_client(
    ros, new_bridge, tmp_path
):
    secret = tmp_path / "secret"
    secret.write_text("0123456789abcdef")
    secret.chmod(0o600)
    bridge = new_bridge(ros, "--host", "0.0.0.0", "--secret", str(secret))
    with pytest.raises(ConnectError, match="requires a secret"):
        bridge.driver()
    driver = bridge.driver(secret=secret)
    assert not driver.simulated
    assert driver.spec.actuators == HAND.actuators
    with pytest.raises(ConnectError, match="the hand is in use by 127"):
        bridge.driver(secret=secret)
    told = wait_for(lambda: driver.health().temperature_c, "no temperatures arrive")
    by_name = dict(zip(HAND.actuators, told, strict=True))
    assert by_name == {motor: 30.0 + place for place, motor in enumerate(MOTORS)}
    target = driver.arm().target
    target[HAND.actuators.index("LFJ3")] += 0.2
    before = ros.setpoint()["LFJ3"]
    wait_for(lambda: commanded(driver, inside(target)), "no command was acknowledged")
    wait_for(lambda: ros.setpoint()["LFJ3"] - before > 0.1999, "the hand was told nothing")
    driver.close(1.0)
    wait_for(lambda: bridge.events("relaxed"), "a hand without a client is not relaxed")


def test_the_bridge_says_that_its_hand_has_frozen_and_holds_it(new_ros, new_bridge):
    world = new_ros()
    bridge = new_bridge(world)
    driver = bridge.driver()
    driver.arm()
    os.killpg(world.hand.pid, signal.SIGSTOP)
    lost = wait_for(lambda: bridge.events("hand_lost"), "the bridge does not notice")[-1]
    assert lost["cause"].startswith("no joint states for")
    assert bridge.events("hold", "relaxed")
    with pytest.raises(StaleState):
        driver.read(0.05)
    with pytest.raises(NotArmed, match="no joint states for"):
        wait_for(driver.arm, "")
    os.killpg(world.hand.pid, signal.SIGCONT)
    wait_for(lambda: bridge.events("hand_found"), "the bridge does not find it again")
    kill(world.core)
    wait_for(lambda: armed(driver), "the master's death ended the link")
    driver.close(1.0)
    os.killpg(bridge.process.pid, signal.SIGTERM)
    assert bridge.process.wait(WAIT_S) == 130


def test_check_looks_at_the_hand_behind_the_bridge_and_moves_nothing(
    new_ros, new_bridge, bundle, rig, tmp_path, capsys
):
    world = new_ros()
    bridge = new_bridge(world)
    rig.free()
    words = (str(bundle), *rig.flags(f"127.0.0.1:{bridge.port}"), *QUICK,
             "--hand.timeout_s", "30", "--log.dir", str(tmp_path / "runs"))  # fmt: skip
    code = main(["rig", "check", *words])
    out = capsys.readouterr().out
    assert code == 0, out
    assert re.search(r"ok    hand +\S+, REAL, 24 joints", out)
    assert re.search(r"ok    names and limits +they match the policy", out)
    rate = re.search(r"ok    joint states +(\d+) Hz", out)
    assert 60 < int(rate.group(1)) < 140
    assert main(["rig", "run", *words, "--yes-sim"]) == 2
    assert "--yes-sim: got sim, a real hand, allowed: a simulated one" in capsys.readouterr().err
    os.killpg(world.hand.pid, signal.SIGSTOP)
    wait_for(lambda: bridge.events("hand_lost"), "the bridge does not notice")
    assert main(["rig", "check", *words]) != 0
    assert re.search(r"FAIL  (hand|joint states) ", capsys.readouterr().out)
    os.killpg(world.hand.pid, signal.SIGCONT)
    assert not bridge.events("armed", "command")
    assert not world.events("told")
