"""A hand behind the safety gate and the watchdog; all commands to a hand pass through here."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from ...config import Range
from ...contract.hand_spec import HandSpec
from .gate import GateConfig, GateState, SafetyGate
from .hand import Applied, HandDriver, HandError, HandMode, HandState, Health, NotArmed, StaleState

STOP_WAIT_S = 0.2
"""Longest wait of `stop` for a command in progress; after that it is sent regardless."""


class GuardedHand:
    """A `HandDriver` behind a `SafetyGate`.

    One lock covers checking and sending: after `hold`, `relax` or `stop` has returned, nothing more
    is sent.
    """

    def __init__(
        self,
        driver: HandDriver,
        config: GateConfig,
        period_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._driver = driver
        self._config = config
        self._period_s = period_s
        self._clock = clock
        self._lock = threading.RLock()
        self._gate: SafetyGate | None = None
        self.fed_s = clock()
        """Time of the loop's last sign of life; the watchdog reads it."""

    @property
    def spec(self) -> HandSpec:
        """The spec that the hand reports; known once connected."""
        return self._driver.spec

    @property
    def state(self) -> GateState:
        """Whether commands may pass."""
        return self._gate.state if self._gate else GateState.DISCONNECTED

    @property
    def reason(self) -> str:
        """Why the gate holds or has stopped."""
        return self._gate.reason if self._gate else ""

    @property
    def last_sent(self) -> np.ndarray:
        """(A,) rad: the target sent last; after arming, the target in force."""
        return self._opened().last_sent

    @property
    def simulated(self) -> bool:
        """Whether the hand is simulated."""
        return self._driver.simulated

    def health(self) -> Health:
        """Rates and ages of the link. Never raises."""
        return self._driver.health()

    def connect(self, timeout_s: float) -> None:
        """Connect to the hand; moves nothing. Raises ConnectError."""
        self._driver.connect(timeout_s)
        self._gate = SafetyGate(self._driver.spec, self._config, self._period_s)
        self._gate.connect()

    def arm(self) -> None:
        """Arm hand and gate, starting at the target in force.

        Raises NotArmed, DriverGone, StaleState.
        """
        with self._lock:
            gate = self._opened()
            if gate.state is GateState.STOPPED:
                raise NotArmed(f"the hand cannot be armed: it is stopped ({gate.reason})")
            in_force = self._driver.arm().target
            gate.arm(in_force, self._clock())
            self.fed_s = self._clock()

    def read(self, max_age_s: float) -> HandState:
        """The newest state; if the hand has left its armed mode by itself, the gate holds."""
        state = self._driver.read(max_age_s)
        if state.mode is HandMode.STOPPED:
            self._opened().stop("the hand reports a latched stop")
        elif state.mode is not HandMode.ARMED:
            self._opened().hold(f"the hand went to {state.mode} by itself")
        return state

    def command(self, target: np.ndarray, state: HandState) -> Applied:
        """Send `target` (A,) rad, limited by the gate; returns what the hand applied, and why.

        Raises NotArmed, CommandRejected, StaleState, DriverGone. After an error, either nothing was
        sent or the hand has not acknowledged the target.
        """
        with self._lock:
            gate = self._opened()
            now_s = self._clock()
            self._check_age(state, now_s)
            admitted = gate.admit(target, state.position, now_s)
            gate.sent(admitted.target, now_s)
            self.fed_s = now_s
            applied = self._driver.command(admitted.target, self._period_s)
            return Applied(applied.target, gate.names(admitted.hits) + applied.reasons)

    def heartbeat(self) -> None:
        """Send a sign of life without a command. Raises DriverGone."""
        self.fed_s = self._clock()
        self._driver.heartbeat()

    def hold(self, reason: str) -> None:
        """Hold the position and the grip; `arm` lets commands pass again. Never raises."""
        self._halt(reason, SafetyGate.hold, self._driver.hold)

    def relax(self, reason: str) -> None:
        """Release the grip slowly. Never raises."""
        self._halt(reason, SafetyGate.relax, self._driver.relax)

    def stop(self, reason: str) -> None:
        """Latch the stop; callable from any thread. Never raises."""
        self._halt(reason, SafetyGate.stop, lambda: self._driver.stop(reason))

    def close(self, timeout_s: float = 1.0) -> None:
        """Close the link; may be called twice. Never raises."""
        if self._gate:
            self._gate.disconnect()
        self._driver.close(timeout_s)

    def _halt(
        self, reason: str, change: Callable[[SafetyGate, str], None], send: Callable[[], None]
    ) -> None:
        # A driver that hangs in `command` must not block a stop.
        locked = self._lock.acquire(timeout=STOP_WAIT_S)
        try:
            # A stop is final: a later hold must not reach the hand.
            if self._gate and self._gate.state is not GateState.STOPPED:
                change(self._gate, reason)
                send()
        except HandError:
            pass  # The link is down: the hand's own watchdog takes over.
        finally:
            if locked:
                self._lock.release()

    def _check_age(self, state: HandState, now_s: float) -> None:
        """Raise StaleState unless `state` was read within the current control step."""
        elapsed_s = now_s - state.received_s
        if elapsed_s > self._period_s + state.age_s:
            raise StaleState(
                f"joint state: got an age of {elapsed_s:.3f} s,"
                f" allowed: one step, {self._period_s} s"
            )

    def _opened(self) -> SafetyGate:
        if self._gate is None:
            raise NotArmed("the hand is not connected")
        return self._gate


@dataclass(frozen=True)
class WatchdogConfig:
    """Time limits for the control loop. The hand's side has a watchdog of its own."""

    hold_after_s: Annotated[float, Range(0.01, 60)] = 0.16
    """The hand holds after this time without a sign of life from the loop."""
    relax_after_s: Annotated[float, Range(0.01, 60)] = 1.0
    """A hand that holds relaxes after this time without a sign of life."""


class Watchdog:
    """A thread that holds, then relaxes the hand if the control loop is stuck."""

    def __init__(self, hand: GuardedHand, config: WatchdogConfig | None = None) -> None:
        self._hand = hand
        self._config = config or WatchdogConfig()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def __enter__(self) -> Watchdog:
        self._hand.fed_s = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._done.wait(0.02):
            self.look(time.monotonic())

    def look(self, now_s: float) -> None:
        """Check the loop once at `now_s`; the thread calls this repeatedly."""
        silent_s = now_s - self._hand.fed_s
        if silent_s > self._config.relax_after_s and self._hand.state is GateState.HOLD:
            self._hand.relax(f"watchdog: the loop was silent for {silent_s:.2f} s")
        elif silent_s > self._config.hold_after_s and self._hand.state is GateState.ARMED:
            self._hand.hold(f"watchdog: the loop was silent for {silent_s:.2f} s")
