"""The offset of the peer's clock, and the rate and losses of its messages."""

from __future__ import annotations

import math
import time
from collections import deque


class ClockOffset:
    """Maps the peer's clock to ours, by the fastest message of the last 10 to 20 s.

    The age of a message then includes its delay beyond that of the fastest message. Messages that
    queued up while this program was stopped therefore count as old. The window limits clock drift.
    """

    WINDOW_S = 10.0

    def __init__(self) -> None:
        self._best = [math.inf, math.inf]
        self._started_s = -math.inf

    def update(self, sent_s: float, received_s: float) -> None:
        """Add a message: time of sending on the peer's clock, time of receipt on ours."""
        if received_s - self._started_s > self.WINDOW_S:
            self._best = [math.inf, self._best[0]]
            self._started_s = received_s
        self._best[0] = min(self._best[0], received_s - sent_s)

    def ours(self, sent_s: float) -> float:
        """The peer's time on our clock."""
        return sent_s + min(self._best)


class StateMeter:
    """Counts states: rate over the last seconds, and gaps in the sequence numbers."""

    def __init__(self) -> None:
        self._arrivals: deque[float] = deque(maxlen=250)
        self._first_seq = self._last_seq = 0
        self.states = 0

    def note(self, seq: int, received_s: float) -> None:
        """Count a state; states may arrive out of order."""
        self._first_seq = min(self._first_seq, seq) if self.states else seq
        self._last_seq = max(self._last_seq, seq)
        self._arrivals.append(received_s)
        self.states += 1

    @property
    def rate_hz(self) -> float:
        """States per second."""
        span_s = self._arrivals[-1] - self._arrivals[0] if len(self._arrivals) > 1 else 0.0
        return (len(self._arrivals) - 1) / span_s if span_s else 0.0

    @property
    def age_s(self) -> float:
        """Time since the last state arrived."""
        return time.monotonic() - self._arrivals[-1] if self._arrivals else math.inf

    @property
    def lost(self) -> int:
        """Number of states that are missing."""
        return self._last_seq - self._first_seq + 1 - self.states if self.states else 0
