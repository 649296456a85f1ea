"""The critic: a value network for the true state."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from .config import PolicyConfig
from .embedding import Embedding, Sizes, Terms


class Critic(nn.Module):
    """Terms (..., size) -> value (...), in units of the return's standard deviation.

    Feed-forward: its input has the full state and the world's parameters, so it needs no memory.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, config: PolicyConfig, sizes: Sizes) -> None:
        super().__init__()
        self.embedding = Embedding(sizes, config.critic_layers[0], config.observation_clip)
        layers: list[nn.Module] = [nn.ELU()]
        for width_in, width_out in pairwise(config.critic_layers):
            linear = nn.Linear(width_in, width_out)
            nn.init.orthogonal_(linear.weight, gain=2**0.5)
            layers += [linear, nn.ELU()]
        self.layers = nn.Sequential(*layers, nn.Linear(config.critic_layers[-1], 1))
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("std", torch.ones(()))

    def forward(self, terms: Terms) -> Tensor:
        """Normalized value."""
        return self.judge(self.embedding.inputs(terms))

    def judge(self, inputs: Tensor) -> Tensor:
        """Normalized value for the output of `embedding.inputs`, which a learner computes once."""
        return self.layers(self.embedding.embed(inputs)).squeeze(-1).float()

    def value(self, terms: Terms) -> Tensor:
        """Value in units of reward."""
        return self.in_reward(self.forward(terms))

    def in_reward(self, normalized: Tensor) -> Tensor:
        """Convert a normalized value to units of reward."""
        return normalized * self.std + self.mean

    @torch.no_grad()
    def update_scale(self, mean: Tensor, std: Tensor, rate: float = 0.05) -> None:
        """Track the mean and std of the returns without changing any value (PopArt, 1602.07714)."""
        mean = torch.lerp(self.mean, mean, rate)
        std = torch.lerp(self.std, std.clamp_min(1e-2), rate)
        last = self.layers[-1]
        assert isinstance(last, nn.Linear)
        last.bias.copy_((last.bias * self.std + self.mean - mean) / std)
        last.weight.mul_(self.std / std)
        self.mean.copy_(mean)
        self.std.copy_(std)
