"""The learners that share every batch: here one alone; see `cluster.learning` for several."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from ...policies.embedding import Moments, here


@dataclass(frozen=True)
class Spread:
    """Over all entries of a tensor, () each; the variance is the unbiased one."""

    mean: Tensor
    std: Tensor
    variance: Tensor


class LearnerGroup:
    """A group of one learner, and the base of larger ones: what an algorithm asks of its group."""

    rank = 0
    """Which of the learners this is, from 0."""

    def wrap(self, module: nn.Module) -> Callable[..., Any]:
        """The module, with gradients that are the mean over the learners."""
        return module

    def gather(self, count: int) -> list[int]:
        """A number of each learner, by rank."""
        return [count]

    def combine(self, moments: Moments) -> Moments:
        """The moments of the data of all learners, from those of each."""
        return here(moments)

    def spread(self, values: Tensor) -> Spread:
        """Mean and spread over the values of all learners."""
        return Spread(values.mean(), values.std(), values.var())

    def mean(self, values: Tensor, weight: float) -> Tensor:
        """Mean over the learners of `values * weight`; the mean of the weights is 1."""
        return values
