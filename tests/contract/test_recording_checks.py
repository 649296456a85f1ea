"""A recording that cannot be one of its hand is refused in a line that names the likely mistake."""

from dataclasses import replace

import numpy as np
import pytest

from sleight.cli import main
from sleight.contract.recording import Recording, write_csv
from sleight.contract.recording_checks import check_recording
from sleight.envs.hands.shadow import SHADOW_RIGHT as HAND
from sleight.errors import DataError

TURNS = 400


def following(amplitude=0.25, lag_turns=1):
    """Joints that follow slow sines of every motor, with a lag and a little noise."""
    rng = np.random.default_rng(0)
    times_s = 0.08 * np.arange(TURNS)
    middle, reach = (HAND.lower + HAND.upper) / 2, amplitude * (HAND.upper - HAND.lower)
    rates = 2 * np.pi * (0.1 + 0.02 * np.arange(20))
    target = middle + reach * np.sin(rates * times_s[:, None])
    late = np.vstack([np.repeat(target[:1], lag_turns, axis=0), target[:-lag_turns]])
    position = np.array([HAND.joint_target(row) for row in late])
    position += rng.normal(0, 0.002, position.shape)
    return Recording("made.csv", 0.08, times_s, target, times_s, position)


def changed(**columns):
    """`following` with some joints or motors multiplied, by name."""
    whole = following()
    position, target = whole.position.copy(), whole.target.copy()
    for name, factor in columns.items():
        if name in HAND.joints:
            position[:, HAND.joints.index(name)] *= factor
        else:
            target[:, HAND.actuators.index(name)] *= factor
    return replace(whole, position=position, target=target)


@pytest.mark.parametrize("amplitude", [0.05, 0.25, 0.45])
@pytest.mark.parametrize("lag_turns", [1, 3])
def test_a_hand_that_follows_is_accepted(amplitude, lag_turns):
    check_recording(following(amplitude, lag_turns), HAND)


def test_a_clock_of_the_world_and_a_motor_that_stands_still_are_accepted():
    whole = following()
    later = replace(whole, command_s=whole.command_s + 1.75e9, state_s=whole.state_s + 1.75e9)
    check_recording(later, HAND)
    target, position = whole.target.copy(), whole.position.copy()
    target[:, 5], position[:, HAND.coupling[5] > 0] = target[0, 5], 0.1
    check_recording(replace(whole, target=target, position=position), HAND)


WHOLE = following()
DEGREE = 180 / np.pi
MISTAKES = {
    "degrees": (
        replace(WHOLE, position=DEGREE * WHOLE.position, target=DEGREE * WHOLE.target),
        r"position.\w+: got .*, allowed: .* rad; they look like degrees, not rad",
    ),
    "positions in degrees": (
        replace(WHOLE, position=DEGREE * WHOLE.position),
        r"position.\w+: got .* rad; they look like degrees, not rad",
    ),
    "targets in degrees": (
        replace(WHOLE, target=DEGREE * WHOLE.target),
        r"target.\w+: got .* rad; they look like degrees, not rad",
    ),
    "milliradians": (
        replace(WHOLE, position=1e3 * WHOLE.position, target=1e3 * WHOLE.target),
        r"position.\w+: got .* rad; they look like milliradians, not rad",
    ),
    "milliseconds": (
        replace(WHOLE, command_s=1e3 * WHOLE.command_s, state_s=1e3 * WHOLE.state_s),
        r"command_s: got turns of 80 s .*; they look like milliseconds, not s",
    ),
    "nanoseconds": (
        replace(WHOLE, command_s=1e9 * WHOLE.command_s, state_s=1e9 * WHOLE.state_s),
        r"command_s: got turns of 8e\+07 s .*; they look like nanoseconds, not s",
    ),
    "states in milliseconds": (
        replace(WHOLE, state_s=1e3 * WHOLE.state_s),
        r"state_s: got turns of 80 s .*; they look like milliseconds, not s",
    ),
    "two clocks": (
        replace(WHOLE, command_s=WHOLE.command_s + 1.75e9),
        r"command_s: got times 1.75e\+09 s from those of the angles, .*, on the same clock",
    ),
    "a joint's sign": (
        changed(WRJ1=-1.0),
        r"position.WRJ1: got angles that move against target.WRJ1 .* looks turned",
    ),
    "a motor's sign": (
        changed(FFJ4=-1.0),
        r"position.FFJ4: got angles that move against target.FFJ4 .* looks turned",
    ),
    "nothing moves": (
        replace(WHOLE, position=0 * WHOLE.position, target=0 * WHOLE.target + 0.3),
        r"got targets and angles that do not move",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named(mistake):
    recording, line = MISTAKES[mistake]
    with pytest.raises(DataError, match=rf"^made.csv: {line}") as caught:
        check_recording(recording, HAND)
    assert "\n" not in str(caught.value)


def test_small_motions_in_degrees_beside_targets_in_radians_are_found():
    """Half a degree of motion about zero lies within the limits of a hand in radians."""
    small = following(amplitude=0.004)
    middle = (HAND.joint_lower + HAND.joint_upper) / 2
    position = middle + DEGREE * (small.position - small.position.mean(axis=0))
    with pytest.raises(DataError, match="allowed: rad in both; position looks like degrees"):
        check_recording(replace(small, position=position), HAND)


@pytest.mark.parametrize("name", ["JOINTS.CSV", "joints.tsv", "joints.txt"])
def test_the_command_refuses_it_before_it_fits_and_writes_nothing(name, tmp_path, capsys):
    path = tmp_path / name
    path.write_text(write_csv(MISTAKES["degrees"][0], HAND))
    out = tmp_path / "out.yaml"
    assert main(["calibrate", str(path), "--out", str(out)]) == 2
    assert main(["calibrate", str(path), "--csv", str(tmp_path / "copy.csv")]) == 2
    err = capsys.readouterr().err
    assert err.count("they look like degrees, not rad") == 2
    assert sorted(file.name for file in tmp_path.iterdir()) == [name]
