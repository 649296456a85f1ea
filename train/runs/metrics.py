"""The metrics of a run: one line of JSON per iteration."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from ...errors import SleightError
from ...files import write_text

if TYPE_CHECKING:
    from ...envs.episode import Episode

RECENT = 200
"""Number of finished episodes in the running means."""
EPISODE_MEANS = (
    "successes_mean", "successes_max", "drop_rate", "episode_length", "episode_reward",
)  # fmt: skip
"""Metrics of an `EpisodeWindow`."""
MOST_ROWS = 2000
"""Rows of a run on a page: more than its charts have pixels."""
_BLOCK = 1 << 16


class EpisodeWindow:
    """Means over the latest finished episodes."""

    def __init__(self) -> None:
        self.episodes: deque[tuple[int, int, float, bool]] = deque(maxlen=RECENT)

    def add(self, episodes: tuple[Episode, ...]) -> None:
        """Add finished episodes."""
        self.episodes.extend((e.successes, e.length, e.reward, e.dropped) for e in episodes)

    def means(self) -> dict[str, float]:
        """EPISODE_MEANS; {} before the first."""
        if not self.episodes:
            return {}
        successes, length, reward, dropped = zip(*self.episodes, strict=True)
        means = (
            fmean(successes),
            float(max(successes)),
            fmean(map(float, dropped)),
            fmean(length),
            fmean(reward),
        )
        return dict(zip(EPISODE_MEANS, means, strict=True))

    def state(self) -> list[list[float]]:
        """As plain data, for a checkpoint."""
        return [list(episode) for episode in self.episodes]

    def load_state(self, state: list[Any]) -> None:
        """Continue from `state()`."""
        episodes = ((int(e[0]), int(e[1]), float(e[2]), bool(e[3])) for e in state)
        self.episodes = deque(episodes, maxlen=RECENT)


class MetricsFile:
    """metrics.jsonl: appended to, and truncated to the checkpoint when a run is resumed."""

    def __init__(self, path: Path, resume_at: int | None = None) -> None:
        self.path = path
        if resume_at is not None:
            _cut_after(path, resume_at)

    def write(self, row: dict[str, Any]) -> None:
        """Append one line. Raises SleightError when the disk is full."""
        try:
            with self.path.open("a") as file:
                file.write(json.dumps(row) + "\n")
        except OSError as error:
            raise SleightError(f"{self.path}: cannot be written: {error.strerror}") from error


def _cut_after(path: Path, steps: int) -> None:
    """Shorten the file to its lines of up to `steps`; a line that was cut off goes too."""
    end = 0
    for row, after in _backwards(path):
        if row.get("steps", 0) <= steps:
            end = after
            break
    try:
        if path.is_file():
            os.truncate(path, end)
        else:
            write_text(path, "")
    except OSError as error:
        raise SleightError(f"{path}: cannot be written: {error.strerror}") from error


def read_metrics(path: Path, most: int | None = None) -> list[dict[str, Any]]:
    """The rows of a metrics.jsonl; a line that was cut off when a run died is left out.

    most: about so many rows, evenly over the run and with the last; a page shows no more, and a
    long run has hundreds of thousands.
    """
    if not path.is_file():
        return []
    every = 1
    if most is not None:
        with path.open("rb") as file:
            every = max(1, -(-sum(1 for _ in file) // most))
    rows, line = [], b""
    with path.open("rb") as file:
        for number, line in enumerate(file):
            if number % every == 0:
                rows += _parsed(line)
                line = b""
    return rows + _parsed(line)


def last_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a metrics.jsonl from the last to the first, read as they are asked for."""
    for row, _ in _backwards(path):
        yield row


def _backwards(path: Path) -> Iterator[tuple[dict[str, Any], int]]:
    """Each whole row with the offset of its end in the file, from the last to the first."""
    try:
        file = path.open("rb")
    except OSError:
        return
    with file:
        start, text = file.seek(0, os.SEEK_END), b""
        while start or text:
            cut = text.rfind(b"\n", 0, len(text) - 1) + 1
            if not cut and start:  # the line begins in the block before
                size = min(_BLOCK, start)
                start = file.seek(start - size)
                text = file.read(size) + text
                continue
            line, end = text[cut:], start + len(text)
            text = text[:cut]
            for row in _parsed(line) if line.endswith(b"\n") else ():
                yield row, end


def _parsed(line: bytes) -> list[dict[str, Any]]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return []
    return [row] if isinstance(row, dict) else []
