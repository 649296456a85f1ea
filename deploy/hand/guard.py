"""A hand behind the safety gate and the watchdog; all commands to a hand pass through here."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from ...contract.hand_spec import HandSpec
from ...errors import ConnectError, SleightError
from ...threads import attempt, describe
from .gate import GateConfig, GateState, SafetyGate
from .halts import Halt, Halts
from .hand import Applied, HandDriver, HandError, HandMode, HandState, Health, NotArmed, StaleState

STOP_WAIT_S = 0.2
"""Longest wait of a halt for a command in progress; after that it is sent regardless."""


class GuardedHand:
    """A `HandDriver` behind a `SafetyGate`.

    Two locks: `_latch` makes each change of the gate atomic and is never held during a call of the
    driver; `_sending` covers checking and sending of a command. A halt (hold, relax, stop) closes
    the gate at once and is then sent: after it has returned, nothing more is sent. The gate stays
    closed until `arm` has fetched the target in force from the hand.
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
        self._sending = threading.RLock()
        self._latch = threading.Lock()
        self._halts = Halts(driver)
        self._gate: SafetyGate | None = None
        self.fed_s = clock()
        """Time of the loop's last sign of life; the watchdog reads it."""
        self.newest: tuple[float, HandState] | None = None
        """What `read` returned last, and when it was measured; any thread may look at it."""

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
        """Rates and ages of the link. Raises HandError if the driver fails."""
        with _translated("health"):
            return self._driver.health()

    def connect(self, timeout_s: float) -> None:
        """Connect to the hand; moves nothing. Raises ConnectError."""
        with _translated("connect", ConnectError):
            self._driver.connect(timeout_s)
        gate = SafetyGate(self._driver.spec, self._config, self._period_s)
        gate.connect()
        with self._latch:
            self._gate = gate
            if self._halts.wanted is Halt.STOP:  # it was stopped while it connected
                gate.stop(self._halts.reason)
        self._repeat_overtaken()

    def arm(self) -> None:
        """Arm hand and gate, starting at the target in force.

        If it fails, the hand is held. Raises NotArmed, DriverGone, StaleState, HandError.
        """
        with self._sending:
            gate, halts = self._opened(), self._halts.count
            if gate.state is GateState.STOPPED:
                raise NotArmed(f"the hand cannot be armed: it is stopped ({gate.reason})")
            try:
                with _translated("arm"):
                    in_force = self._driver.arm().target
                with self._latch:
                    if self._halts.pending or self._halts.count != halts:
                        raise NotArmed(f"the hand was halted while it was armed ({gate.reason})")
                    self.fed_s = self._clock()
                    gate.arm(in_force, self.fed_s)
                    self._halts.clear()
            except BaseException:
                self.hold("it was not armed completely")
                self._repeat_overtaken()
                raise

    def read(self, max_age_s: float) -> HandState:
        """The newest state; if the hand has left its armed mode by itself, the gate holds."""
        with _translated("read"):
            state = self._driver.read(max_age_s)
        self.newest = (self._clock() - state.age_s, state)
        gate = self._opened()
        with self._latch:
            if state.mode is HandMode.STOPPED:
                gate.stop("the hand reports a latched stop")
            elif state.mode is not HandMode.ARMED:
                gate.hold(f"the hand went to {state.mode} by itself")
        return state

    def command(self, target: np.ndarray, state: HandState) -> Applied:
        """Send `target` (A,) rad, limited by the gate; returns what the hand applied, and why.

        Raises NotArmed, CommandRejected, StaleState, DriverGone, HandError. If the hand has not
        acknowledged the target, its target in force is unknown: the hand is held, and only `arm`
        lets commands pass again.
        """
        with self._sending:
            gate = self._opened()
            now_s = self._clock()
            self._check_age(state, now_s)
            with self._latch:
                admitted = gate.admit(target, state.position, now_s)
            self.fed_s = now_s
            try:
                with _translated("command"):
                    applied = self._driver.command(admitted.target, self._period_s)
            except BaseException as error:
                self.hold(f"a command was not acknowledged: {describe(error)}")
                self._repeat_overtaken()
                raise
            with self._latch:
                gate.sent(admitted.target, now_s)
            self._repeat_overtaken()
            return Applied(applied.target, gate.names(admitted.hits) + applied.reasons)

    def heartbeat(self) -> None:
        """Send a sign of life without a command. Raises DriverGone, HandError."""
        self.fed_s = self._clock()
        with _translated("heartbeat"):
            self._driver.heartbeat()

    def hold(self, reason: str) -> None:
        """Hold the position and the grip; `arm` lets commands pass again. Never raises."""
        self._halt(Halt.HOLD, reason, lambda gate: gate.hold(reason))

    def relax(self, reason: str) -> None:
        """Release the grip slowly. Never raises."""
        self._halt(Halt.RELAX, reason, lambda gate: gate.relax(reason))

    def relax_held(self, reason: str) -> None:
        """`relax`, unless the hand does not hold any more. Never raises."""
        self._halt(
            Halt.RELAX, reason, lambda gate: gate.state is GateState.HOLD and gate.relax(reason)
        )

    def stop(self, reason: str) -> None:
        """Latch the stop; callable from any thread. Never raises."""
        self._halt(Halt.STOP, reason, lambda gate: gate.stop(reason))

    def deliver_owed(self) -> None:
        """Send the last halt again if the driver failed to deliver it. Never raises."""
        if self._halts.owed:
            with _patiently(self._sending):
                if self._halts.owed:
                    self._halts.deliver()

    def close(self, timeout_s: float = 1.0) -> None:
        """Close the link; may be called twice. Never raises."""
        with self._latch:
            if self._gate:
                self._gate.disconnect()
        attempt(lambda: self._driver.close(timeout_s))

    def _halt(self, kind: Halt, reason: str, change: Callable[[SafetyGate], bool]) -> None:
        """Close the gate, then send; a driver that hangs in a command must not block a stop."""
        with self._latch:
            if self._gate is None:
                # Not connected yet: only a stop is kept, for `connect`.
                self._halts.request(kind, reason)
                self._halts.overtaken, self._halts.pending = True, 0
                return
            if not change(self._gate):
                return
            self._halts.request(kind, reason)
        try:
            with _patiently(self._sending) as locked:
                self._halts.overtaken |= not locked
                self._halts.deliver()
        finally:
            with self._latch:
                self._halts.pending -= 1

    def _repeat_overtaken(self) -> None:
        """Send a halt again that did not wait for this thread: the last word is the halt."""
        if self._halts.overtaken:
            self._halts.overtaken = False
            self._halts.deliver()

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


@contextmanager
def _patiently(lock: threading.RLock) -> Iterator[bool]:
    """Hold the lock, or go on without it after `STOP_WAIT_S`; yields whether it is held."""
    locked = lock.acquire(timeout=STOP_WAIT_S)
    try:
        yield locked
    finally:
        if locked:
            lock.release()


@contextmanager
def _translated(call: str, kind: type[SleightError] = HandError) -> Iterator[None]:
    """Turn an error of a plug-in's driver that is not the project's into one of `kind`."""
    try:
        yield
    except SleightError:
        raise
    except Exception as error:
        raise kind(f"the hand's driver failed in {call}: {describe(error)}") from error
