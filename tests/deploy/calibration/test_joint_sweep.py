"""The sweep of the joints: what it asks for, and a recording of it behind the gate."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sleight.cli import main
from sleight.deploy.calibration.excitation import ExcitationConfig, excitation
from sleight.deploy.calibration.joint_sweep import Sweep
from sleight.deploy.calibration.log_recording import recordings_of
from sleight.deploy.hand.gate import GateConfig, Limits
from sleight.envs.hands.shadow import SHADOW_RIGHT as HAND
from sleight.errors import ConfigError, DataError
from tests.deploy.conftest import QUICK, collisions

LIMITS = Limits.of(HAND, GateConfig())
ONE = '[["FFJ3", "-THJ1"]]'


def test_targets_keep_to_the_gate_and_move_one_group_at_a_time():
    config = ExcitationConfig()
    targets = excitation(HAND, config, LIMITS)
    assert targets.shape == (7 * 75, 20)
    assert (targets >= LIMITS.lower_rad).all() and (targets <= LIMITS.upper_rad).all()
    speed = np.abs(np.diff(targets, axis=0)) / config.period_s
    assert (speed.max(axis=0) <= config.speed * LIMITS.speed_rad_s + 1e-9).all()
    names = {word.lstrip("-") for group in config.groups for word in group}
    assert names == set(HAND.actuators)
    for number, group in enumerate(config.groups):
        part = targets[75 * number : 75 * (number + 1)]
        moved = {HAND.actuators[i] for i in np.flatnonzero(np.ptp(part, axis=0) > 0.02)}
        assert moved == {word.lstrip("-") for word in group}


def test_no_finger_meets_another():
    assert not collisions(excitation(HAND, ExcitationConfig(), LIMITS)[::2])


def test_a_late_turn_repeats_and_a_lost_one_is_gone():
    sweep = Sweep(np.arange(5.0)[:, None], period_s=0.1, home_s=0.2)
    asked = [sweep.target(None, None, np.array([-1.0]), 0.1, True)[0] for _ in range(4)]
    assert asked == [0, 0, 0, 1] and sweep.phase == "sweep"
    assert sweep.target(None, None, np.array([-1.0]), 0.1, False)[0] == -1.0
    assert sweep.target(None, None, np.array([-1.0]), 0.2, True)[0] == 3.0
    assert sweep.finished == 1 and sweep.done == 1.0


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"groups": (("FFJ9",),)}, "calibrate.joints: got 'FFJ9', did you mean 'FFJ"),
        ({"rest_rad": {"FFJ3": 1.6}}, "rest_rad: FFJ3: got 1.6, allowed: 0.020 to 1.551 rad"),
    ],
)
def test_what_the_hand_cannot_do_is_refused(changes, line):
    with pytest.raises(ConfigError) as caught:
        excitation(HAND, replace(ExcitationConfig(), **changes), LIMITS)
    assert line in str(caught.value)


def test_a_sweep_becomes_a_recording(rig, tmp_path, capsys):
    flags = ("--calibrate.joints.groups", ONE, "--calibrate.joints.group_s", "10")
    words = (*rig.flags(), "--log.dir", str(tmp_path / "runs"), *QUICK, *flags)
    assert main(["rig", "calibrate", "joints", *words, "--yes-sim"]) == 0
    place = Path(capsys.readouterr().out.splitlines()[-1])
    result = json.loads((place / "result.json").read_text())
    assert result["end"] == "done" and result["done"] == 1.0 and result["hand"]["simulated"]
    recording = max(recordings_of(place), key=lambda found: len(found.command_s))
    assert recording.effort.shape == recording.target.shape == (len(recording.command_s), 20)
    moved = np.ptp(recording.position, axis=0)
    assert moved[HAND.joints.index("FFJ3")] > 0.3 and moved[HAND.joints.index("RFJ3")] < 0.1
    # The angles were measured before the target that answers them was sent, but not long before.
    age_s = recording.command_s - recording.state_s
    assert (age_s > 0).all() and np.median(age_s) < 0.05
    assert np.median(np.diff(recording.command_s)) == pytest.approx(0.08, abs=0.01)


def test_nobody_arms_it_by_accident(rig, tmp_path, capsys):
    words = (*rig.flags(), "--log.dir", str(tmp_path), *QUICK)
    assert main(["rig", "calibrate", "joints", *words]) == 2
    assert "arming: got no terminal to type the rig's name on" in capsys.readouterr().err
    assert not list(tmp_path.glob("rig-*")), "nothing has run"


def test_the_log_of_nothing_is_refused(tmp_path):
    with pytest.raises(DataError, match="no such log"):
        recordings_of(tmp_path)
