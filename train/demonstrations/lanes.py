"""Which rows of a data set the next batch has."""

from __future__ import annotations

import torch
from torch import Tensor


class Lanes:
    """N readers of E episodes: each reads an episode to its end, then the next one of a common
    order, which is drawn anew when it is used up.

    A reader begins somewhere in its first episode, so that they are not all at the same place.
    """

    def __init__(self, begins: Tensor, ends: Tensor, count: int, seed: int) -> None:
        """begins, ends: (E,) rows of each episode."""
        self._begins, self._ends = begins, ends
        self._generator = torch.Generator().manual_seed(seed)
        self._queue = torch.zeros(0, dtype=torch.long)
        first = self._episodes(count)
        lengths = ends[first] - begins[first]
        offset = (torch.rand(count, generator=self._generator) * lengths).long()
        self._row = begins[first] + offset.clamp_max(lengths - 1)
        self._end = ends[first]
        self._fresh = torch.ones(count, dtype=torch.bool)

    def take(self, steps: int) -> tuple[Tensor, Tensor]:
        """Rows (steps + 1, N), the last ones to be read again, and starts (steps, N) bool."""
        rows, starts = [], []
        for _ in range(steps):
            rows.append(self._row)
            starts.append(self._fresh)
            self._row = self._row + 1
            self._fresh = self._row == self._end
            if self._fresh.any():
                episodes = self._episodes(int(self._fresh.sum()))
                self._row[self._fresh] = self._begins[episodes]
                self._end[self._fresh] = self._ends[episodes]
        return torch.stack([*rows, self._row]), torch.stack(starts)

    def _episodes(self, count: int) -> Tensor:
        while len(self._queue) < count:
            order = torch.randperm(len(self._begins), generator=self._generator)
            self._queue = torch.cat((self._queue, order))
        taken, self._queue = self._queue.split((count, len(self._queue) - count))
        return taken

    def state(self) -> dict[str, Tensor]:
        """What resuming needs."""
        return {
            "lanes.rng": self._generator.get_state(),
            "lanes.queue": self._queue.clone(),
            "lanes.row": self._row.clone(),
            "lanes.end": self._end.clone(),
            "lanes.fresh": self._fresh.clone(),
        }

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Continue from `state()`."""
        self._generator.set_state(state["lanes.rng"])
        self._queue, self._row, self._end, self._fresh = (
            state[f"lanes.{name}"].clone() for name in ("queue", "row", "end", "fresh")
        )
