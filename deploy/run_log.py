"""The run's log: JSON lines, written by a thread so that a slow disk delays no turn of the loop."""

from __future__ import annotations

import json
import queue
import threading
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import SleightError

DEPTH = 2000
"""Lines that may wait for the disk: well over a minute of them."""


class LogError(SleightError):
    """The log cannot be written; a run without its log is not worth its risk."""


class RunLog:
    """Append records; `check` tells the loop when the disk has failed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: queue.Queue[dict[str, Any] | None] = queue.Queue(DEPTH)
        self._error = ""
        try:
            self._file = path.open("w", encoding="utf-8", buffering=1)
        except OSError as error:
            raise LogError(f"{path}: cannot be written: {error.strerror}") from error
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def write(self, event: str, **fields: Any) -> None:
        """Queue one record. Raises LogError once the disk has failed or is hopelessly slow."""
        self.check()
        try:
            self._lines.put_nowait({"event": event, **fields})
        except queue.Full:
            self._error = f"{self._path}: the disk is too slow: {DEPTH} lines wait for it"
            self.check()

    def check(self) -> None:
        """Raises LogError with one line when something went wrong."""
        if self._error:
            raise LogError(self._error)

    def close(self) -> None:
        """Write what waits, and end. Never raises; `check` tells afterwards."""
        if self._thread.is_alive():
            self._lines.put(None)
            self._thread.join()

    def _run(self) -> None:
        try:
            with self._file:
                while (record := self._lines.get()) is not None:
                    self._file.write(json.dumps(record, default=_plain) + "\n")
        except OSError as error:
            self._error = f"{self._path}: {error.strerror}; the log ends here"
            while self._lines.get() is not None:
                pass  # Nobody may block on a queue that is not read any more.


def _plain(value: Any) -> Any:
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    return str(value)
