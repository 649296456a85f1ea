"""`Session`: the hand's side of a link: modes, commands and the watchdog. Time is an argument.

The simulated rig, the bridge and the drivers in this process all run this code.

READY until armed; ARMED follows commands; HOLD keeps the setpoint; RELAXED releases the grip;
STOPPED is latched until an operator restarts the hand. The watchdog holds an armed hand after
`hold_after_s` without a message, and relaxes a holding hand after `relax_after_s`.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, Callable, Protocol

from .wire import HandMode, Message

Log = Callable[..., None]


class Watch(Protocol):
    """Time limits of the watchdog, and the meaning of a hold."""

    @property
    def hold_after_s(self) -> float:
        """An armed hand holds after this time without a message."""

    @property
    def relax_after_s(self) -> float:
        """A holding hand relaxes after this time without a message."""

    @property
    def hold(self) -> str:
        """`target`: hold the setpoint and so the grip; `measured`: hold the measured angles."""


class Limits(Protocol):
    """The part of a hand's spec that a session needs. (A,) each, angles in rad."""

    @property
    def actuators(self) -> Sequence[str]:
        """Names of the actuators."""

    @property
    def lower(self) -> Any:
        """Lower limits of the targets."""

    @property
    def upper(self) -> Any:
        """Upper limits of the targets."""


class Motors(Protocol):
    """The motors that a session controls. Targets are (A,) rad."""

    @property
    def target(self) -> Any:
        """The target accepted last."""

    @property
    def setpoint(self) -> Any:
        """The interpolated setpoint on the way to the target."""

    def move(self, target: Sequence[float], duration_s: float) -> None:
        """Move to `target` over `duration_s`."""

    def freeze(self, target: Sequence[float] | None = None) -> None:
        """Stay at the current setpoint, or at `target`."""

    def relax(self) -> None:
        """Reduce the force gradually."""

    def tense(self) -> None:
        """Restore the force gradually."""


class Session:
    """The modes of a hand and its watchdog.

    One thread at a time calls it, with one exception: while that thread hangs in the motors,
    another one may hold, relax or stop. What hung then neither arms nor moves the hand any more.
    """

    def __init__(
        self,
        spec: Limits,
        config: Watch,
        motors: Motors,
        measured: Callable[[], Any],
        log: Log,
    ) -> None:
        self._spec, self._config, self._motors = spec, config, motors
        self._measured, self._log = measured, log
        self.fault = ""
        """Why the hand itself is not reachable; empty while it is."""
        self._adrift = False
        self._latch = threading.Lock()
        self._halts = 0
        """Number of requests to hold, relax or stop."""
        self.mode = HandMode.READY
        self.heard_s = 0.0
        """Time of the client's last message."""

    def handle(self, message: Message, now_s: float) -> dict[str, Any] | None:
        """Handle one message of the client; returns the fields of an `ack`, or None."""
        self.heard_s = now_s
        kind = message["type"]
        if kind == "arm":
            return self._ack(message["seq"], self._arm())
        if kind == "command":
            return self._ack(message["seq"], self._command(message))
        if kind == "hold":
            self.hold("requested by the client", now_s)
        elif kind == "relax":
            self.relax("requested by the client", now_s)
        elif kind == "stop":
            self._stop(message["reason"], now_s)
        return None

    def watch(self, now_s: float, connected: bool) -> None:
        """Run the watchdog; call it at every step."""
        silent_s = now_s - self.heard_s
        if self.mode is HandMode.ARMED and silent_s > self._config.hold_after_s:
            self.hold("watchdog: nothing arrived", now_s)
        if self.mode is HandMode.HOLD and silent_s > self._config.relax_after_s:
            why = "nothing arrived" if connected else "no client"
            self.relax(f"watchdog: {why}", now_s)

    def gone(self, why: str, now_s: float) -> None:
        """The client has disconnected: hold immediately, before the watchdog would."""
        self.hold(f"client gone: {why}", now_s)

    def lost(self, cause: str, now_s: float) -> None:
        """The hand itself is not reachable: hold, and refuse to arm until it is `found`."""
        self.fault, self._adrift = cause, True
        self.hold(cause, now_s)

    def found(self) -> None:
        """The hand is reachable (again)."""
        self.fault = ""

    def hold(self, cause: str, now_s: float) -> None:
        """ARMED -> HOLD."""
        self._count_halt()
        if self.mode is not HandMode.ARMED:
            return
        measured = self._config.hold == "measured"
        self._motors.freeze(self._clip(self._measured()) if measured else None)
        self._enter(HandMode.HOLD, cause, now_s)

    def relax(self, cause: str, now_s: float) -> None:
        """Any mode but STOPPED -> RELAXED."""
        self._count_halt()
        if self.mode in (HandMode.STOPPED, HandMode.RELAXED):
            return
        self._freeze()
        self._motors.relax()
        self._enter(HandMode.RELAXED, cause, now_s)

    def _stop(self, reason: str, now_s: float) -> None:
        self._count_halt()
        if self.mode is not HandMode.STOPPED:
            self._freeze()
            self._enter(HandMode.STOPPED, reason, now_s)

    def _freeze(self) -> None:
        # A hand that is not armed receives no targets, not even to stay where it is.
        if self.mode is HandMode.ARMED:
            self._motors.freeze()

    def _arm(self) -> list[str]:
        halts = self._halts
        if self.mode is HandMode.STOPPED:
            return ["stopped: restart the hand"]
        if self.fault:
            return [self.fault]
        if self.mode is HandMode.RELAXED or self._adrift:
            # The joints may have moved; the force must not throw them back to the old setpoint.
            self._motors.freeze(self._clip(self._measured()))
            self._adrift = False
        self._motors.tense()
        if not self._enter(HandMode.ARMED, "requested by the client", self.heard_s, halts):
            if self._is(HandMode.RELAXED):
                self._motors.relax()
            return [f"halted while it was armed: {self.mode}"]
        return []

    def _command(self, message: Message) -> list[str]:
        target = message["target"]
        if self.mode is not HandMode.ARMED:
            return ["not armed"]
        if len(target) != len(self._spec.actuators) or not 0.0 < message["duration_s"] <= 1.0:
            self._log("refused", seq=message["seq"], size=len(target))
            return ["refused: shape or duration"]
        inside = self._clip(target)
        self._motors.move(inside, message["duration_s"])
        if not self._is(HandMode.ARMED):
            # It was halted while the target was being sent: the last word is the halt.
            self._motors.freeze()
            return ["halted while the target was sent"]
        self._log("command", seq=message["seq"], target=inside)
        clipped = [i for i, (a, b) in enumerate(zip(inside, target)) if a != b]
        return [f"hand_limit:{self._spec.actuators[i]}" for i in clipped]

    def _ack(self, seq: int, reasons: list[str]) -> dict[str, Any]:
        target = [float(value) for value in self._motors.target]
        return {"seq": seq, "mode": self.mode, "target": target, "reasons": reasons}

    def _clip(self, target: Sequence[float]) -> list[float]:
        limits = zip(target, self._spec.lower, self._spec.upper)
        return [float(min(max(value, low), high)) for value, low, high in limits]

    def _is(self, mode: HandMode) -> bool:
        """Whether this is the mode now; another thread may have changed it."""
        return self.mode is mode

    def _count_halt(self) -> None:
        with self._latch:
            self._halts += 1

    def _enter(self, mode: HandMode, cause: str, now_s: float, halts: int | None = None) -> bool:
        """Change the mode; False if the hand is stopped, or was halted since `halts` was read."""
        with self._latch:
            if self.mode is HandMode.STOPPED or halts not in (None, self._halts):
                return False
            if self.mode is mode:
                return True
            self.mode = mode
        silent_s = round(now_s - self.heard_s, 4)
        self._log(str(mode), cause=cause, since_heard_s=silent_s, setpoint=self._motors.setpoint)
        return True
