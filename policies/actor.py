"""The actor: observation and carry in, distribution and carry out, nothing kept inside."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .config import PolicyConfig
from .distributions import Bins, Distribution, Gaussian
from .embedding import Embedding, Sizes, Terms

Carry = tuple[Tensor, ...]
"""Recurrent state: (h, c), each (N, hidden), or empty without memory."""


class Actor(nn.Module):
    """Embedding -> ReLU -> LSTM (or a hidden layer) -> head.

    A worker, the learner's replay of a sequence, the exported model and the robot run the same code.
    """

    def __init__(self, config: PolicyConfig, sizes: Sizes, num_motors: int) -> None:
        super().__init__()
        self.config = config
        self.num_motors = num_motors
        self.embedding = Embedding(sizes, config.embed, config.clip)
        if config.memory == "lstm":
            self.memory: nn.Module = nn.LSTMCell(config.embed, config.hidden)
            _start_memory(self.memory)
        else:
            self.memory = nn.Linear(config.embed, config.hidden)
            nn.init.orthogonal_(self.memory.weight, gain=2**0.5)
        bins = config.bins if config.head == "bins" else 1
        self.head = nn.Linear(config.hidden, num_motors * bins)
        nn.init.orthogonal_(self.head.weight, gain=0.01)
        nn.init.zeros_(self.head.bias)
        if config.head == "gaussian":
            start = torch.full((num_motors,), config.initial_std).log()
            self.log_std = nn.Parameter(start)

    def initial_carry(self, count: int) -> Carry:
        """The carry of `count` new episodes."""
        if self.config.memory == "none":
            return ()
        return (torch.zeros(count, self.config.hidden), torch.zeros(count, self.config.hidden))

    def forward(self, terms: Terms, carry: Carry) -> tuple[Distribution, Carry]:
        """One step of N worlds: terms (N, size), carry (N, hidden)."""
        feature, carry = self._remember(torch.relu(self.embedding(terms)), carry)
        return self._distribution(feature), carry

    def unroll(self, terms: Terms, carry: Carry, starts: Tensor) -> Distribution:
        """L steps of B sequences: terms (L, B, size), carry (B, hidden), starts (L, B) bool.

        Where `starts` is set, a new episode begins and the carry is forgotten first.
        """
        embedded = torch.relu(self.embedding(terms))
        if self.config.memory == "none":
            return self._distribution(self._remember(embedded, ())[0])
        features = []
        keep = (~starts).float().unsqueeze(-1)
        for step, inputs in enumerate(embedded.unbind(0)):
            carry = tuple(part * keep[step] for part in carry)
            feature, carry = self._remember(inputs, carry)
            features.append(feature)
        return self._distribution(torch.stack(features))

    def _remember(self, inputs: Tensor, carry: Carry) -> tuple[Tensor, Carry]:
        if self.config.memory == "none":
            return torch.relu(self.memory(inputs)), ()
        hidden, cell = self.memory(inputs, carry)
        return hidden, (hidden, cell)

    def _distribution(self, feature: Tensor) -> Distribution:
        out = self.head(feature)
        if self.config.head == "gaussian":
            return Gaussian(out, self.log_std)
        return Bins(out.unflatten(-1, (self.num_motors, self.config.bins)))


def forget(carry: Carry, starts: Tensor) -> Carry:
    """The carry (N, hidden) with the worlds that start an episode, (N,) bool, set to zero."""
    keep = (~starts).float().unsqueeze(-1)
    return tuple(part * keep for part in carry)


def _start_memory(cell: nn.LSTMCell) -> None:
    for weight in (cell.weight_ih, cell.weight_hh):
        for gate in weight.chunk(4):
            nn.init.orthogonal_(gate)
    nn.init.zeros_(cell.bias_ih)
    nn.init.zeros_(cell.bias_hh)
    # An open forget gate at first lets gradients reach back (Jozefowicz et al. 2015).
    with torch.no_grad():
        cell.bias_ih.chunk(4)[1].fill_(1.0)
