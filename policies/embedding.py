"""Embed and add: each observation term has its own normalizer and linear map, and the maps add.

A term can be added to a trained network without changing its response to the other terms (Solving
Rubik's Cube with a Robot Hand, section 6.2). For vectors, the sum of linear maps is computed as one
linear map of the concatenation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

import torch
from torch import Tensor, nn

Sizes = Mapping[str, int]
Terms = Mapping[str, Tensor]
Moments = tuple[Tensor, Tensor, Tensor]
"""Number of samples (), their mean (size,) and variance (size,), all float64."""
Combine = Callable[[Moments], Moments]
"""Combines the local moments with those of other processes."""


def here(moments: Moments) -> Moments:
    """The moments unchanged, for a single process."""
    return moments


class Normalizer(nn.Module):
    """Running mean and variance of one term; only `update` changes them."""

    mean: Tensor
    variance: Tensor
    count: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("variance", torch.ones(size))
        self.register_buffer("count", torch.zeros((), dtype=torch.float64))

    @torch.no_grad()
    def update(self, values: Tensor, combine: Combine = here) -> None:
        """Merge samples (..., size) into the statistics (Chan et al. 1979, parallel variance)."""
        flat = values.reshape(-1, values.shape[-1]).double()
        local = (
            torch.full_like(self.count, len(flat)),
            flat.mean(dim=0),
            flat.var(0, correction=0),
        )
        count, mean, variance = combine(local)
        total = self.count + count
        part = count / total
        shift = mean - self.mean
        between = shift.square() * part * (1 - part)
        self.variance.copy_(self.variance * (1 - part) + variance * part + between)
        self.mean.add_((shift * part).to(self.mean))
        self.count.copy_(total)


class Embedding(nn.Module):
    """Normalizes and embeds terms (..., size) -> (..., width)."""

    def __init__(self, sizes: Sizes, width: int, clip: float) -> None:
        super().__init__()
        self.names = tuple(sizes)
        self.clip = clip
        self.normalizers = nn.ModuleDict({name: Normalizer(size) for name, size in sizes.items()})
        self.weights = nn.ParameterDict()
        fan_in = sum(sizes.values())
        start = nn.init.orthogonal_(torch.empty(width, fan_in), gain=2**0.5)
        for name, part in zip(sizes, start.split(list(sizes.values()), dim=1), strict=True):
            self.weights[name] = nn.Parameter(part.clone())
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, terms: Terms) -> Tensor:
        """Normalize, clip, embed and add the terms."""
        return self.embed(self.inputs(terms))

    def inputs(self, terms: Terms) -> Tensor:
        """The normalized, clipped and concatenated terms (..., sum of sizes)."""
        values = torch.cat([terms[name] for name in self.names], dim=-1)
        normalizers = [self.normalizer(name) for name in self.names]
        mean = torch.cat([normalizer.mean for normalizer in normalizers])
        variance = torch.cat([normalizer.variance for normalizer in normalizers])
        return ((values - mean) * (variance + 1e-6).rsqrt()).clamp(-self.clip, self.clip)

    def embed(self, inputs: Tensor) -> Tensor:
        """The sum of the linear maps of `inputs` (..., sum of sizes)."""
        weight = torch.cat([self.weights[name] for name in self.names], dim=1)
        return nn.functional.linear(inputs, weight, self.bias)

    def update(self, terms: Terms, combine: Combine = here) -> None:
        """Update the normalizers with terms (..., size)."""
        for name in self.names:
            self.normalizer(name).update(terms[name], combine)

    def normalizer(self, name: str) -> Normalizer:
        """The running statistics of one term."""
        return cast(Normalizer, self.normalizers[name])
