"""Checks that a recording can be one of its hand: units, times and signs.

A fit of a recording in degrees, in milliseconds or with a turned sign gives numbers, too; they are
wrong. Each check names the likely mistake.
"""

from __future__ import annotations

import numpy as np

from ..errors import DataError
from .hand_spec import HandSpec
from .recording import Recording

BEYOND_RAD = 0.35
"""Angles may lie this far beyond the hand's limits: sensors have offsets, hands have play."""
LONGEST_TURN_S = 1.0
SHORTEST_TURN_S = 1e-4
LONGEST_S = 6 * 3600.0
"""Longest recording; its simulation would need as many steps."""
MOVES_RAD = 0.03
"""A target or a joint that moves less (standard deviation) has no direction."""
AGAINST = -0.5
"""A joint with a smaller correlation to its target moves against it."""
LAGS_S = (0.0, 0.08, 0.16, 0.24)
"""Delays at which a joint is compared with its target."""
ANGLES = {"degrees": np.pi / 180, "milliradians": 1e-3, "turns": 2 * np.pi}
TIMES = {"milliseconds": 1e-3, "microseconds": 1e-6, "nanoseconds": 1e-9}


def check_recording(recording: Recording, spec: HandSpec) -> None:
    """Raise DataError, one line, if `recording` is not plausible for the hand of `spec`."""
    for name in ("command_s", "state_s"):
        _check_times(recording, name, getattr(recording, name))
    _check_clocks(recording)
    _check_angles(recording, "position", spec.joints, spec.joint_lower, spec.joint_upper)
    _check_angles(recording, "target", spec.actuators, spec.lower, spec.upper)
    _check_scale(recording, spec)
    _check_signs(recording, spec)


def _check_times(recording: Recording, name: str, times: np.ndarray) -> None:
    turn_s, total_s = float(np.median(np.diff(times))), float(times[-1] - times[0])
    if SHORTEST_TURN_S <= turn_s <= LONGEST_TURN_S and total_s <= LONGEST_S:
        return
    units = [u for u, s in TIMES.items() if 1e-3 <= s * turn_s <= LONGEST_TURN_S]
    raise DataError(
        f"{recording.source}: {name}: got turns of {turn_s:g} s and {total_s:g} s in all, allowed:"
        f" turns of {SHORTEST_TURN_S:g} to {LONGEST_TURN_S:g} s, up to {LONGEST_S:g} s in all"
        + _hint(units, "s")
    )


def _check_clocks(recording: Recording) -> None:
    """Targets and angles must have times of one clock."""
    apart_s = float(np.median(np.abs(recording.state_s - recording.command_s)))
    if apart_s > LONGEST_TURN_S:
        raise DataError(
            f"{recording.source}: command_s: got times {apart_s:g} s from those of the angles,"
            f" allowed: up to {LONGEST_TURN_S:g} s, on the same clock"
        )


def _check_angles(
    recording: Recording, what: str, names: tuple[str, ...], low: np.ndarray, high: np.ndarray
) -> None:
    values = getattr(recording, what)
    beyond = np.maximum(low - values, values - high).max(axis=0)
    worst = int(beyond.argmax())
    if beyond[worst] <= BEYOND_RAD:
        return
    column = values[:, worst]
    far = float(column[np.abs(column - (low[worst] + high[worst]) / 2).argmax()])

    def inside(scale: float) -> bool:
        scaled = scale * values
        return bool(np.all((scaled >= low - BEYOND_RAD) & (scaled <= high + BEYOND_RAD)))

    # Turned into radians, a recording in degrees fills the range of the hand to some extent.
    moves = float(np.ptp(values, axis=0).max())
    units = [u for u, s in ANGLES.items() if inside(s) and s * moves > MOVES_RAD]
    raise DataError(
        f"{recording.source}: {what}.{names[worst]}: got {far:g}, allowed:"
        f" {low[worst]:.4g} to {high[worst]:.4g} rad" + _hint(units, "rad")
    )


def _check_scale(recording: Recording, spec: HandSpec) -> None:
    """Angles in one unit and targets in another may both lie within the limits."""
    measured = spec.control_position(recording.position)
    targets, angles = recording.target.std(axis=0), measured.std(axis=0)
    moving = np.maximum(targets, angles) > MOVES_RAD
    if not moving.any():
        raise DataError(
            f"{recording.source}: got targets and angles that do not move,"
            " allowed: a recording of motion"
        )
    ratios = (angles[moving] + 1e-6) / (targets[moving] + 1e-6)
    ratio = float(np.median(ratios))
    degree = 180 / np.pi
    if abs(np.log(ratio / degree)) < 0.7 or abs(np.log(ratio * degree)) < 0.7:
        which = "position" if ratio > 1 else "target"
        raise DataError(
            f"{recording.source}: {which}: got motions {max(ratio, 1 / ratio):.0f} times as large"
            f" as those of the other, allowed: rad in both; {which} looks like degrees"
        )


def _check_signs(recording: Recording, spec: HandSpec) -> None:
    for motor, name in enumerate(spec.actuators):
        target = recording.target[:, motor]
        if target.std() < MOVES_RAD:
            continue
        for joint in np.flatnonzero(spec.coupling[motor]):
            angle = recording.position[:, joint]
            if angle.std() < MOVES_RAD:
                continue
            agreement = _agreement(recording, target, angle * np.sign(spec.coupling[motor, joint]))
            if agreement < AGAINST:
                raise DataError(
                    f"{recording.source}: position.{spec.joints[joint]}: got angles that move"
                    f" against target.{name} (correlation {agreement:.2f}), allowed: the signs of"
                    f" {spec.name}; one of the two looks turned"
                )


def _agreement(recording: Recording, target: np.ndarray, angle: np.ndarray) -> float:
    """The correlation at the best of some delays; the largest one, which a turned joint lacks."""
    best = -1.0
    for lag_s in LAGS_S:
        then = np.interp(recording.state_s - lag_s, recording.command_s, target)
        if then.std() > 0:
            best = max(best, float(np.corrcoef(then, angle)[0, 1]))
    return best


def _hint(units: list[str], allowed: str) -> str:
    return f"; they look like {units[0]}, not {allowed}" if units else ""
