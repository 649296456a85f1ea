"""Whom a learner shares a batch with: nobody here; see `cluster.peers` for several processes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from ...policies.embedding import Moments, here


@dataclass(frozen=True)
class Spread:
    """Of all entries of a tensor, () each; the variance is the unbiased one."""

    mean: Tensor
    std: Tensor
    variance: Tensor


class Alone:
    """One learner. The base of several: what the learner asks of those that it learns with."""

    rank = 0
    """Which of the learners this is, from 0."""

    def wrap(self, module: nn.Module) -> Callable[..., Any]:
        """The module, its gradients being the mean over the learners."""
        return module

    def gather(self, count: int) -> list[int]:
        """A number of each learner, by rank."""
        return [count]

    def combine(self, moments: Moments) -> Moments:
        """The moments of what all learners have, from those of each."""
        return here(moments)

    def spread(self, values: Tensor) -> Spread:
        """Over what all learners have."""
        return Spread(values.mean(), values.std(), values.var())

    def mean(self, values: Tensor, weight: float) -> Tensor:
        """Mean over the learners of `values * weight`; the weights' mean is 1."""
        return values
