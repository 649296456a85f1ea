"""The journal of a sweep: every decision as a JSON line, written to disk before it is executed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...errors import DataError, SleightError, nearest
from ...files import read_text

JOURNAL = "journal.jsonl"
Event = dict[str, Any]


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_score(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _is_setting(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(v, str | int | float) for v in value.values())


def _is_move(value: Any) -> bool:
    return isinstance(value, dict) and (
        _is_count(value.get("member"))
        and _is_count(value.get("donor"))
        and _is_setting(value.get("values"))
    )


def _is_moves(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_move, value))


def _is_scores(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_score, value))


def _is_end(value: Any) -> bool:
    return value in ("complete", "pruned", "failed")


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


FIELDS: dict[str, dict[str, Callable[[Any], bool]]] = {
    "setting": {"setting": _is_count, "values": _is_setting},
    "rung": {"setting": _is_count, "steps": _is_count, "value": _is_score},
    "end": {"setting": _is_count, "seed": _is_count, "state": _is_end, "value": _is_score,
            "steps": _is_count, "remark": _is_text},
    "generation": {"generation": _is_count, "steps": _is_count, "scores": _is_scores,
                   "moves": _is_moves},
    "moved": {"generation": _is_count},
}  # fmt: skip
"""Kind of event -> its fields, with a check for each."""


class Journal:
    """An append-only file, flushed to disk; an incomplete last line is removed."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / JOURNAL
        self.events = read(self.path) if self.path.exists() else []
        if self.path.exists():
            self._cut()

    def add(self, event: str, **fields: Any) -> Event:
        """Write one event. Raises SleightError when the disk is full."""
        row: Event = {"event": event, **fields}
        check(row, str(self.path))
        try:
            with self.path.open("a") as file:
                file.write(json.dumps(row) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise SleightError(f"{self.path}: cannot be written: {error.strerror}") from error
        self.events.append(row)
        return row

    def _cut(self) -> None:
        whole = self.path.read_bytes()
        end = whole.rfind(b"\n") + 1
        if end < len(whole):
            os.truncate(self.path, end)


def read(path: Path) -> list[Event]:
    """The events so far. Raises DataError that names the first invalid line."""
    lines = read_text(path).split("\n")[:-1]
    events = []
    for number, line in enumerate(lines, 1):
        where = f"{path}: line {number}"
        try:
            row = json.loads(line)
        except (json.JSONDecodeError, RecursionError):
            raise DataError(f"{where}: got {line[:40]!r}, allowed: a JSON object") from None
        check(row, where)
        events.append(row)
    return events


def check(row: Any, where: str) -> None:
    """Raise DataError unless `row` is an event."""
    kind = row.get("event") if isinstance(row, dict) else None
    if not isinstance(kind, str) or kind not in FIELDS:
        raise DataError(f"{where}: event: got {kind!r:.40}, {nearest(str(kind), FIELDS)}")
    for name, fits in FIELDS[kind].items():
        if name not in row or not fits(row[name]):
            raise DataError(f"{where}: {name}: got {row.get(name)!r:.40}, allowed: as written")
