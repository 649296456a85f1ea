"""What a hand does with its one client: modes, commands and the watchdog. Time is passed in.

READY until armed; ARMED follows commands; HOLD keeps the setpoint; RELAXED lets go; STOPPED is
latched until an operator starts the hand anew. An armed hand that hears nothing for `hold_after_s`
holds by itself, and a holding one relaxes after `relax_after_s`: nobody has to tell it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..envs.hand import HandSpec
from .hand import HandMode
from .rig_config import RigSimConfig
from .rig_motors import Motors
from .wire import Message

Log = Callable[..., None]


class Session:
    """Modes of the hand. `handle` gives the fields of an `ack`, or None."""

    def __init__(
        self,
        spec: HandSpec,
        config: RigSimConfig,
        motors: Motors,
        measured: Callable[[], np.ndarray],
        log: Log,
    ) -> None:
        self._spec, self._config, self._motors = spec, config, motors
        self._measured, self._log = measured, log
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
        self._motors.freeze()
        self._motors.relax()
        self._enter(HandMode.RELAXED, cause, now_s)

    def _stop(self, reason: str, now_s: float) -> None:
        if self.mode is not HandMode.STOPPED:
            self._motors.freeze()
            self._enter(HandMode.STOPPED, reason, now_s)

    def _arm(self) -> list[str]:
        if self.mode is HandMode.STOPPED:
            return ["stopped: start the hand anew"]
        if self.mode is HandMode.RELAXED:
            # The joints have sagged; the force must not throw them back to an old setpoint.
            self._motors.freeze(self._clip(self._measured()))
        self._motors.tense()
        if self.mode is not HandMode.ARMED:
            self._enter(HandMode.ARMED, "asked by the client", self.heard_s)
        return []

    def _command(self, message: Message) -> list[str]:
        target = np.array(message["target"], dtype=np.float64)
        if self.mode is not HandMode.ARMED:
            return ["not armed"]
        if target.shape != self._spec.lower.shape or not 0.0 < message["duration_s"] <= 1.0:
            self._log("refused", seq=message["seq"], size=target.size)
            return ["refused: shape or duration"]
        inside = self._clip(target)
        self._motors.move(inside, message["duration_s"])
        self._log("command", seq=message["seq"], target=inside)
        return [f"hand_limit:{self._spec.actuators[i]}" for i in np.flatnonzero(inside != target)]

    def _ack(self, seq: int, reasons: list[str]) -> dict[str, Any]:
        target = self._motors.target.tolist()
        return {"seq": seq, "mode": self.mode, "target": target, "reasons": reasons}

    def _clip(self, target: np.ndarray) -> np.ndarray:
        return np.clip(target, self._spec.lower, self._spec.upper)

    def _enter(self, mode: HandMode, cause: str, now_s: float) -> None:
        self.mode = mode
        silent_s = round(now_s - self.heard_s, 4)
        self._log(str(mode), cause=cause, since_heard_s=silent_s, setpoint=self._motors.setpoint)
