"""The safety gate: which targets a hand may receive, and when.

`limit` is a pure function; `SafetyGate` keeps the state around it. For any sequence of calls, a
target that is sent lies within the position limits, the setpoint never moves faster than the speed
limit (also if it interpolates over one period), and nothing passes unless the gate is armed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import numpy as np

from ...config import Range
from ...contract.hand_spec import HandSpec
from .hand import CommandRejected, NotArmed

NOTICE_RAD = 1e-3
"""Smaller changes are applied but not reported: they come from float32 rounding, or from a control
step that is a fraction of a millisecond early."""


@dataclass(frozen=True)
class GateConfig:
    """Limits that the gate enforces."""

    margin_rad: Annotated[float, Range(0, 0.1)] = 0.02
    """Distance in rad that targets keep from the hand's own limits."""
    speed_scale: Annotated[float, Range(0, 1, open_low=True)] = 1.0
    """Largest speed of the targets, as a share of the hand's rated speed."""
    max_error_rad: Annotated[float, Range(0.01, 1.6)] = 0.35
    """Largest distance of a target from the measured angle, per joint that the motor moves; it
    bounds the force. The speed limit has priority if the hand is pushed away."""


@dataclass(frozen=True)
class Limits:
    """The limits of the gate for one hand, (A,) each."""

    lower_rad: np.ndarray
    upper_rad: np.ndarray
    speed_rad_s: np.ndarray
    error_rad: np.ndarray

    @staticmethod
    def of(spec: HandSpec, config: GateConfig) -> Limits:
        """The limits for `spec` under `config`."""
        return Limits(
            lower_rad=spec.lower + config.margin_rad,
            upper_rad=spec.upper - config.margin_rad,
            speed_rad_s=spec.max_speed * config.speed_scale,
            error_rad=config.max_error_rad * spec.coupling.sum(axis=1),
        )


@dataclass(frozen=True)
class Limited:
    """A target that may be sent, and the notable changes: kind -> indices of actuators."""

    target: np.ndarray
    hits: dict[str, np.ndarray]


def limit(
    target: np.ndarray,
    last_sent: np.ndarray,
    measured: np.ndarray,
    elapsed_s: float,
    limits: Limits,
) -> Limited:
    """Clamp `target` (A,) by error, then speed, then position.

    `last_sent` must lie within the position limits. The result always satisfies the position and
    speed limits; it satisfies the limit on the error to `measured` where those leave room for it.
    """
    step = limits.speed_rad_s * elapsed_s
    near = np.clip(target, measured - limits.error_rad, measured + limits.error_rad)
    slow = np.clip(near, last_sent - step, last_sent + step)
    inside = np.clip(slow, limits.lower_rad, limits.upper_rad)
    changes = {"error": near - target, "speed": slow - near, "limit": inside - slow}
    hits = {kind: np.flatnonzero(abs(by) > NOTICE_RAD) for kind, by in changes.items()}
    return Limited(inside, {kind: indices for kind, indices in hits.items() if indices.size})


class GateState(StrEnum):
    """Whether commands may pass."""

    DISCONNECTED = "disconnected"
    READY = "ready"
    ARMED = "armed"
    HOLD = "hold"
    STOPPED = "stopped"


class SafetyGate:
    """The state of the gate: its mode and the target sent last. Not thread-safe by itself."""

    def __init__(self, spec: HandSpec, config: GateConfig, period_s: float) -> None:
        self.spec = spec
        self.limits = Limits.of(spec, config)
        self.period_s = period_s
        self.state = GateState.DISCONNECTED
        self.reason = ""
        """Why the gate holds or has stopped."""
        self.last_sent = spec.home
        self._last_sent_s = 0.0

    def connect(self) -> None:
        """DISCONNECTED -> READY."""
        if self.state is GateState.DISCONNECTED:
            self.state = GateState.READY

    def arm(self, present: np.ndarray, now_s: float) -> None:
        """READY or HOLD -> ARMED, from the target in force, (A,).

        Position limits have priority over speed: if the target in force lies outside the gate's
        limits, the first target that is sent jumps inside (by up to `margin_rad`, if it was within
        the hand's own limits).
        Raises NotArmed, CommandRejected.
        """
        if self.state not in (GateState.READY, GateState.HOLD, GateState.ARMED):
            raise NotArmed(f"the hand cannot be armed: it is {self.state}{self._because()}")
        self._check(present, "target in force")
        self.last_sent = np.clip(present, self.limits.lower_rad, self.limits.upper_rad)
        self._last_sent_s = now_s
        self.state, self.reason = GateState.ARMED, ""

    def admit(self, target: np.ndarray, joint_position: np.ndarray, now_s: float) -> Limited:
        """The target that may be sent instead of `target` (A,) at `joint_position` (J,).

        The caller sends it, and calls `sent` once the hand has it. The time since the last target
        counts for one period at most: a hand that interpolates over one period never exceeds the
        speed limit, and missed steps are not caught up. Raises NotArmed, CommandRejected.
        """
        if self.state is not GateState.ARMED:
            raise NotArmed(f"nothing is sent: the hand is {self.state}{self._because()}")
        self._check(target, "target")
        measured = self.spec.control_position(joint_position)
        self._check(measured, "measured position")
        elapsed_s = min(max(now_s - self._last_sent_s, 0.0), self.period_s)
        return limit(target, self.last_sent, measured, elapsed_s, self.limits)

    def sent(self, target: np.ndarray, now_s: float) -> None:
        """Record the target that the hand has acknowledged, (A,).

        Without an acknowledgement the target in force is unknown, and the gate must be armed anew.
        """
        self.last_sent, self._last_sent_s = target, now_s

    def hold(self, reason: str) -> bool:
        """ARMED -> HOLD; keeps the first reason. Returns whether the hand may be told to hold."""
        if self.state is GateState.ARMED:
            self.state, self.reason = GateState.HOLD, reason
        return self.state is not GateState.STOPPED

    def relax(self, reason: str) -> bool:
        """ARMED or HOLD -> READY. Returns whether the hand may be told to relax."""
        if self.state in (GateState.ARMED, GateState.HOLD):
            self.state, self.reason = GateState.READY, reason
        return self.state is not GateState.STOPPED

    def stop(self, reason: str) -> bool:
        """Any state -> STOPPED, latched: only a new gate, after a restart, can send again.

        Returns True: a stop may be repeated.
        """
        if self.state is not GateState.STOPPED:
            self.state, self.reason = GateState.STOPPED, reason
        return True

    def disconnect(self) -> None:
        """Any state but STOPPED -> DISCONNECTED."""
        if self.state is not GateState.STOPPED:
            self.state = GateState.DISCONNECTED

    def names(self, hits: dict[str, np.ndarray]) -> tuple[str, ...]:
        """`kind:actuator` for each change that `limit` made."""
        return tuple(f"{kind}:{self.spec.actuators[i]}" for kind in hits for i in hits[kind])

    def _because(self) -> str:
        return f" ({self.reason})" if self.reason else ""

    def _check(self, values: np.ndarray, what: str) -> None:
        names = self.spec.actuators
        if np.shape(values) != (len(names),):
            raise CommandRejected(
                f"{what}: got shape {np.shape(values)}, allowed: ({len(names)},), one per actuator"
            )
        bad = np.flatnonzero(~np.isfinite(values))
        if bad.size:
            raise CommandRejected(
                f"{what}: got {values[bad[0]]} for {names[bad[0]]}, allowed: finite angles in rad"
            )
