"""What a run writes down about itself: one line of JSON per iteration, and W&B beside it."""

from __future__ import annotations

import json
import os
from collections import deque
from contextlib import suppress
from pathlib import Path
from statistics import fmean
from typing import Any

from ..envs.env import Episode
from ..errors import SleightError
from ..files import write_text

RECENT = 200
"""Finished episodes that the running means are over."""


class EpisodeWindow:
    """Means over the latest finished episodes."""

    def __init__(self) -> None:
        self.episodes: deque[tuple[int, int, float, bool]] = deque(maxlen=RECENT)

    def add(self, episodes: tuple[Episode, ...]) -> None:
        """Note finished episodes."""
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
        self.episodes = deque(((e[0], e[1], e[2], bool(e[3])) for e in state), maxlen=RECENT)


class MetricsFile:
    """metrics.jsonl: appended to, and cut back to the checkpoint when a run goes on from one."""

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


class Wandb:
    """Weights & Biases, online when somebody is logged in; its failures never reach the run."""

    def __init__(self, mode: str, folder: Path, config: dict[str, Any], name: str) -> None:
        self._run: Any = None
        if mode == "off":
            return
        os.environ.setdefault("WANDB_SILENT", "true")
        import wandb

        online = mode == "auto" and bool(os.environ.get("WANDB_API_KEY") or _netrc())
        try:
            self._run = wandb.init(
                project="sleight",
                name=name,
                dir=str(folder),
                config=config,
                mode="online" if online else "offline",
            )
        except (wandb.Error, OSError) as error:
            self._run = None
            with suppress(OSError):
                (folder / "wandb-error.txt").write_text(f"{error}\n")

    def log(self, row: dict[str, Any]) -> None:
        """Send one row."""
        if self._run is not None:
            self._run.log({k: v for k, v in row.items() if k != "steps"}, step=row["steps"])

    def close(self) -> None:
        """Finish the run."""
        if self._run is not None:
            self._run.finish()


def _netrc() -> bool:
    path = Path.home() / ".netrc"
    return path.is_file() and "wandb" in path.read_text(errors="replace")
