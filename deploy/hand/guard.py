"""A hand behind the safety gate and the watchdog: the only way in which this program moves one."""

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
"""How long `stop` waits for a command under way, before it goes ahead regardless."""


class GuardedHand:
    """`HandDriver` behind `SafetyGate`.

    One lock covers checking and sending: nothing is sent after `hold`, `relax` or `stop` returned.
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
        """When the loop last gave a sign of life; the watchdog reads it."""

    @property
    def spec(self) -> HandSpec:
        """The hand's own spec; known once connected."""
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
        """(A,) the last target that was sent, or the one in force when the hand was armed."""
        return self._opened().last_sent

    @property
    def simulated(self) -> bool:
        """Whether nothing real can break."""
        return self._driver.simulated

    def health(self) -> Health:
        """Rates and ages of the link. Never raises."""
        return self._driver.health()

    def connect(self, timeout_s: float) -> None:
        """Reach the hand; moves nothing. Raises ConnectError."""
        self._driver.connect(timeout_s)
        self._gate = SafetyGate(self._driver.spec, self._config, self._period_s)
        self._gate.connect()

    def arm(self) -> None:
        """Let commands pass from the target in force. Raises NotArmed, DriverGone, StaleState."""
        with self._lock:
            gate = self._opened()
            if gate.state is GateState.STOPPED:
                raise NotArmed(f"the hand cannot be armed: it is stopped ({gate.reason})")
            present = self._driver.arm().target
            gate.arm(present, self._clock())
            self.fed_s = self._clock()

    def read(self, max_age_s: float) -> HandState:
        """The newest state; a hand that left the armed mode by itself puts the gate on hold."""
        state = self._driver.read(max_age_s)
        if state.mode is HandMode.STOPPED:
            self._opened().stop("the hand reports a latched stop")
        elif state.mode is not HandMode.ARMED:
            self._opened().hold(f"the hand went to {state.mode} by itself")
        return state

    def command(self, target: np.ndarray, state: HandState) -> Applied:
        """Send what the gate admits of `target` (A,) rad; returns what the hand applied, and why.

        Raises NotArmed, CommandRejected, StaleState, DriverGone; on any of them nothing was sent,
        or the hand did not say that it took it.
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
        """Sign of life without a command. Raises DriverGone."""
        self.fed_s = self._clock()
        self._driver.heartbeat()

    def hold(self, reason: str) -> None:
        """Stay, grip kept; commands pass again after `arm`. Never raises."""
        self._halt(reason, SafetyGate.hold, self._driver.hold)

    def relax(self, reason: str) -> None:
        """Let go slowly. Never raises."""
        self._halt(reason, SafetyGate.relax, self._driver.relax)

    def stop(self, reason: str) -> None:
        """Latch; from any thread. Never raises."""
        self._halt(reason, SafetyGate.stop, lambda: self._driver.stop(reason))

    def close(self, timeout_s: float = 1.0) -> None:
        """End the link; may be called twice. Never raises."""
        if self._gate:
            self._gate.disconnect()
        self._driver.close(timeout_s)

    def _halt(
        self, reason: str, change: Callable[[SafetyGate, str], None], send: Callable[[], None]
    ) -> None:
        # A driver that hangs in `command` must not keep a stop from going out.
        locked = self._lock.acquire(timeout=STOP_WAIT_S)
        try:
            # A latched stop is the last word: a hold after it must not reach the hand.
            if self._gate and self._gate.state is not GateState.STOPPED:
                change(self._gate, reason)
                send()
        except HandError:
            pass  # The link is gone: the hand's own watchdog has taken over.
        finally:
            if locked:
                self._lock.release()

    def _check_age(self, state: HandState, now_s: float) -> None:
        """A state is good for the turn in which it was read, whoever calls."""
        old_s = now_s - state.received_s
        if old_s > self._period_s + state.age_s:
            raise StaleState(
                f"joint state: got one of {old_s:.3f} s ago, allowed: one turn, {self._period_s} s"
            )

    def _opened(self) -> SafetyGate:
        if self._gate is None:
            raise NotArmed("the hand is not connected")
        return self._gate


@dataclass(frozen=True)
class WatchdogConfig:
    """When the program itself gives up on its loop; the hand has its own watchdog besides."""

    hold_after_s: Annotated[float, Range(0.01, 60)] = 0.16
    """Two ticks without a sign of life."""
    relax_after_s: Annotated[float, Range(0.01, 60)] = 1.0
    """A hand that the watchdog holds then lets go."""


class Watchdog:
    """A thread that holds, then relaxes the hand when its loop is stuck."""

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
        """Judge the loop at `now_s`; its thread does so all the time."""
        silent_s = now_s - self._hand.fed_s
        if silent_s > self._config.relax_after_s and self._hand.state is GateState.HOLD:
            self._hand.relax(f"watchdog: the loop was silent for {silent_s:.2f} s")
        elif silent_s > self._config.hold_after_s and self._hand.state is GateState.ARMED:
            self._hand.hold(f"watchdog: the loop was silent for {silent_s:.2f} s")
