"""Batches of renders in an order that depends only on the seed, so that a run can be resumed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import torch

from ...vision.decoders import Batch
from ...vision.renders.shards import Arrays, Renders, inputs_of


class Shards(Protocol):
    """Renders of one folder, or of several."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of samples in each shard."""

    def shard(self, index: int) -> Arrays:
        """The arrays of one shard."""


class Joined:
    """The renders of several folders as one."""

    def __init__(self, parts: Sequence[Renders]) -> None:
        self._places = [(part, i) for part in parts for i in range(len(part.sizes))]
        self.sizes = tuple(size for part in parts for size in part.sizes)

    def shard(self, index: int) -> Arrays:
        """See `Shards`."""
        part, own = self._places[index]
        return part.shard(own)


def batches(renders: Shards, size: int, mix: int, seed: int, first: int = 0) -> Iterator[Batch]:
    """Endless batches from number `first`: every sample once per epoch, `mix` shards per shuffle.

    The last, smaller batch of each group of shards is used too. Raises DataError.
    """
    number = epoch = 0
    while True:
        rng = np.random.default_rng([seed, epoch])
        order = rng.permutation(len(renders.sizes))
        for group in np.array_split(order, -(-len(order) // mix)):
            samples = rng.permutation(sum(renders.sizes[index] for index in group))
            count = -(-len(samples) // size)
            if number + count > first:
                whole = _loaded(renders, group)
                for start in range(max(first - number, 0), count):
                    chosen = torch.from_numpy(samples[start * size : (start + 1) * size])
                    yield {name: values[chosen] for name, values in whole.items()}
            number += count
        epoch += 1


def _loaded(renders: Shards, group: np.ndarray) -> Batch:
    shards = [renders.shard(int(index)) for index in group]
    return {
        name: torch.from_numpy(np.concatenate([shard[name] for shard in shards]))
        for name in inputs_of(shards[0])
    }


def in_order(renders: Renders, size: int) -> Iterator[Batch]:
    """Batches with every sample once, in the order of the files."""
    for shard in renders.shards():
        for start in range(0, len(shard["position"]), size):
            chosen = slice(start, start + size)
            yield {name: torch.from_numpy(shard[name][chosen]) for name in inputs_of(shard)}
