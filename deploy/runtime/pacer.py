"""The pacing of the loop: absolute deadlines, and rules for late and missed turns."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from ...config import Range


@dataclass(frozen=True)
class Tick:
    """One turn of the loop."""

    index: int
    """Number of the deadline, missed ones included: `index` periods after the start."""
    lateness_s: float
    """Start of the turn after its deadline [s]."""
    dropped: int
    """Number of missed deadlines just before this turn."""


class Pacer:
    """Turns at `start + k * period`: a late turn delays no other, a missed turn is skipped."""

    def __init__(
        self,
        period_s: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._period_s, self._clock, self._sleep = period_s, clock, sleep
        self._start_s = clock()
        self._index = -1

    def wait(self) -> Tick:
        """Sleep until the next deadline; skip deadlines that passed more than a period ago."""
        due = self._index + 1
        wait_s = self._start_s + due * self._period_s - self._clock()
        if wait_s > 0:
            self._sleep(wait_s)
        late_s = self._clock() - (self._start_s + due * self._period_s)
        dropped = max(int(late_s // self._period_s), 0)
        self._index = due + dropped
        return Tick(self._index, max(late_s - dropped * self._period_s, 0.0), dropped)


@dataclass(frozen=True)
class OverrunConfig:
    """Rules for late turns."""

    late_s: Annotated[float, Range(1e-4, 1)] = 0.02
    """A turn that starts later than this [s] repeats the last target without the policy."""
    send_s: Annotated[float, Range(1e-3, 1)] = 0.06
    """A turn that sends its target later than this after its deadline [s] counts as late too."""
    window: Annotated[int, Range(2, 10_000)] = 100
    """Number of recent turns in which late ones are counted."""
    late_share: Annotated[float, Range(0, 1)] = 0.05
    """The hand holds when a larger fraction of the window than this was late."""
    in_a_row: Annotated[int, Range(1, 100)] = 2
    """The hand holds when this many consecutive deadlines were late or missed."""


class Verdict(StrEnum):
    """The action that is allowed in a turn."""

    RUN = "run"
    REPEAT = "repeat"
    HOLD = "hold"


class OverrunGuard:
    """Decides for each turn whether it may run, from its lateness and the turns before."""

    def __init__(self, config: OverrunConfig) -> None:
        self._config = config
        self.reset()

    def reset(self) -> None:
        """Forget the previous turns, for example after a hold."""
        self._recent: deque[bool] = deque(maxlen=self._config.window)
        self._row = 0

    def judge(self, tick: Tick) -> Verdict:
        """RUN, REPEAT (late: send the last target again, keep the policy's memory) or HOLD."""
        itself = tick.lateness_s >= self._config.late_s
        late = itself or tick.dropped > 0
        self._recent.extend([True] * min(tick.dropped, self._config.window))
        self._recent.append(late)
        # Missed deadlines count as consecutive late turns.
        self._row = self._row + tick.dropped + itself if late else 0
        allowed = self._config.late_share * self._config.window
        if self._row >= self._config.in_a_row or sum(self._recent) > allowed:
            return Verdict.HOLD
        return Verdict.REPEAT if late else Verdict.RUN

    def overran(self) -> None:
        """Count the last judged turn as late: it began in time but took too long."""
        if not self._recent[-1]:
            self._recent[-1] = True
            self._row += 1
