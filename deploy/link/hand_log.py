"""The event log of the hand's side: JSON lines, written by a thread.

A slow disk must delay neither the steps of the hand nor its watchdog.
"""

from __future__ import annotations

import json
import queue
import time
from pathlib import Path
from typing import Any, TextIO

from ...errors import SleightError
from ...threads import WatchedThread

DEPTH = 10_000
"""Most lines in the queue for the disk; enough for minutes."""
CLOSE_S = 2.0
"""Longest wait for a slow disk when the log is closed."""


class HandLog:
    """JSON lines; `t` is the machine's monotonic clock. Numbers are rounded."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.error = ""
        """Why the log ended early; empty while it is complete."""
        self._thread: WatchedThread | None = None
        if path is None:
            return
        try:
            file = path.open("w", buffering=1)
        except OSError as error:
            raise SleightError(f"{path}: cannot be written: {error.strerror}") from error
        # Events and their lines; None ends the log.
        self._waiting: queue.Queue[tuple[str, str] | None] = queue.Queue(DEPTH)
        self._thread = WatchedThread(
            "hand log", lambda: self._write(file), lambda why: self._end(why, "an unwritten event")
        )
        self._thread.start()

    def __call__(self, event: str, **fields: Any) -> None:
        """Queue one line for the writer thread."""
        if self._thread is None or self.error:
            return
        plain = {name: _plain(value) for name, value in fields.items()}
        line = json.dumps({"t": time.monotonic(), "event": event, **plain}) + "\n"
        try:
            self._waiting.put_nowait((event, line))
        except queue.Full:
            self._end("the disk is too slow", event)

    def close(self) -> None:
        """Write the queued lines and end; may be called twice. Never raises."""
        if self._thread is None:
            return
        try:
            self._waiting.put(None, timeout=CLOSE_S)
        except queue.Full:
            return
        self._thread.join(CLOSE_S)

    def _write(self, file: TextIO) -> None:
        full = False
        for event, line in iter(self._waiting.get, None):
            try:
                if not full:
                    file.write(line)
            except OSError as error:
                # A full disk must not stop the hand.
                full = True
                self._end(str(error.strerror), event)

    def _end(self, why: str, event: str) -> None:
        self.error = f"{self._path}: {why}; the log ends at {event}"


def _plain(value: Any) -> Any:
    """Sequences of numbers, including arrays, as rounded lists."""
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        return value
    return [item if isinstance(item, (int, str)) else round(float(item), 5) for item in value]
