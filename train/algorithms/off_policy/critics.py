"""Twin critics of state and action, each with a distribution over values (C51)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from ..precision import autocast

FIRST_STD = 3.0
"""Standard deviation of the values of untrained critics [reward]."""


class Support:
    """The values of the atoms of a distribution, equally spaced."""

    def __init__(self, low: float, high: float, atoms: int, device: torch.device) -> None:
        self.low, self.high = low, high
        self.values = torch.linspace(low, high, atoms, device=device)
        self._width = (high - low) / (atoms - 1)

    def mean(self, logits: Tensor) -> Tensor:
        """The expected value (...) of distributions (..., atoms)."""
        return logits.softmax(dim=-1) @ self.values

    def project(self, probability: Tensor, reward: Tensor, discount: Tensor) -> Tensor:
        """The distribution (B, atoms) of reward + discount * value, on the same atoms.

        The probability of each moved atom is split between its two neighbours, in proportion to
        their distances; what lies outside goes to the ends (Bellemare et al. 2017, algorithm 1).
        """
        moved = reward.unsqueeze(-1) + discount.unsqueeze(-1) * self.values
        place = (moved.clamp(self.low, self.high) - self.low) / self._width
        below = place.floor().clamp(0, len(self.values) - 2)
        share = place - below
        index = below.long()
        result = torch.zeros_like(probability)
        result.scatter_add_(1, index, probability * (1 - share))
        return result.scatter_add_(1, index + 1, probability * share)


class TwinCritics(nn.Module):
    """Two networks with layer normalization: state (B, size), action (B, A) -> logits (B, atoms).

    Without normalization, a critic that is trained many times on the same steps overestimates and
    diverges (Ball et al. 2023; FlashSAC and FastTD3 report the same).
    """

    def __init__(
        self, inputs: int, layers: Sequence[int], support: Support, low: bool = False
    ) -> None:
        """low: compute in bfloat16, logits excepted."""
        super().__init__()
        self.low = low
        self.first = _network(inputs, layers, support)
        self.second = _network(inputs, layers, support)

    def forward(self, state: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of both."""
        joined = torch.cat((state, action), dim=-1)
        with autocast(self.low, joined.device):
            one, two = self.first(joined), self.second(joined)
        return one.float(), two.float()

    def one(self, state: Tensor, action: Tensor) -> Tensor:
        """Logits of the first."""
        with autocast(self.low, state.device):
            logits: Tensor = self.first(torch.cat((state, action), dim=-1))
        return logits.float()

    def lower(self, state: Tensor, action: Tensor, support: Support) -> Tensor:
        """Probabilities (B, atoms) of whichever of the two expects less (clipped double Q)."""
        one, two = (logits.softmax(dim=-1) for logits in self(state, action))
        less = (one @ support.values < two @ support.values).unsqueeze(-1)
        return torch.where(less, one, two)


def _network(inputs: int, layers: Sequence[int], support: Support) -> nn.Sequential:
    parts: list[nn.Module] = []
    for width_in, width_out in pairwise((inputs, *layers)):
        parts += [nn.Linear(width_in, width_out), nn.LayerNorm(width_out), nn.SiLU()]
    last = nn.Linear(layers[-1], len(support.values))
    # Values begin near 0. Equal probabilities would mean the middle of the range, which targets
    # that are bootstrapped forget slowly.
    nn.init.normal_(last.weight, std=1e-3)
    with torch.no_grad():
        last.bias.copy_(-0.5 * (support.values / FIRST_STD).square())
    return nn.Sequential(*parts, last)
