"""Who renders the shards of a job: processes of this machine, or workers elsewhere."""

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
"""Between two looks at those that are at work."""


class Crew(ABC):
    """Makes the shards of `folder`, `sizes` samples each; what is there already stays.

    A shard whose worker ended without it is begun anew: it depends on its number alone.
    """

    def __init__(self, config: RenderConfig, folder: Path, sizes: list[int]) -> None:
        self.config, self.folder, self.sizes = config, folder, sizes
        self._deaths = 0

    def work(self, report: Report) -> None:
        """Until every shard is there. Raises SleightError when workers die again and again."""
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
        """Whether the shard is there, whole."""
        return shard_size(shard_path(self.folder, index)) == self.sizes[index]

    @abstractmethod
    def room(self) -> bool:
        """Whether somebody can begin a shard."""

    @abstractmethod
    def begin(self, index: int) -> None:
        """Let somebody make this shard."""

    @abstractmethod
    def collect(self) -> tuple[list[int], dict[int, str]]:
        """Shards that were made since the last call; and those that were not, with the reason."""

    @abstractmethod
    def close(self) -> None:
        """End those that are at work."""

    def _count_death(self, index: int, why: str) -> None:
        self._deaths += 1
        if self._deaths > self.config.restarts:
            raise SleightError(
                f"{shard_path(self.folder, index)}: its process {why};"
                f" {self._deaths} processes died, allowed: {self.config.restarts}"
            )


CrewOf = Callable[[RenderConfig, Path, list[int]], Crew]
