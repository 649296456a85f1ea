"""Distributions over the actions of A motors in [-1, 1]: categorical bins and Gaussian."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor

from ..errors import ConfigError


class Distribution(ABC):
    """Independent over motors. `raw` is stored and scored; `action` goes to the motors."""

    @abstractmethod
    def sample(self, generator: torch.Generator) -> Tensor:
        """Sample raw actions (..., A)."""

    @abstractmethod
    def mode(self) -> Tensor:
        """The most likely raw actions (..., A)."""

    @abstractmethod
    def action(self, raw: Tensor) -> Tensor:
        """Convert raw actions to motor actions (..., A) in [-1, 1]."""

    @abstractmethod
    def log_prob(self, raw: Tensor) -> Tensor:
        """Log-probability (...,) in nats, summed over motors."""

    @abstractmethod
    def entropy(self) -> Tensor:
        """Entropy (...,) in nats, summed over motors."""


class Bins(Distribution):
    """Categorical over equal bins, from logits (..., A, bins)."""

    def __init__(self, logits: Tensor) -> None:
        # Equal to `log_softmax`, which is several times slower for so few bins.
        self.log_probs = logits - logits.logsumexp(dim=-1, keepdim=True)

    def sample(self, generator: torch.Generator) -> Tensor:
        # The Gumbel-max trick: one fused argmax; multinomial would loop over rows.
        noise = torch.empty_like(self.log_probs).exponential_(generator=generator)
        return (self.log_probs - noise.log()).argmax(dim=-1)

    def mode(self) -> Tensor:
        return self.log_probs.argmax(dim=-1)

    def action(self, raw: Tensor) -> Tensor:
        return raw.float() * (2.0 / (self.log_probs.shape[-1] - 1)) - 1.0

    def log_prob(self, raw: Tensor) -> Tensor:
        return self.log_probs.gather(-1, raw.unsqueeze(-1)).squeeze(-1).sum(dim=-1)

    def entropy(self) -> Tensor:
        return -(self.log_probs.exp() * self.log_probs).sum(dim=(-1, -2))


def chosen(which: Tensor, one: Distribution, other: Distribution) -> Distribution:
    """`one` where `which` (N,) bool is set, else `other`. Raises ConfigError for two kinds."""
    which = which.unsqueeze(-1)
    if isinstance(one, Gaussian) and isinstance(other, Gaussian):
        mean = torch.where(which, one.mean, other.mean)
        return Gaussian(mean, torch.where(which, one.log_std, other.log_std))
    if isinstance(one, Bins) and isinstance(other, Bins):
        return Bins(torch.where(which.unsqueeze(-1), one.log_probs, other.log_probs))
    raise ConfigError("policy.head: got gaussian and bins, allowed: the same for all teachers")


class Gaussian(Distribution):
    """Normal with mean and log std (..., A); actions are clipped, log-probabilities are not."""

    def __init__(self, mean: Tensor, log_std: Tensor) -> None:
        self.mean, self.log_std = mean, log_std.expand_as(mean)

    def sample(self, generator: torch.Generator) -> Tensor:
        return self.perturbed(torch.empty_like(self.mean).normal_(generator=generator))

    def perturbed(self, noise: Tensor) -> Tensor:
        """The raw actions (..., A) for standard normal `noise` (..., A)."""
        return self.mean + self.log_std.exp() * noise

    def mode(self) -> Tensor:
        return self.mean

    def action(self, raw: Tensor) -> Tensor:
        return raw.clamp(-1.0, 1.0)

    def log_prob(self, raw: Tensor) -> Tensor:
        z = (raw - self.mean) / self.log_std.exp()
        return (-0.5 * (z.square() + math.log(2 * math.pi)) - self.log_std).sum(dim=-1)

    def entropy(self) -> Tensor:
        return (0.5 * (1 + math.log(2 * math.pi)) + self.log_std).sum(dim=-1)
