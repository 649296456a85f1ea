"""The metrics of a run: one line of JSON per iteration."""

from __future__ import annotations

import json
from collections import deque
from pathlib import Path
from statistics import fmean
from typing import Any

from ...envs.episode import Episode
from ...errors import SleightError
from ...files import write_text

RECENT = 200
"""Number of finished episodes in the running means."""


class EpisodeWindow:
    """Means over the latest finished episodes."""

    def __init__(self) -> None:
        self.episodes: deque[tuple[int, int, float, bool]] = deque(maxlen=RECENT)

    def add(self, episodes: tuple[Episode, ...]) -> None:
        """Add finished episodes."""
        self.episodes.extend((e.successes, e.length, e.reward, e.dropped) for e in episodes)

    def means(self) -> dict[str, float]:
        """successes_mean, _max, drop_rate, episode_length, episode_reward; {} before the first."""
        if not self.episodes:
            return {}
        successes, length, reward, dropped = zip(*self.episodes, strict=True)
        return {
            "successes_mean": fmean(successes),
            "successes_max": float(max(successes)),
            "drop_rate": fmean(map(float, dropped)),
            "episode_length": fmean(length),
            "episode_reward": fmean(reward),
        }

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
            kept = [row for row in read_metrics(path) if row.get("steps", 0) <= resume_at]
            write_text(path, "".join(json.dumps(row) + "\n" for row in kept))

    def write(self, row: dict[str, Any]) -> None:
        """Append one line. Raises SleightError when the disk is full."""
        try:
            with self.path.open("a") as file:
                file.write(json.dumps(row) + "\n")
        except OSError as error:
            raise SleightError(f"{self.path}: cannot be written: {error.strerror}") from error


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The rows of a metrics.jsonl; a line that was cut off when a run died is left out."""
    rows = []
    lines = path.read_text(errors="replace").splitlines() if path.is_file() else []
    for line in lines:
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(row, dict):
            rows.append(row)
    return rows
