"""What a hand's side does with its one client: modes, commands, the watchdog. Time is passed in.

The simulated rig, the bridge and the drivers without a hand's side of their own run this same code.

READY until armed; ARMED follows commands; HOLD keeps the setpoint; RELAXED lets go; STOPPED is
latched until an operator starts the hand anew. An armed hand that hears nothing for `hold_after_s`
holds by itself, and a holding one relaxes after `relax_after_s`: nobody has to tell it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Callable, Protocol

from .wire import HandMode, Message

Log = Callable[..., None]


class Watch(Protocol):
    """When the hand's side gives up on its client, and what holding means."""

    @property
    def hold_after_s(self) -> float:
        """An armed hand that hears nothing for this long holds."""

    @property
    def relax_after_s(self) -> float:
        """Then it lets go."""

    @property
    def hold(self) -> str:
        """`target`: keep the setpoint and with it the grip; `measured`: take the angles."""


class Limits(Protocol):
    """What is needed of a hand's spec. (A,) each, angles in rad."""

    @property
    def actuators(self) -> Sequence[str]:
        """Names."""

    @property
    def lower(self) -> Any:
        """Limits of targets."""

    @property
    def upper(self) -> Any:
        """Limits of targets."""


class Motors(Protocol):
    """What carries out what the session decides. Targets are (A,) rad."""

    @property
    def target(self) -> Any:
        """The last one accepted."""

    @property
    def setpoint(self) -> Any:
        """On its way to the target."""

    def move(self, target: Sequence[float], duration_s: float) -> None:
        """Go to `target` over `duration_s`."""

    def freeze(self, target: Sequence[float] | None = None) -> None:
        """Stay at the present setpoint, or at `target`."""

    def relax(self) -> None:
        """Let the force fade."""

    def tense(self) -> None:
        """Let it come back."""


class Session:
    """Modes of the hand. `handle` gives the fields of an `ack`, or None."""

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
        """Why the hand itself is not there; empty while it is."""
        self._adrift = False
        self.mode = HandMode.READY
        self.heard_s = 0.0
        """When the client was last heard."""

    def handle(self, message: Message, now_s: float) -> dict[str, Any] | None:
        """One message of the client."""
        self.heard_s = now_s
        kind = message["type"]
        if kind == "arm":
            return self._ack(message["seq"], self._arm())
        if kind == "command":
            return self._ack(message["seq"], self._command(message))
        if kind == "hold":
            self.hold("asked by the client", now_s)
        elif kind == "relax":
            self.relax("asked by the client", now_s)
        elif kind == "stop":
            self._stop(message["reason"], now_s)
        return None

    def watch(self, now_s: float, connected: bool) -> None:
        """The watchdog; call it at every step."""
        silent_s = now_s - self.heard_s
        if self.mode is HandMode.ARMED and silent_s > self._config.hold_after_s:
            self.hold("watchdog: nothing arrived", now_s)
        if self.mode is HandMode.HOLD and silent_s > self._config.relax_after_s:
            why = "nothing arrived" if connected else "no client"
            self.relax(f"watchdog: {why}", now_s)

    def gone(self, why: str, now_s: float) -> None:
        """The client has gone: hold at once, without waiting for the watchdog."""
        self.hold(f"client gone: {why}", now_s)

    def lost(self, cause: str, now_s: float) -> None:
        """The hand itself is not there: hold, and let nobody arm it until it is `found`."""
        self.fault, self._adrift = cause, True
        self.hold(cause, now_s)

    def found(self) -> None:
        """The hand is there (again)."""
        self.fault = ""

    def hold(self, cause: str, now_s: float) -> None:
        """ARMED -> HOLD."""
        if self.mode is not HandMode.ARMED:
            return
        measured = self._config.hold == "measured"
        self._motors.freeze(self._clip(self._measured()) if measured else None)
        self._enter(HandMode.HOLD, cause, now_s)

    def relax(self, cause: str, now_s: float) -> None:
        """Any mode but STOPPED -> RELAXED."""
        if self.mode in (HandMode.STOPPED, HandMode.RELAXED):
            return
        self._freeze()
        self._motors.relax()
        self._enter(HandMode.RELAXED, cause, now_s)

    def _stop(self, reason: str, now_s: float) -> None:
        if self.mode is not HandMode.STOPPED:
            self._freeze()
            self._enter(HandMode.STOPPED, reason, now_s)

    def _freeze(self) -> None:
        # A hand that was never armed is sent nothing, not even where it should stay.
        if self.mode is HandMode.ARMED:
            self._motors.freeze()

    def _arm(self) -> list[str]:
        if self.mode is HandMode.STOPPED:
            return ["stopped: start the hand anew"]
        if self.fault:
            return [self.fault]
        if self.mode is HandMode.RELAXED or self._adrift:
            # The joints have sagged; the force must not throw them back to an old setpoint.
            self._motors.freeze(self._clip(self._measured()))
            self._adrift = False
        self._motors.tense()
        if self.mode is not HandMode.ARMED:
            self._enter(HandMode.ARMED, "asked by the client", self.heard_s)
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
        self._log("command", seq=message["seq"], target=inside)
        clipped = [i for i, (a, b) in enumerate(zip(inside, target)) if a != b]
        return [f"hand_limit:{self._spec.actuators[i]}" for i in clipped]

    def _ack(self, seq: int, reasons: list[str]) -> dict[str, Any]:
        target = [float(value) for value in self._motors.target]
        return {"seq": seq, "mode": self.mode, "target": target, "reasons": reasons}

    def _clip(self, target: Sequence[float]) -> list[float]:
        limits = zip(target, self._spec.lower, self._spec.upper)
        return [float(min(max(value, low), high)) for value, low, high in limits]

    def _enter(self, mode: HandMode, cause: str, now_s: float) -> None:
        self.mode = mode
        silent_s = round(now_s - self.heard_s, 4)
        self._log(str(mode), cause=cause, since_heard_s=silent_s, setpoint=self._motors.setpoint)
