"""What a hand is asked to do so that its motors and joints show themselves: sines, then steps.

Groups of motors move one after the other about the rest pose, and the others hold. Slow sums of
sines reverse often, which shows friction, slack and deadband; steps show lag and delay.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import numpy as np

from ...config import Range
from ...contract.hand_spec import HandSpec
from ...errors import ConfigError, nearest
from ..hand.gate import Limits

GROUPS: tuple[tuple[str, ...], ...] = (
    ("WRJ2", "WRJ1"),
    ("FFJ4", "MFJ4", "-RFJ4", "-LFJ4"),
    ("FFJ3", "MFJ3", "RFJ3", "LFJ3"),
    ("FFJ0", "MFJ0", "RFJ0", "LFJ0"),
    ("LFJ5", "THJ5"),
    ("THJ4", "THJ2"),
    ("THJ3", "THJ1"),
)
"""Of the Shadow Hand: fingers go side by side, so that none meets its neighbour."""
FREQUENCIES_HZ, WEIGHTS = np.array([0.25, 0.65, 1.15]), np.array([0.6, 0.25, 0.15])
LEVELS = (1.0, -0.5, 0.3, -1.0, 0.0)
"""Of the steps, in amplitudes."""
RAMP_S = 0.5
"""The sines swell over this time, and the hand comes back to rest for as long."""


@dataclass(frozen=True)
class ExcitationConfig:
    """How the motors are moved."""

    period_s: Annotated[float, Range(0.02, 0.5)] = 0.08
    """Between two targets, and the time over which the hand goes to each."""
    group_s: Annotated[float, Range(2, 600)] = 6.0
    """Time for each group: half of it sines, half of it steps."""
    span: Annotated[float, Range(0.05, 1)] = 0.6
    """Share of the room from the rest pose to the gate's limits that motors move in."""
    speed: Annotated[float, Range(0.05, 1)] = 0.7
    """Share of the speed that the gate allows."""
    rest_rad: dict[str, float] = field(default_factory=dict)
    """Motor -> angle of the rest pose, where it is not the hand's home."""
    groups: tuple[tuple[str, ...], ...] = GROUPS
    """Motors that move together; a minus before a name turns its direction round."""


@dataclass(frozen=True)
class WiggleConfig:
    """How far each motor is moved, and how far its joints must follow."""

    by_rad: Annotated[float, Range(0.05, 0.4)] = 0.15
    """From the rest pose of `joints` to the side with more room, down where both are alike, and
    back. At home only middle and ring finger of the Shadow Hand touch a neighbour by that."""
    hold_s: Annotated[float, Range(0.5, 10)] = 0.6
    """Time there, and at rest between two motors."""
    follow: Annotated[float, Range(0.1, 0.9)] = 0.25
    """Share of the way that its own joints must move, and those of other motors must not."""


def excitation(spec: HandSpec, config: ExcitationConfig, limits: Limits) -> np.ndarray:
    """(T, A) targets [rad], one each `period_s`, within `limits`. Raises ConfigError."""
    period_s = config.period_s
    rest = rest_pose(spec, config, limits)
    low = rest - config.span * (rest - limits.lower_rad)
    high = rest + config.span * (limits.upper_rad - rest)
    parts = []
    for number, group in enumerate(config.groups):
        wanted = np.tile(rest, (round(config.group_s / period_s), 1))
        # One shape for a whole group: its fingers stay side by side.
        shape, swell = _shape(len(wanted), period_s, 1.0 + number), _swell(len(wanted), period_s)
        for word in group:
            motor, sign = _motor(word, spec)
            middle, reach = (high[motor] + low[motor]) / 2, (high[motor] - low[motor]) / 2
            wanted[:, motor] += swell * (middle - rest[motor] + sign * reach * shape)
        parts.append(wanted)
    fastest = config.speed * limits.speed_rad_s * period_s
    return slowed(np.concatenate(parts), rest, fastest)


def rest_pose(spec: HandSpec, config: ExcitationConfig, limits: Limits) -> np.ndarray:
    """(A,) rad, within `limits`: the hand's home, but for `rest_rad`. Raises ConfigError."""
    rest = spec.home.copy()
    for name, angle in config.rest_rad.items():
        motor, _ = _motor(name, spec)
        low, high = limits.lower_rad[motor], limits.upper_rad[motor]
        if not low <= angle <= high:
            raise ConfigError(
                f"rest_rad: {name}: got {angle:g}, allowed: {low:.3f} to {high:.3f} rad"
            )
        rest[motor] = angle
    return np.clip(rest, limits.lower_rad, limits.upper_rad)


def _motor(word: str, spec: HandSpec) -> tuple[int, float]:
    """Index and direction. Raises ConfigError for a name that the hand does not have."""
    name = word.removeprefix("-")
    if name not in spec.actuators:
        raise ConfigError(f"calibrate.joints: got '{name}', {nearest(name, spec.actuators)}")
    return spec.actuators.index(name), -1.0 if word.startswith("-") else 1.0


def _shape(turns: int, period_s: float, phase: float) -> np.ndarray:
    """(T,) in [-1, 1]: sines, then steps."""
    half = turns // 2
    time_s = period_s * np.arange(half)[:, None]
    starts = phase * np.arange(1, 1 + len(FREQUENCIES_HZ))
    sines = np.sin(2 * np.pi * FREQUENCIES_HZ * time_s + starts) @ WEIGHTS
    steps = np.repeat(LEVELS, -(-(turns - half) // len(LEVELS)))[: turns - half]
    return np.concatenate((sines, steps))


def _swell(turns: int, period_s: float) -> np.ndarray:
    """(T,) from 0 to 1 at the beginning, and back at the end."""
    ends = np.minimum(np.arange(turns), turns - 1 - np.arange(turns)) * period_s
    return 0.5 - 0.5 * np.cos(np.pi * np.clip(ends / RAMP_S, 0.0, 1.0))


def slowed(wanted: np.ndarray, start: np.ndarray, fastest: np.ndarray) -> np.ndarray:
    """`wanted` (T, A), with no step beyond `fastest` (A,)."""
    slow, last = np.empty_like(wanted), start
    for turn, target in enumerate(wanted):
        last = slow[turn] = np.clip(target, last - fastest, last + fastest)
    return slow
