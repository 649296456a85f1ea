"""Progress of a long job: a bar on a terminal, or a line in a log from time to time."""

from __future__ import annotations

import sys
import time

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

LOG_EVERY_S = 30.0


class ProgressBar:
    """`with ProgressBar("train", total) as bar: bar.update(done, "success 3.1")`."""

    def __init__(self, title: str, total: int, done: int = 0, unit: str = "steps") -> None:
        self._title, self._total, self._unit = title, total, unit
        self._start, self._begun, self._spoke = done, time.monotonic(), time.monotonic()
        self._bar: Progress | None = None
        if sys.stderr.isatty():
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[note]}"),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
            )
            self._task = self._bar.add_task(title, total=total, completed=done, note="")

    def __enter__(self) -> ProgressBar:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, done: int, note: str = "") -> None:
        """Show `done` of the total, with the rate and the time left."""
        seconds = max(time.monotonic() - self._begun, 1e-9)
        rate = (done - self._start) / seconds
        note = f"{_rate(rate, self._unit)}  {note}".rstrip()
        if self._bar is not None:
            self._bar.update(self._task, completed=done, note=note)
            return
        last = done >= self._total
        if last or time.monotonic() - self._spoke >= LOG_EVERY_S:
            self._spoke = time.monotonic()
            line = f"{self._title}: {done:,} of {self._total:,} {self._unit}, {note}"
            if rate > 0 or last:
                line += f", {_clock(max(self._total - done, 0) / max(rate, 1e-9))} left"
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()


def _rate(rate: float, unit: str) -> str:
    """In the unit of time that leaves something to see."""
    if rate < 0.1:
        return f"{3600 * rate:.1f} {unit}/h"
    return f"{rate:,.0f} {unit}/s" if rate >= 10 else f"{rate:.1f} {unit}/s"


def _clock(seconds: float) -> str:
    minutes = int(seconds // 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{int(seconds % 60):02d}"
