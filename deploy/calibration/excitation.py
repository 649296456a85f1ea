"""The excitation signal for the identification of motors and joints: sines, then steps.

Groups of motors move one after the other about the rest pose; the other motors hold. Slow sums of
sines reverse often and reveal friction, slack and deadband; steps reveal lag and delay.
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
"""Groups of the Shadow Hand; the fingers move in parallel, so that neighbours do not collide."""
FREQUENCIES_HZ, WEIGHTS = np.array([0.25, 0.65, 1.15]), np.array([0.6, 0.25, 0.15])
LEVELS = (1.0, -0.5, 0.3, -1.0, 0.0)
"""Levels of the steps, in amplitudes."""
RAMP_S = 0.5
"""Time to fade the signal of a group in, and to fade it out."""


@dataclass(frozen=True)
class ExcitationConfig:
    """Motion of the motors for `sleight rig calibrate joints`."""

    period_s: Annotated[float, Range(0.02, 0.5)] = 0.08
    """Time between two targets; the hand interpolates to each target over this time."""
    group_s: Annotated[float, Range(2, 600)] = 6.0
    """Time for each group of motors: one half sines, one half steps."""
    span: Annotated[float, Range(0.05, 1)] = 0.6
    """Amplitude, as a share of the range from the rest pose to the gate's limits."""
    speed: Annotated[float, Range(0.05, 1)] = 0.7
    """Largest speed, as a share of the gate's speed limit."""
    rest_rad: dict[str, float] = field(default_factory=dict)
    """Motor -> angle in the rest pose; other motors rest at the hand's home."""
    groups: tuple[tuple[str, ...], ...] = GROUPS
    """Groups of motors that move together; a minus before a name reverses its direction."""


@dataclass(frozen=True)
class WiggleConfig:
    """Motion of `sleight rig wiggle`, and how far the joints must follow."""

    by_rad: Annotated[float, Range(0.05, 0.4)] = 0.15
    """Distance that each motor moves from the rest pose, to the side with more room, and back. From
    the Shadow Hand's home, 0.15 rad is small: only middle and ring finger touch a neighbour."""
    hold_s: Annotated[float, Range(0.5, 10)] = 0.6
    """Time to hold after each move, and at rest between two motors."""
    follow: Annotated[float, Range(0.1, 0.9)] = 0.25
    """Share of the motion that a motor's own joints must exceed and other joints must not."""


def excitation(spec: HandSpec, config: ExcitationConfig, limits: Limits) -> np.ndarray:
    """(T, A) targets [rad], one per `period_s`, within `limits`. Raises ConfigError."""
    period_s = config.period_s
    rest = rest_pose(spec, config, limits)
    low = rest - config.span * (rest - limits.lower_rad)
    high = rest + config.span * (limits.upper_rad - rest)
    parts = []
    for number, group in enumerate(config.groups):
        targets = np.tile(rest, (round(config.group_s / period_s), 1))
        # The same shape for a whole group, so that its fingers stay parallel.
        shape, fade = _shape(len(targets), period_s, 1.0 + number), _fade(len(targets), period_s)
        for word in group:
            motor, sign = _motor(word, spec)
            middle, reach = (high[motor] + low[motor]) / 2, (high[motor] - low[motor]) / 2
            targets[:, motor] += fade * (middle - rest[motor] + sign * reach * shape)
        parts.append(targets)
    fastest = config.speed * limits.speed_rad_s * period_s
    return slowed(np.concatenate(parts), rest, fastest)


def rest_pose(spec: HandSpec, config: ExcitationConfig, limits: Limits) -> np.ndarray:
    """(A,) rad, within `limits`: the hand's home, changed by `rest_rad`. Raises ConfigError."""
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


def _fade(turns: int, period_s: float) -> np.ndarray:
    """(T,) weights: from 0 to 1 at the beginning, and back to 0 at the end."""
    ends = np.minimum(np.arange(turns), turns - 1 - np.arange(turns)) * period_s
    return 0.5 - 0.5 * np.cos(np.pi * np.clip(ends / RAMP_S, 0.0, 1.0))


def slowed(targets: np.ndarray, start: np.ndarray, fastest: np.ndarray) -> np.ndarray:
    """`targets` (T, A) with steps limited to `fastest` (A,)."""
    slow, last = np.empty_like(targets), start
    for turn, target in enumerate(targets):
        last = slow[turn] = np.clip(target, last - fastest, last + fastest)
    return slow
