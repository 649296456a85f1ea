"""`sleight rig wiggle`: moves each motor slightly and back, and checks that its own joints follow.

It reveals a wrong name, order or sign with a small motion of an empty hand, instead of under a
policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...contract.hand_spec import HandSpec
from ...contract.recording import Recording
from ...errors import ConfigError
from ..calibration.excitation import WiggleConfig, rest_pose, slowed
from ..calibration.log_recording import recordings_of
from ..hand.gate import Limits
from ..rig_file import RigConfig
from .rig_check import Finding

TURNS = 3
"""Number of control steps that are averaged for the position before and after a move; the hand has
at least twice as many to come to rest."""


def wiggle(config: RigConfig, spec: HandSpec) -> np.ndarray:
    """(T, A) targets [rad]: one motor after the other moves away from the rest pose and back.

    Raises ConfigError if a motor has too little room.
    """
    wiggle_config, joints = config.calibrate.wiggle, config.calibrate.joints
    limits = Limits.of(spec, config.gate)
    rest = rest_pose(spec, joints, limits)
    above, below = limits.upper_rad - rest, rest - limits.lower_rad
    tight = int(np.maximum(above, below).argmin())
    room = max(above[tight], below[tight])
    if room < wiggle_config.by_rad:
        raise ConfigError(
            f"calibrate.wiggle.by_rad: got {wiggle_config.by_rad:g}, allowed: up to {room:.3f} rad,"
            f" the room of {spec.actuators[tight]}"
        )
    fastest = joints.speed * limits.speed_rad_s * joints.period_s
    stay = max(round(wiggle_config.hold_s / joints.period_s), 2 * TURNS)
    turns = stay + int(np.ceil(wiggle_config.by_rad / fastest.min()))
    targets = np.tile(rest, ((2 * len(rest) + 1) * turns, 1))
    moves = np.where(above > below, wiggle_config.by_rad, -wiggle_config.by_rad)
    for motor, move in enumerate(moves):
        targets[(2 * motor + 1) * turns : (2 * motor + 2) * turns, motor] += move
    return slowed(targets, rest, fastest)


def followed(folder: Path, spec: HandSpec, config: WiggleConfig) -> list[Finding]:
    """The finding for each motor, from the log of the run in `folder`. Raises DataError."""
    recordings = recordings_of(folder, spec)
    return [judge(recordings, spec, motor, config) for motor in range(len(spec.actuators))]


def judge(
    recordings: Sequence[Recording], spec: HandSpec, motor: int, config: WiggleConfig
) -> Finding:
    """Whether `motor` (an index) moved only its own joints, in the commanded direction."""
    names = spec.actuators
    moves = (_moved(recording, spec, motor, config.by_rad) for recording in recordings)
    move = next((each for each in moves if each is not None), None)
    if move is None:
        return Finding(names[motor], False, "got a hold in every move, allowed: none; try again")
    commanded, moved = move
    share = moved / commanded
    others = [i for i in np.argsort(-np.abs(share)) if i != motor and abs(share[i]) > config.follow]
    listed = ", ".join(f"{names[i]} by {moved[i]:+.3f}" for i in others)
    text = f"commanded {commanded:+.3f} rad, moved by {moved[motor]:+.3f}"
    if abs(share[motor]) < config.follow:
        text += f", allowed: {config.follow:g} of it or more"
        text += f"; instead {listed}" if listed else ""
    elif share[motor] < 0:
        text += ", allowed: the same direction"
    elif listed:
        text += f", allowed: alone; with it {listed}"
    return Finding(names[motor], bool(share[motor] >= config.follow and not others), text)


def _moved(
    recording: Recording, spec: HandSpec, motor: int, by_rad: float
) -> tuple[float, np.ndarray] | None:
    """The commanded move of `motor` from rest, and the measured moves of all motors, (A,) rad.

    None if a hold interrupted the move; a recording ends at a hold.
    """
    away = recording.target - np.median(recording.target, axis=0)
    resting = np.flatnonzero((np.abs(away) < 0.01 * by_rad).all(axis=1))
    begin = resting[0] if len(resting) else len(away)  # after the move home
    out = begin + np.flatnonzero(np.abs(away[begin:, motor]) > 0.9 * by_rad)
    if len(out) < 2 * TURNS:
        return None
    before = resting[resting < out[0]][-2 * TURNS :]
    if len(before) < 2 * TURNS:
        return None
    at = spec.control_position(recording.position)
    moved = at[out[-TURNS:]].mean(axis=0) - at[before[-TURNS:]].mean(axis=0)
    return float(away[out[-1], motor]), moved
