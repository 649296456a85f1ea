"""A driver of sixteen joints from a package of its own: behind the gate, and as a lab calls it."""

import json
import sys
import time

import numpy as np
import pytest

from sleight.contract.manifest import HandEntry
from sleight.deploy.drivers.driver_registry import HandConfig
from sleight.deploy.hand.gate import GateConfig
from sleight.deploy.hand.guard import GuardedHand
from sleight.errors import ConfigError, ConnectError
from tests.deploy.conftest import QUICK, RigProcess, address, make_bundle
from tests.examples.conftest import ROOT


@pytest.fixture(scope="module")
def stranger(strangers):
    return strangers("leap_hand")


@pytest.fixture
def leap(monkeypatch):
    """leap(**options) -> the driver in this process, not connected; closed after the test."""
    monkeypatch.syspath_prepend(ROOT / "examples" / "leap_hand")
    for name in [name for name in sys.modules if name.startswith("sleight_leap")]:
        monkeypatch.delitem(sys.modules, name)
    from sleight_leap import open_hand

    hands = []

    def begin(**options):
        hands.append(open_hand(HandConfig(driver="leap", options=options)))
        return hands[-1]

    yield begin
    for hand in hands:
        hand.close(5.0)


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


def test_a_bundle_for_sixteen_joints_is_checked_and_runs_trials(stranger, leap, tmp_path):
    """As its README says; the referee of the simulated rig tells the object's pose."""
    bundle = make_bundle(tmp_path / "bundle", hand=HandEntry.of(leap().spec))
    rig = RigProcess(tmp_path)
    try:
        words = (bundle, "--hand.driver", "leap", *address(rig.referee, "referee"),
                 "--log.dir", tmp_path / "runs", *QUICK)  # fmt: skip
        stranger.run("rig", "check", *words)
        stranger.run("rig", "run", *words, "--trials", 1, "--yes-sim")
    finally:
        rig.end()
    (result,) = [json.loads(path.read_text()) for path in (tmp_path / "runs").glob("*/result.json")]
    assert result["hand"] == {"name": "leap_hand_right", "simulated": True}
    assert result["complete"] == 1


def test_a_name_that_is_nearly_its_own_is_one_line(stranger, leap, tmp_path):
    bundle = make_bundle(tmp_path / "bundle", hand=HandEntry.of(leap().spec))
    _, err = stranger.run("rig", "check", bundle, "--hand.driver", "laep", code=2)
    assert "hand.driver: got laep, did you mean 'leap'" in err and err.count("\n") == 1
