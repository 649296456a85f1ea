"""`Crew`: the interface to the workers that render the shards of a job."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

from ...errors import SleightError
from ..config import RenderConfig
from .shards import shard_path, shard_size

Report = Callable[[int], None]
LOOK_S = 0.05
"""Time between two polls of the workers."""


class Crew(ABC):
    """Renders the missing shards of `folder`; `sizes` has the samples per shard.

    If a worker fails, its shard is restarted: a shard depends only on its number.
    """

    def __init__(self, config: RenderConfig, folder: Path, sizes: list[int]) -> None:
        self.config, self.folder, self.sizes = config, folder, sizes
        self._deaths = 0

    def work(self, report: Report) -> None:
        """Render all missing shards. Raises SleightError if too many workers die."""
        waiting = [index for index in range(len(self.sizes)) if not self.made(index)]
        done = sum(self.sizes) - sum(self.sizes[index] for index in waiting)
        busy = 0
        try:
            while waiting or busy:
                while waiting and self.room():
                    self.begin(waiting.pop(0))
                    busy += 1
                time.sleep(LOOK_S)
                made, lost = self.collect()
                busy -= len(made) + len(lost)
                waiting += lost
                done += sum(self.sizes[index] for index in made)
                for index in lost:
                    self._count_death(index, lost[index])
                if made:
                    report(done)
        finally:
            self.close()

    def made(self, index: int) -> bool:
        """Whether the shard exists and is complete."""
        return shard_size(shard_path(self.folder, index)) == self.sizes[index]

    @abstractmethod
    def room(self) -> bool:
        """Whether a worker is free."""

    @abstractmethod
    def begin(self, index: int) -> None:
        """Start a worker on this shard."""

    @abstractmethod
    def collect(self) -> tuple[list[int], dict[int, str]]:
        """Shards that are done since the last call, and failed ones with the reason."""

    @abstractmethod
    def close(self) -> None:
        """Stop the running workers."""

    def _count_death(self, index: int, why: str) -> None:
        self._deaths += 1
        if self._deaths > self.config.restarts:
            raise SleightError(
                f"{shard_path(self.folder, index)}: its process {why};"
                f" {self._deaths} processes died, allowed: {self.config.restarts}"
            )


CrewOf = Callable[[RenderConfig, Path, list[int]], Crew]
