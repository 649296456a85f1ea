"""The imitation loss: KL divergence from a teacher's distribution over actions to a student's.

Teacher and student may have different heads: the teacher's distribution is converted to the form of
the student's head, and the loss is KL(teacher || student) in this form (Solving Rubik's Cube with a
Robot Hand, section 6.4, which leaves the form open).
"""

from __future__ import annotations

import torch
from torch import Tensor

from .config import PolicyConfig
from .distributions import Bins, Distribution, Gaussian

BEYOND = 2.0
"""Largest distance of the teacher's mean beyond the largest action, in standard deviations. Farther
out, the clipped action is the same in 98 % of draws, and the difference has no effect."""


def describe(teacher: Distribution, student: PolicyConfig) -> dict[str, Tensor]:
    """The teacher's distribution in the form of the student's head: the target of `divergence`.

    gaussian: `mean` and `std` (..., A). bins: `probability` (..., A, bins).
    """
    if student.head == "bins":
        return {"probability": _in_bins(teacher, student.bins)}
    mean, std = moments(teacher)
    limit = 1.0 + BEYOND * std
    return {"mean": mean.clamp(-limit, limit), "std": std}


def divergence(target: dict[str, Tensor], student: Distribution) -> Tensor:
    """KL(teacher || student) (...) in nats, summed over motors; target: from `describe`."""
    if isinstance(student, Bins):
        probability = target["probability"]
        return (torch.xlogy(probability, probability) - probability * student.log_probs).sum(
            dim=(-1, -2)
        )
    assert isinstance(student, Gaussian)
    mean, std = target["mean"], target["std"]
    spread = std.square() + (mean - student.mean).square()
    return (student.log_std - std.log() + 0.5 * spread * (-2.0 * student.log_std).exp() - 0.5).sum(
        dim=-1
    )


def moments(teacher: Distribution) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation (..., A)."""
    if isinstance(teacher, Gaussian):
        return teacher.mean, teacher.log_std.exp()
    assert isinstance(teacher, Bins)
    probability = teacher.log_probs.exp()
    centres = _centres(probability.shape[-1])
    mean = (probability * centres).sum(dim=-1)
    between = (probability * (centres - mean.unsqueeze(-1)).square()).sum(dim=-1)
    # Sheppard's correction: an action may lie anywhere within its bin.
    width = 2.0 / (len(centres) - 1)
    return mean, (between + width**2 / 12.0).sqrt()


def _in_bins(teacher: Distribution, bins: int) -> Tensor:
    """Probability of each of the student's bins (..., A, bins)."""
    centres = _centres(bins)
    if isinstance(teacher, Gaussian):
        edges = (centres[1:] + centres[:-1]) / 2.0
        z = (edges - teacher.mean.unsqueeze(-1)) / teacher.log_std.exp().unsqueeze(-1)
        below = torch.special.ndtr(z)
        # Actions are clipped, so the outer bins get the tails.
        none, every = torch.zeros_like(below[..., :1]), torch.ones_like(below[..., :1])
        return torch.cat((below, every), dim=-1) - torch.cat((none, below), dim=-1)
    assert isinstance(teacher, Bins)
    own = _centres(teacher.log_probs.shape[-1])
    # Split each teacher bin between the two nearest student bins, keeping the mean.
    share = (1.0 - (own.unsqueeze(-1) - centres).abs() * (bins - 1) / 2.0).clamp_min(0.0)
    return teacher.log_probs.exp() @ share


def _centres(bins: int) -> Tensor:
    return torch.linspace(-1.0, 1.0, bins)
