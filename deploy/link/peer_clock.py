"""The other end's clock, and how regularly its messages come."""

from __future__ import annotations

import math
import time
from collections import deque


class ClockOffset:
    """Maps the other end's clock to ours, by the fastest message of the last 10 to 20 s.

    The age of a message then includes its delay beyond the fastest one's, so that messages which
    piled up while this program was stopped count as old. A window bounds the drift of the clocks.
    """

    WINDOW_S = 10.0

    def __init__(self) -> None:
        self._best = [math.inf, math.inf]
        self._started_s = -math.inf

    def update(self, sent_s: float, received_s: float) -> None:
        """One message: when it was sent on their clock, received on ours."""
        if received_s - self._started_s > self.WINDOW_S:
            self._best = [math.inf, self._best[0]]
            self._started_s = received_s
        self._best[0] = min(self._best[0], received_s - sent_s)

    def ours(self, sent_s: float) -> float:
        """Their time on our clock."""
        return sent_s + min(self._best)


class StateMeter:
    """Counts states: their rate over the last seconds, and the gaps in their numbers."""

    def __init__(self) -> None:
        self._arrivals: deque[float] = deque(maxlen=250)
        self._first_seq = self._last_seq = 0
        self.states = 0

    def note(self, seq: int, received_s: float) -> None:
        """One state has arrived; one may have overtaken another."""
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
        """Since the last one arrived."""
        return time.monotonic() - self._arrivals[-1] if self._arrivals else math.inf

    @property
    def lost(self) -> int:
        """Numbers that never came."""
        return self._last_seq - self._first_seq + 1 - self.states if self.states else 0
