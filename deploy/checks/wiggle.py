"""`sleight rig wiggle`: each motor alone goes a little way and back; do its own joints follow?

A name, an order or a sign that is wrong shows here, by a tenth of a radian and with an empty hand,
instead of under a policy.
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
"""Whose mean is where a motor was, before it leaves and before it goes back; half of what a hand
has at the least to come to rest in."""


def wiggle(config: RigConfig, spec: HandSpec) -> np.ndarray:
    """(T, A) targets [rad]: one motor after the other away from the rest pose, and back.

    Raises ConfigError where a motor has no room for it.
    """
    asked, joints = config.calibrate.wiggle, config.calibrate.joints
    limits = Limits.of(spec, config.gate)
    rest = rest_pose(spec, joints, limits)
    above, below = limits.upper_rad - rest, rest - limits.lower_rad
    tight = int(np.maximum(above, below).argmin())
    room = max(above[tight], below[tight])
    if room < asked.by_rad:
        raise ConfigError(
            f"calibrate.wiggle.by_rad: got {asked.by_rad:g}, allowed: up to {room:.3f} rad,"
            f" the room of {spec.actuators[tight]}"
        )
    fastest = joints.speed * limits.speed_rad_s * joints.period_s
    stay = max(round(asked.hold_s / joints.period_s), 2 * TURNS)
    turns = stay + int(np.ceil(asked.by_rad / fastest.min()))
    wanted = np.tile(rest, ((2 * len(rest) + 1) * turns, 1))
    for motor, way in enumerate(np.where(above > below, asked.by_rad, -asked.by_rad)):
        wanted[(2 * motor + 1) * turns : (2 * motor + 2) * turns, motor] += way
    return slowed(wanted, rest, fastest)


def followed(place: Path, spec: HandSpec, config: WiggleConfig) -> list[Finding]:
    """What each motor moved, by the log of the run in `place`. Raises DataError."""
    recordings = recordings_of(place, spec)
    return [judge(recordings, spec, motor, config) for motor in range(len(spec.actuators))]


def judge(
    recordings: Sequence[Recording], spec: HandSpec, motor: int, config: WiggleConfig
) -> Finding:
    """Whether `motor`, an index, moved its own joints alone, and to the side that was asked for."""
    names = spec.actuators
    moves = (_moved(recording, spec, motor, config.by_rad) for recording in recordings)
    move = next((found for found in moves if found is not None), None)
    if move is None:
        return Finding(names[motor], False, "got no move that no hold cut, allowed: one; try again")
    asked, moved = move
    share = moved / asked
    others = [i for i in np.argsort(-np.abs(share)) if i != motor and abs(share[i]) > config.follow]
    told = ", ".join(f"{names[i]} by {moved[i]:+.3f}" for i in others)
    text = f"asked for {asked:+.3f} rad, moved by {moved[motor]:+.3f}"
    if abs(share[motor]) < config.follow:
        text += f", allowed: {config.follow:g} of it or more"
        text += f"; in its place {told}" if told else ""
    elif share[motor] < 0:
        text += ", allowed: the same direction"
    elif told:
        text += f", allowed: alone; with it {told}"
    return Finding(names[motor], bool(share[motor] >= config.follow and not others), text)


def _moved(
    recording: Recording, spec: HandSpec, motor: int, by_rad: float
) -> tuple[float, np.ndarray] | None:
    """How far `motor` was asked to go from rest, and how far all motors went then, (A,) rad.

    None where a hold, which is where a recording ends, cut that short.
    """
    away = recording.target - np.median(recording.target, axis=0)
    resting = np.flatnonzero((np.abs(away) < 0.01 * by_rad).all(axis=1))
    begin = resting[0] if len(resting) else len(away)  # after the way home
    out = begin + np.flatnonzero(np.abs(away[begin:, motor]) > 0.9 * by_rad)
    if len(out) < 2 * TURNS:
        return None
    before = resting[resting < out[0]][-2 * TURNS :]
    if len(before) < 2 * TURNS:
        return None
    at = spec.control_position(recording.position)
    moved = at[out[-TURNS:]].mean(axis=0) - at[before[-TURNS:]].mean(axis=0)
    return float(away[out[-1], motor]), moved
