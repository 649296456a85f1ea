"""The clock of the loop: absolute deadlines, and what to do when one is missed."""

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
    """Counts deadlines, missed ones too: the time since the start is `index` periods."""
    lateness_s: float
    """How long after its deadline it began."""
    dropped: int
    """Deadlines that went by without a turn, just before this one."""


class Pacer:
    """Turns at `start + k * period`: a late one delays no other, a missed one is never made up."""

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
        """Sleep until the next deadline that has not gone by for a whole period."""
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
    """When a late turn still counts."""

    late_s: Annotated[float, Range(1e-4, 1)] = 0.02
    """A turn later than this does not ask the policy; it repeats the last target."""
    send_s: Annotated[float, Range(1e-3, 1)] = 0.06
    """A turn that sends later than this after its deadline counts as late too."""
    window: Annotated[int, Range(2, 10_000)] = 100
    """Turns over which late ones are counted."""
    late_share: Annotated[float, Range(0, 1)] = 0.05
    """The hand holds when more of the window than this was late."""
    in_a_row: Annotated[int, Range(1, 100)] = 2
    """The hand holds when this many deadlines in a row were late or missed."""


class Verdict(StrEnum):
    """What a turn may do."""

    RUN = "run"
    REPEAT = "repeat"
    HOLD = "hold"


class OverrunGuard:
    """Judges each turn by the ones before it."""

    def __init__(self, config: OverrunConfig) -> None:
        self._config = config
        self.reset()

    def reset(self) -> None:
        """Forget the turns before, as after a hold."""
        self._recent: deque[bool] = deque(maxlen=self._config.window)
        self._row = 0

    def judge(self, tick: Tick) -> Verdict:
        """RUN, REPEAT (late: the last target again, the policy's memory kept) or HOLD."""
        itself = tick.lateness_s >= self._config.late_s
        late = itself or tick.dropped > 0
        self._recent.extend([True] * min(tick.dropped, self._config.window))
        self._recent.append(late)
        # Deadlines that went by without a turn are late ones in a row.
        self._row = self._row + tick.dropped + itself if late else 0
        allowed = self._config.late_share * self._config.window
        if self._row >= self._config.in_a_row or sum(self._recent) > allowed:
            return Verdict.HOLD
        return Verdict.REPEAT if late else Verdict.RUN

    def overran(self) -> None:
        """The turn that was judged last began in time and took too long: it counts as late."""
        if not self._recent[-1]:
            self._recent[-1] = True
            self._row += 1
