"""`LocalHand`: a driver that runs the hand's side in this process: a session on a `Face`.

It does the same as the bridge, with one difference: if this process is killed, its watchdog dies
too, and the hand keeps its last target.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time

import numpy as np

from ...contract.hand_spec import HandSpec
from ...errors import ConnectError
from ...threads import WatchedThread, attempt
from ..hand.hand import Applied, DriverGone, HandDriver, HandMode, HandState, Health, StaleState
from ..link.face import Face, Layout, if_measured
from ..link.hand_side import HandSide, Watch
from ..link.peer_clock import ClockOffset, StateMeter

LOOK_S = 0.01
"""Period at which the session checks its client and the hand."""
BUSY_S = 0.1
"""Longest wait for the session while its thread is busy."""


def layout_of(spec: HandSpec) -> Layout:
    """A spec in plain Python, for a face."""
    limits = spec.lower.tolist(), spec.upper.tolist()
    return Layout(spec.joints, spec.actuators, spec.coupling.tolist(), *limits)


class LocalHand(HandDriver):
    """A `HandDriver` on a `Face`."""

    def __init__(
        self, spec: HandSpec, face: Face, force: float = 1.0, watch: Watch | None = None
    ) -> None:
        self.spec, self._face = spec, face
        self.simulated = face.simulated
        self._side = HandSide(face, layout_of(spec), watch or Watch(), force, _log)
        self._session = self._side.session
        self._lock = threading.RLock()
        self._arrival = threading.Condition()
        self._offset, self._meter = ClockOffset(), StateMeter()
        self._done = threading.Event()
        self._thread = WatchedThread("hand's session", self._run_session, self._died)
        self._seq = 0

    def connect(self, timeout_s: float) -> None:
        """Connect to the hand; the measured angles count as the target in force."""
        self._face.open(timeout_s, self._on_reading)
        try:
            self.read(timeout_s)
        except StaleState as error:
            self.close(timeout_s)
            raise ConnectError(f"{self._face.name}: no joint states: {error}") from error
        self._side.begin()
        self._side.step(time.monotonic())
        self._thread.start()

    def arm(self) -> Applied:
        """Arm: after a hold at the setpoint, else at the measured angles."""
        return self._request("arm")

    def read(self, max_age_s: float) -> HandState:
        """The newest state."""
        deadline_s = time.monotonic() + max_age_s
        with self._arrival:
            while True:
                self._check()
                state, now_s = self._state(), time.monotonic()
                if state and state.age_s <= max_age_s:
                    return state
                if now_s >= deadline_s:
                    age_s = state.age_s if state else math.inf
                    why = self._face.unread()
                    raise StaleState(
                        f"joint state: got an age of {age_s:.3f} s, allowed: {max_age_s:.3f} s"
                        + (f": {why}" if why else "")
                    )
                self._arrival.wait(deadline_s - now_s)

    def command(self, target: np.ndarray, duration_s: float) -> Applied:
        """Send a target; the hand does not acknowledge it."""
        return self._request("command", target=target.tolist(), duration_s=duration_s)

    def heartbeat(self) -> None:
        """Send a sign of life to the session."""
        self._request("heartbeat")

    def hold(self) -> None:
        """Hold the position and the grip."""
        self._handle("hold")

    def relax(self) -> None:
        """Reduce the force; a hand without a force setting follows its joints."""
        self._handle("relax")

    def stop(self, reason: str) -> None:
        """Latch the stop of the session."""
        with contextlib.suppress(DriverGone):
            self._handle("stop", reason=reason)

    def health(self) -> Health:
        """Rate, age and gaps of the joint states."""
        meter = self._meter
        link = meter.rate_hz, meter.age_s, meter.states, meter.lost
        return Health(self._session.mode, *link, self._face.temperature_c())

    def close(self, timeout_s: float) -> None:
        """Hold, then disconnect."""
        started = self._thread.ident is not None
        if not self._done.is_set() and started:
            self._handle("hold")
        self._done.set()
        if started:  # a session that still ran could send to a closed hand
            self._thread.join(timeout_s)
        self._face.close(timeout_s)

    def _request(self, kind: str, **fields: object) -> Applied:
        ack = self._handle(kind, **fields)
        return (
            Applied.of(kind, ack)
            if ack is not None
            else Applied(np.array(self._side.motion.target))
        )

    def _handle(self, kind: str, **fields: object) -> dict | None:
        self._check(halting=kind in ("hold", "relax", "stop"))
        # A face that hangs must not block a stop; it does block a command.
        locked = self._lock.acquire(timeout=BUSY_S)
        try:
            if not locked and kind in ("arm", "command"):
                raise StaleState(f"{self._face.name}: busy for {BUSY_S} s")
            self._seq += 1
            message = {"type": kind, "seq": self._seq, **fields}
            return self._session.handle(message, time.monotonic())
        finally:
            if locked:
                self._lock.release()

    def _run_session(self) -> None:
        while not self._done.wait(LOOK_S):
            now_s = time.monotonic()
            with self._lock:
                self._side.step(now_s)
                self._session.watch(now_s, True)

    def _died(self, failure: str) -> None:
        """On the session's thread: without its watchdog, the hand must not stay armed."""
        attempt(lambda: self._session.lost(failure, time.monotonic()))
        with self._arrival:
            self._arrival.notify_all()

    def _on_reading(self) -> None:
        """On the face's thread, after each reading."""
        reading = self._face.reading()
        with self._arrival:
            if reading is not None:
                self._meter.note(reading.seq, reading.received_s)
                self._offset.update(reading.time_s, reading.received_s)
            self._arrival.notify_all()

    def _state(self) -> HandState | None:
        reading = self._face.reading()
        if reading is None or not self._meter.states:
            return None
        effort = if_measured(reading.effort, len(self.spec.actuators))
        return HandState(
            position=np.array(reading.position),
            velocity=np.array(reading.velocity),
            effort=np.array(effort) if len(effort) else None,
            sensor_time_s=reading.time_s,
            received_s=reading.received_s,
            age_s=time.monotonic() - self._offset.ours(reading.time_s),
            seq=reading.seq,
            mode=HandMode(self._session.mode),
        )

    def _check(self, halting: bool = False) -> None:
        """Raise DriverGone if the link has ended; a halt passes as long as it is not closed."""
        if self._done.is_set():
            raise DriverGone(f"{self._face.name}: the link has ended: closed")
        if self._thread.failure and not halting:
            raise DriverGone(f"{self._face.name}: the link has ended: {self._thread.failure}")


def _log(event: str, **_: object) -> None:
    """Discard events: the log of the run covers a hand in this process."""
