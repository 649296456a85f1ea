"""A batch cut into the sequences of truncated backpropagation through time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...policies.actor import Carry
from ..rollout.batch import Batch, Terms


@dataclass(frozen=True)
class Part:
    """L steps of B sequences, (L, B) or (L, B, size)."""

    actor: Tensor
    """The normalized observations of the actor (`embedding.inputs`)."""
    critic: Tensor
    """Those of the critic."""
    raw: Tensor
    log_prob: Tensor
    starts: Tensor
    advantage: Tensor
    target: Tensor
    carry: Carry
    """(B, hidden), before the first step."""
    labels: Terms
    """The labels of a teacher; {} without one."""


class Sequences:
    """A batch (T, N) cut into S = T / L * N sequences of L = `bptt_steps`."""

    def __init__(
        self,
        batch: Batch,
        actor: Tensor,
        critic: Tensor,
        advantage: Tensor,
        target: Tensor,
        bptt_steps: int,
    ) -> None:
        named = {"actor": actor, "critic": critic, "advantage": advantage, "target": target}
        named |= {"raw": batch.raw, "log_prob": batch.log_prob, "starts": batch.starts}
        self._tensors = {name: _cut(value, bptt_steps) for name, value in named.items()}
        self._labels = {name: _cut(value, bptt_steps) for name, value in batch.labels.items()}
        self._carry = tuple(torch.cat(parts) for parts in zip(*batch.carries, strict=True))
        self.count = self._tensors["raw"].shape[1]

    def take(self, index: Tensor) -> Part:
        """The sequences of `index` (B,)."""
        index = index.to(self._tensors["raw"].device)
        chosen = {name: value.index_select(1, index) for name, value in self._tensors.items()}
        labels = {name: value.index_select(1, index) for name, value in self._labels.items()}
        return Part(**chosen, carry=tuple(part[index] for part in self._carry), labels=labels)


def shuffled(
    counts: Sequence[int], rank: int, parts: int, generator: torch.Generator
) -> Iterator[tuple[Tensor, float]]:
    """One epoch of learner `rank`: `parts` minibatches of nearly equal size, in random order.

    counts: how many sequences each learner has; all draw for all, from equal random numbers.
    Yields the sequences of each minibatch that are its own, and their weight: such that the mean of
    the learners' means, each times its weight, is the mean over the minibatch.
    """
    orders = [torch.randperm(count, generator=generator).tensor_split(parts) for count in counts]
    for minibatch in zip(*orders, strict=True):
        own = minibatch[rank]
        yield own, len(own) * len(counts) / sum(map(len, minibatch))


def _cut(value: Tensor, bptt_steps: int) -> Tensor:
    """(T, N, ...) -> (L, S, ...), contiguous; sequence s is of world s % N."""
    return value.unflatten(0, (-1, bptt_steps)).transpose(0, 1).flatten(1, 2)
