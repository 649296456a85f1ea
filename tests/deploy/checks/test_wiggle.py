"""Every motor a little and back: what is asked for, and what is made of how the joints follow."""

from dataclasses import replace

import numpy as np
import pytest

from sleight.cli import main
from sleight.contract.recording import Recording
from sleight.deploy.calibration.board_config import CalibrateConfig
from sleight.deploy.calibration.excitation import ExcitationConfig, WiggleConfig
from sleight.deploy.checks.wiggle import judge, wiggle
from sleight.deploy.hand.gate import GateConfig, Limits
from sleight.deploy.rig_file import RigConfig
from sleight.envs.hands.shadow import SHADOW_RIGHT as HAND
from sleight.errors import ConfigError
from tests.deploy.conftest import QUICK, collisions

ASKED = WiggleConfig()
TARGETS = wiggle(RigConfig(), HAND)
FFJ3, MFJ3, FFJ0 = (HAND.actuators.index(name) for name in ("FFJ3", "MFJ3", "FFJ0"))


def recorded(matrix):
    """The recording of a hand whose motors, (A,) rad from rest, are `matrix` @ what was asked."""
    rest = TARGETS[0]
    home = rest - 0.3 * np.linspace(1.0, 0.0, 10)[:, None]  # the way from wherever it was
    targets = np.concatenate((home, TARGETS))
    angles = HAND.joint_target(rest + (targets - rest) @ np.asarray(matrix).T)
    times = 0.08 * np.arange(len(targets))
    return Recording("a test", 0.08, times, targets, times, angles, None)


def verdicts(matrix):
    found = [judge([recorded(matrix)], HAND, motor, ASKED) for motor in range(20)]
    return {finding.name: finding.text for finding in found if not finding.ok}


def test_one_motor_at_a_time_within_the_gate():
    limits = Limits.of(HAND, GateConfig())
    assert (limits.lower_rad <= TARGETS).all() and (limits.upper_rad >= TARGETS).all()
    away = np.abs(TARGETS - TARGETS[0])
    assert ((away > 1e-9).sum(axis=1) <= 2).all(), "at most one leaves while another comes back"
    np.testing.assert_allclose(away.max(axis=0), ASKED.by_rad)
    assert (TARGETS[-1] == TARGETS[0]).all()


def test_only_two_fingers_touch_a_neighbour():
    touching = collisions(np.unique(TARGETS, axis=0))
    moved = np.flatnonzero((np.abs(touching - TARGETS[0]) > 0).any(axis=0))
    assert {HAND.actuators[i] for i in moved} == {"MFJ4", "RFJ4"}


def test_a_hand_that_follows_with_lost_motion_is_well():
    assert verdicts(np.eye(20)) == {}
    assert verdicts(0.4 * np.eye(20)) == {}


def test_a_sign_an_order_and_a_dead_motor_are_named():
    reversed_ = np.eye(20)
    reversed_[FFJ3, FFJ3] = -0.9
    assert list(verdicts(reversed_)) == ["FFJ3"]
    assert "moved by -0.135, allowed: the same direction" in verdicts(reversed_)["FFJ3"]
    swapped = np.eye(20)
    swapped[[FFJ3, MFJ3]] = swapped[[MFJ3, FFJ3]]
    assert list(verdicts(swapped)) == ["FFJ3", "MFJ3"]
    assert verdicts(swapped)["FFJ3"].endswith("instead MFJ3 by +0.150")
    dead = np.eye(20)
    dead[FFJ0, FFJ0] = 0.1
    assert "moved by +0.015, allowed: 0.25 of it or more" in verdicts(dead)["FFJ0"]
    tied = np.eye(20)
    tied[MFJ3, FFJ3] = 0.5
    assert verdicts(tied)["FFJ3"].endswith("allowed: alone; with it MFJ3 by +0.075")


def test_a_move_that_a_hold_cut_is_looked_for_elsewhere():
    whole = recorded(np.eye(20))
    late = len(TARGETS) // 2
    parts = [
        replace(whole, **{name: getattr(whole, name)[part] for name in
                          ("command_s", "target", "state_s", "position")})
        for part in (slice(0, late), slice(late, None))
    ]  # fmt: skip
    found = [judge(parts, HAND, motor, ASKED) for motor in range(20)]
    assert sum(finding.ok for finding in found) >= 18
    assert all(finding.ok or "a hold in every move" in finding.text for finding in found)


def test_slow_turns_are_enough_of_them():
    config = CalibrateConfig(joints=ExcitationConfig(period_s=0.5))
    targets = wiggle(RigConfig(calibrate=config), HAND)
    times = 0.5 * np.arange(len(targets))
    recording = Recording("a test", 0.5, times, targets, times, HAND.joint_target(targets), None)
    assert all(judge([recording], HAND, motor, ASKED).ok for motor in range(20))


def test_a_motor_without_room_is_refused():
    config = CalibrateConfig(wiggle=WiggleConfig(by_rad=0.4))
    with pytest.raises(ConfigError) as caught:
        wiggle(RigConfig(calibrate=config), HAND)
    assert "by_rad: got 0.4, allowed: up to 0." in str(caught.value)


@pytest.mark.slow
def test_a_joint_that_is_stuck_is_found_on_a_rig(new_rig, tmp_path, capsys):
    rig = new_rig("--faults", "[{kind: stuck_joint, after_s: 0.0, name: FFJ3}]")
    words = (*rig.flags(), "--log.dir", str(tmp_path / "runs"), *QUICK, "--yes-sim")
    assert main(["rig", "wiggle", *words, "--calibrate.wiggle.hold_s", "0.5"]) == 2
    out, err = capsys.readouterr()
    found = [line.split(maxsplit=2) for line in out.splitlines()[-20:]]
    assert [name for _, name, _ in found] == list(HAND.actuators)
    seen = {name: mark for mark, name, text in found if "a hold in every move" not in text}
    assert len(seen) > 10, "a busy machine may hold now and then"
    assert [name for name, mark in seen.items() if mark == "FAIL"] == ["FFJ3"]
    assert err.splitlines()[-1].startswith("error: sim: ")


def test_nobody_arms_it_by_accident(rig, tmp_path, capsys):
    assert main(["rig", "wiggle", *rig.flags(), "--log.dir", str(tmp_path), *QUICK]) == 2
    assert "arming: got no terminal to type the rig's name on" in capsys.readouterr().err
