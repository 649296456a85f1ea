"""The actor: a function from observation and carry to distribution and carry, without state."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .config import PolicyConfig
from .distributions import Bins, Distribution, Gaussian
from .embedding import Embedding, Sizes, Terms
from .encoders import with_kinds

Carry = tuple[Tensor, ...]
"""Recurrent state: (h, c), each (N, hidden), or empty without memory."""


class Actor(nn.Module):
    """Embedding -> ReLU -> LSTM (or a hidden layer) -> head.

    Workers, the learner's replay of sequences and the exported model run this code.
    """

    def __init__(self, config: PolicyConfig, sizes: Sizes, num_motors: int) -> None:
        super().__init__()
        self.config = config
        self.num_motors = num_motors
        sizes = with_kinds(sizes, config.encoders)
        self.embedding = Embedding(sizes, config.embedding_size, config.observation_clip)
        if config.memory == "lstm":
            self.memory: nn.Module = nn.LSTM(config.embedding_size, config.hidden_size)
            _init_lstm(self.memory)
        else:
            self.memory = nn.Linear(config.embedding_size, config.hidden_size)
            nn.init.orthogonal_(self.memory.weight, gain=2**0.5)
        bins = config.bins if config.head == "bins" else 1
        self.head = nn.Linear(config.hidden_size, num_motors * bins)
        nn.init.orthogonal_(self.head.weight, gain=0.01)
        nn.init.zeros_(self.head.bias)
        if config.head == "gaussian":
            start = torch.full((num_motors,), config.initial_std).log()
            self.log_std = nn.Parameter(start)
        else:
            # Bins begin as a discrete Gaussian; uniform bins would shake every motor.
            centres = torch.linspace(-1.0, 1.0, config.bins)
            logits = -0.5 * (centres / config.initial_std).square()
            with torch.no_grad():
                self.head.bias.copy_(logits.repeat(num_motors))

    def initial_carry(self, count: int) -> Carry:
        """The initial carry of `count` episodes."""
        if self.config.memory == "none":
            return ()
        size = self.config.hidden_size
        device = self.head.weight.device
        return torch.zeros(count, size, device=device), torch.zeros(count, size, device=device)

    def forward(self, terms: Terms, carry: Carry) -> tuple[Distribution, Carry]:
        """One step of N worlds: terms (N, size), carry (N, hidden)."""
        feature, carry = self._remember(torch.relu(self.embedding(terms)), carry)
        return self.distribution(feature), carry

    def unroll(self, terms: Terms, carry: Carry, starts: Tensor) -> Distribution:
        """L steps of B sequences: terms (L, B, size), carry (B, hidden), starts (L, B) bool.

        Where `starts` is set, a new episode begins and the carry is reset first.
        """
        return self.replay(self.embedding.inputs(terms), carry, starts)

    def replay(self, inputs: Tensor, carry: Carry, starts: Tensor) -> Distribution:
        """`unroll` from `embedding.inputs` (L, B, size), which a learner computes only once."""
        return self.distribution(self.features(inputs, carry, starts))

    def features(self, inputs: Tensor, carry: Carry, starts: Tensor) -> Tensor:
        """The inputs of the head (L, B, hidden) in a `replay`."""
        embedded = torch.relu(self.embedding.embed(inputs))
        if self.config.memory == "none":
            return torch.relu(self.memory(embedded))
        segments = _Segments(starts)
        carry = segments.begin(forget(carry, starts[0]))
        feature, _ = self.memory(segments.split(embedded), carry)
        return self.respond(segments.join(feature), embedded)

    def _remember(self, inputs: Tensor, carry: Carry) -> tuple[Tensor, Carry]:
        if self.config.memory == "none":
            return torch.relu(self.memory(inputs)), ()
        past = tuple(part.unsqueeze(0) for part in carry)
        out, (hidden, cell) = self.memory(inputs.unsqueeze(0), past)
        return self.respond(out.squeeze(0), inputs), (hidden.squeeze(0), cell.squeeze(0))

    def respond(self, feature: Tensor, inputs: Tensor) -> Tensor:
        """The head's input (..., hidden), from the output and the input of the memory."""
        return feature + inputs if self.config.residual else feature

    def distribution(self, feature: Tensor) -> Distribution:
        """The distribution from the head's input (..., hidden)."""
        out = self.head(feature).float()  # a learner may compute in bfloat16
        if self.config.head == "gaussian":
            return Gaussian(out, self.log_std)
        return Bins(out.unflatten(-1, (self.num_motors, self.config.bins)))


def forget(carry: Carry, starts: Tensor) -> Carry:
    """The carry (N, hidden) with the worlds that start an episode, (N,) bool, set to zero."""
    keep = (~starts).float().unsqueeze(-1)
    return tuple(part * keep for part in carry)


class _Segments:
    """Splits sequences (L, B) where an episode starts; each segment is one of R padded rows (L, R).

    The library's LSTM, which cannot reset within a sequence, then runs all segments at once.
    """

    def __init__(self, starts: Tensor) -> None:
        length, count = starts.shape
        new = starts.T.clone()
        new[:, 0] = True
        row = new.flatten().cumsum(0) - 1
        time = torch.arange(length, device=starts.device).expand(count, length)
        first = time[new]
        self._row = row.unflatten(0, (count, length)).T
        self._time = time[:1].T - first[self._row]
        self._rows = len(first)
        self._whole = self._row[0]
        """(B,) first row of each sequence."""

    def begin(self, carry: Carry) -> Carry:
        """Initial carry of all rows (1, R, hidden): `carry` (B, hidden) in first rows, else 0."""
        rows = (part.new_zeros(1, self._rows, part.shape[-1]) for part in carry)
        return tuple(
            row.index_copy(1, self._whole, part.unsqueeze(0))
            for row, part in zip(rows, carry, strict=True)
        )

    def split(self, values: Tensor) -> Tensor:
        """(L, B, size) -> (L, R, size)."""
        if self._rows == values.shape[1]:
            return values
        padded = values.new_zeros(len(values), self._rows, values.shape[-1])
        return padded.index_put((self._time, self._row), values)

    def join(self, values: Tensor) -> Tensor:
        """(L, R, size) -> (L, B, size)."""
        if self._rows == self._row.shape[1]:
            return values
        return values[self._time, self._row]


def _init_lstm(cell: nn.LSTM) -> None:
    for value in cell.parameters():
        if value.ndim == 1:
            nn.init.zeros_(value)
            continue
        for gate in value.chunk(4):
            nn.init.orthogonal_(gate)
    # An initially open forget gate lets gradients propagate (Jozefowicz et al. 2015).
    with torch.no_grad():
        cell.get_parameter("bias_ih_l0").chunk(4)[1].fill_(1.0)
