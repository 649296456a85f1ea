"""The hand's bus: read sixteen servos, tell them where to go."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import numpy as np

from sleight.deploy.link.face import Face, Reading
from sleight.errors import ConnectError

from .spec import LEAP


class Servos:
    """Sixteen position servos on one bus, simulated: each follows its goal with a lag."""

    LAG_S = 0.05

    def __init__(self, count: int) -> None:
        self.position = np.zeros(count)
        self.velocity = np.zeros(count)
        self._goal = np.zeros(count)
        self._read_s = time.monotonic()

    def read(self) -> tuple[np.ndarray, np.ndarray]:
        """Positions [rad] and velocities [rad/s]."""
        now_s = time.monotonic()
        share = 1.0 - np.exp((self._read_s - now_s) / self.LAG_S)
        moved = share * (self._goal - self.position)
        self.velocity = moved / max(now_s - self._read_s, 1e-6)
        self.position = self.position + moved
        self._read_s = now_s
        return self.position, self.velocity

    def write(self, goal: Sequence[float]) -> None:
        """Goals [rad]; the servos take them at once."""
        self._goal = np.array(goal)


class LeapFace(Face):
    """Reads the bus at a steady rate on its own thread."""

    simulated = True
    state_rate_hz = 90.0

    def __init__(self, count: int) -> None:
        self.name = "LEAP hand"
        self._servos, self._lock = Servos(count), threading.Lock()
        self._reading: Reading | None = None
        self._done = threading.Event()
        self._thread: threading.Thread | None = None

    def open(self, timeout_s: float, on_reading: Callable[[], None]) -> None:
        """Check that every servo answers, and start to read."""
        count = len(self._servos.position)
        if count != len(LEAP.joints):
            raise ConnectError(f"{self.name}: got {count} servos, allowed: {len(LEAP.joints)}")
        self._read(0)
        self._thread = threading.Thread(target=self._run, args=(on_reading,), daemon=True)
        self._thread.start()
        on_reading()

    def reading(self) -> Reading | None:
        """The newest reading."""
        return self._reading

    def deaf(self) -> str:
        """Always empty: a bus that does not answer shows by the age of its readings."""
        return ""

    def send(self, target: Sequence[float], duration_s: float) -> None:
        """Send one goal to each servo."""
        with self._lock:
            self._servos.write(target)

    def close(self, timeout_s: float) -> None:
        """Stop reading."""
        self._done.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self, on_reading: Callable[[], None]) -> None:
        seq = 0
        while not self._done.wait(1.0 / self.state_rate_hz):
            seq += 1
            self._read(seq)
            on_reading()

    def _read(self, seq: int) -> None:
        with self._lock:
            position, velocity = self._servos.read()
        now_s = time.monotonic()
        self._reading = Reading(position.tolist(), velocity.tolist(), [], now_s, now_s, seq)
