"""Hands by name, and one of another package with sixteen joints through its entry point."""

import json
import os
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest

from sleight.contract.bundle import HandEntry
from sleight.deploy.drivers.driver_registry import BUILT_IN, HandConfig, available, open_hand
from sleight.deploy.drivers.wire_driver import RigDriver
from sleight.deploy.hand.gate import GateConfig
from sleight.deploy.hand.guard import GuardedHand
from sleight.errors import ConfigError, ConnectError
from tests.deploy.conftest import QUICK, ROOT, address, cleared, make_bundle

LEAP = ROOT / "examples" / "leap_hand"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The example, installed as a lab would do it, but for the network."""
    place = tmp_path_factory.mktemp("site")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation",
         "--no-index", "--disable-pip-version-check", "--target", place, copy_of(LEAP, place)],
        check=True, timeout=300,
    )  # fmt: skip
    return place


def copy_of(folder, place):
    """pip builds in the folder that it is given."""
    ignore = shutil.ignore_patterns("build", "*.egg-info", "__pycache__")
    return shutil.copytree(folder, place.parent / "leap_source", ignore=ignore)


@pytest.fixture
def leap(site, monkeypatch):
    monkeypatch.syspath_prepend(site)
    hands = []

    def begin(**options):
        hands.append(open_hand(HandConfig(driver="leap", options=options)))
        return hands[-1]

    yield begin
    for hand in hands:
        hand.close(5.0)


def test_the_usual_hand_is_the_one_behind_the_wire():
    assert isinstance(open_hand(HandConfig()), RigDriver)
    assert set(BUILT_IN) == {"rig", "ros1", "ros2"}


@pytest.mark.parametrize(
    ("config", "line"),
    [
        ({"driver": "ros3"}, "hand.driver: got ros3, did you mean 'ros"),
        ({"driver": "ros1", "prefix": "xx_"}, "hand.prefix: got 'xx_', allowed: rh_, lh_"),
        ({"secret": "nowhere"}, "nowhere: the secret cannot be read"),
        ({"driver": "ros2", "options": {"domain": "-1"}}, "options.domain: got '-1', allowed: 0"),
        ({"driver": "ros2", "options": {"domian": "1"}}, "unknown 'domian', did you mean 'domain'"),
    ],
)
def test_a_hand_that_does_not_exist_is_one_line(config, line):
    with pytest.raises(ConfigError, match=line) as caught:
        open_hand(HandConfig(**config))
    assert "\n" not in str(caught.value)


def test_another_package_adds_a_hand_and_does_not_replace_ours(leap):
    assert set(available()) == {*BUILT_IN, "leap"}
    leap()


def test_a_package_that_cannot_be_loaded_is_one_line(site, tmp_path, monkeypatch):
    info = tmp_path / "broken-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[sleight.hands]\nbroken = no_such_module:open\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match="hand.driver: broken cannot be loaded: No module named"):
        open_hand(HandConfig(driver="broken"))


def test_sixteen_joints_behind_the_gate(leap):
    driver = leap()
    hand = GuardedHand(driver, GateConfig(), 0.08)
    hand.connect(10.0)
    assert hand.simulated
    assert hand.spec.lower.shape == (16,)
    hand.arm()
    began = hand.read(5.0).position
    target = hand.spec.home + 0.3
    for _ in range(12):
        applied = hand.command(target, hand.read(5.0))
        time.sleep(0.08)
    np.testing.assert_allclose(applied.target, target, atol=1e-6)
    moved = hand.read(5.0).position - began
    assert np.all(moved > 0.1)
    hand.stop("enough")
    assert driver.health().mode == "stopped"


def test_a_hand_that_is_not_whole_is_not_connected(leap):
    with pytest.raises(ConnectError, match="LEAP hand: got 15 servos, allowed: 16"):
        leap(servos="15").connect(5.0)
    with pytest.raises(ConfigError, match=r"hand.options: unknown 'servo', did you mean 'servos'"):
        leap(servo="15")


def test_a_bundle_for_sixteen_joints_runs_trials(leap, site, rig, tmp_path):
    """`sleight rig run` as a lab would call it; the referee of the simulated rig tells the pose."""
    spec = leap().spec
    task = make_bundle(tmp_path / "bundle", hand=HandEntry.of(spec))
    rig.free()
    words = (str(task), "--hand.driver", "leap", *address(rig.referee, "referee"),
             "--log.dir", str(tmp_path / "runs"), "--trials", "1", *QUICK)  # fmt: skip
    cleared(words)
    command = [sys.executable, "-m", "sleight", "rig", "run", *words, "--yes-sim"]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(site)}, timeout=300,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "runs").glob("rig-*")
    result = json.loads((folder / "result.json").read_text())
    assert result["hand"] == {"name": "leap_hand_right", "simulated": True}
    assert result["complete"] == 1
