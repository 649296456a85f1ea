"""What happened at the hand, as the hand's side tells it: JSON lines, each written at once."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, TextIO

from ..errors import SleightError


class HandLog:
    """JSON lines; `t` is the machine's monotonic clock. Numbers are rounded, for the reader."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.error = ""
        """Why the log ended early; empty while it is whole."""
        try:
            self._file: TextIO | None = path.open("w", buffering=1) if path else None
        except OSError as error:
            raise SleightError(f"{path}: cannot be written: {error.strerror}") from error

    def __call__(self, event: str, **fields: Any) -> None:
        """Write one line, at once."""
        if self._file is None:
            return
        plain = {name: _plain(value) for name, value in fields.items()}
        try:
            self._file.write(json.dumps({"t": time.monotonic(), "event": event, **plain}) + "\n")
        except OSError as error:
            # A hand does not let go because its log is full.
            self.error = f"{self._path}: {error.strerror}; the log ends at {event}"
            self._file = None


def _plain(value: Any) -> Any:
    """Sequences of numbers, arrays among them, as rounded lists."""
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        return value
    return [item if isinstance(item, (int, str)) else round(float(item), 5) for item in value]
