"""Embed and add: each observation term has its own normalizer and linear map, and the maps add.

A term can be added to a trained network without changing its response to the other terms (Solving
Rubik's Cube with a Robot Hand, section 6.2). For vectors, the sum of linear maps is computed as one
linear map of the concatenation. Each term of another kind, such as images, has an encoder, whose
output is added, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import accumulate, pairwise
from typing import TypeGuard, cast

import torch
from torch import Tensor, nn

from ..errors import ConfigError
from .encoders import SIDE, VECTOR, TermShape, TrunkEncoder, encoder_of

Sizes = Mapping[str, int | TermShape]
"""Term -> size of a vector, or shape and kind."""
Terms = Mapping[str, Tensor]
Moments = tuple[Tensor, Tensor, Tensor]
"""Number of samples (), their mean (size,) and variance (size,), all float64."""
Combine = Callable[[Moments], Moments]
"""Combines the local moments with those of other processes."""


_AT_ONCE = 128
"""Observations whose trunk is computed at a time: activations are large."""


def _frozen(encoder: nn.Module) -> TypeGuard[TrunkEncoder]:
    return isinstance(encoder, TrunkEncoder) and encoder.frozen


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
    """Normalizes and embeds terms (..., *shape) -> (..., width)."""

    def __init__(self, sizes: Sizes, width: int, clip: float) -> None:
        """Raises ConfigError without a vector, for one of two axes, for an unknown kind, and for
        terms that an encoder lacks or that none reads."""
        super().__init__()
        shapes = {n: TermShape((s,)) if isinstance(s, int) else s for n, s in sizes.items()}
        vectors = {name: term.size for name, term in shapes.items() if term.kind == VECTOR}
        sides = tuple(name for name, term in shapes.items() if term.kind == SIDE)
        others = {n: term for n, term in shapes.items() if term.kind not in (VECTOR, SIDE)}
        if not vectors:
            got = ", ".join(f"{name} ({term.kind})" for name, term in others.items()) or "none"
            raise ConfigError(f"observation terms: got {got}, allowed: at least one {VECTOR} too")
        for name in vectors:
            if len(shape := shapes[name].shape) != 1:
                raise ConfigError(f"{VECTOR} term {name}: got shape {shape}, allowed: (size,)")
        self.vectors, self.names = tuple(vectors), (*vectors, *others, *sides)
        self.clip = clip
        self.normalizers = nn.ModuleDict({name: Normalizer(size) for name, size in vectors.items()})
        self.weights = nn.ParameterDict()
        start = nn.init.orthogonal_(torch.empty(width, sum(vectors.values())), gain=2**0.5)
        for name, part in zip(vectors, start.split(list(vectors.values()), dim=1), strict=True):
            self.weights[name] = nn.Parameter(part.clone())
        self.bias = nn.Parameter(torch.zeros(width))
        self.encoders = nn.ModuleDict({n: encoder_of(n, t, width) for n, t in others.items()})
        self._shapes = shapes
        self._check_beside(sides)
        self._vector_size = sum(vectors.values())

    def _check_beside(self, sides: tuple[str, ...]) -> None:
        read = {other: name for name in self.encoders for other in self._beside(name)}
        for other, name in read.items():
            if other not in self._shapes:
                raise ConfigError(
                    f"observation terms: got no {other}, allowed: with it, which the encoder of"
                    f" {name} reads"
                )
        for name in sides:
            if name not in read:
                raise ConfigError(
                    f"observation terms: got {name}, allowed: beside pictures with an encoder that"
                    " reads it, such as keypoints with two cameras or more"
                )

    def _beside(self, name: str) -> tuple[str, ...]:
        encoder = self.encoders[name]
        return encoder.beside if isinstance(encoder, TrunkEncoder) else ()

    @property
    def fresh(self) -> bool:
        """Whether the normalizers have not seen anything yet."""
        return not self.normalizer(self.vectors[0]).count

    def forward(self, terms: Terms) -> Tensor:
        """Normalize, clip, embed and add the terms."""
        return self.embed(self.inputs(terms))

    def inputs(self, terms: Terms) -> Tensor:
        """The normalized, clipped vectors and the other terms, concatenated (..., all sizes).

        Of an encoder with a frozen trunk, the trunk's output is in the place of the term.
        """
        scaled = self.normalize(self.joined(terms))
        if not self.encoders:
            return scaled
        flat = [self._encoder_input(name, terms) for name in self.encoders]
        return torch.cat([scaled, *flat], dim=-1)

    def joined(self, terms: Terms) -> Tensor:
        """The vectors, concatenated (..., their sizes)."""
        return torch.cat([terms[name] for name in self.vectors], dim=-1)

    def normalize(self, joined: Tensor) -> Tensor:
        """Normalize and clip what `joined` gave."""
        normalizers = [self.normalizer(name) for name in self.vectors]
        mean = torch.cat([normalizer.mean for normalizer in normalizers])
        variance = torch.cat([normalizer.variance for normalizer in normalizers])
        return ((joined - mean) * (variance + 1e-6).rsqrt()).clamp(-self.clip, self.clip)

    def embed(self, inputs: Tensor) -> Tensor:
        """The sum of the linear maps and of the encoders of `inputs` (..., all sizes)."""
        weight = torch.cat([self.weights[name] for name in self.vectors], dim=1)
        if not self.encoders:
            return nn.functional.linear(inputs, weight, self.bias)
        sizes = [self._vector_size, *(self._input_size(name) for name in self.encoders)]
        scaled, *flat = inputs.split(sizes, dim=-1)
        total = nn.functional.linear(scaled, weight, self.bias)
        for part, (name, encoder) in zip(flat, self.encoders.items(), strict=True):
            if _frozen(encoder):
                encoded = encoder.read(part.reshape(-1, part.shape[-1]))
            else:
                names = (name, *self._beside(name))
                parts = part.split([self._shapes[n].size for n in names], dim=-1)
                pairs = zip(parts, names, strict=True)
                encoded = encoder(*(p.reshape(-1, *self._shapes[n].shape) for p, n in pairs))
            if total.ndim != 2:  # only then: the exporter would fix the batch
                encoded = encoded.reshape(total.shape)
            total = total + encoded
        return total

    def condensed(self, terms: Terms) -> dict[str, Tensor]:
        """The terms; of an encoder with a frozen trunk, the trunk's output (..., features_size).

        `inputs` takes either, so that each picture is read once, however often it is learned from.
        """
        done = {n: self._encoder_input(n, terms) for n, e in self.encoders.items() if _frozen(e)}
        return {**terms, **done}

    def _encoder_input(self, name: str, terms: Terms) -> Tensor:
        """(..., *shape) and the terms beside it, or condensed already -> (..., size)."""
        encoder, shape, values = self.encoders[name], self._shapes[name].shape, terms[name]
        beside = [terms[other] for other in self._beside(name)]
        if not _frozen(encoder):
            return torch.cat([values.flatten(-len(shape)), *beside], dim=-1)
        if values.shape[-len(shape) :] != shape:
            return values
        flat = [values.reshape(-1, *shape), *(v.reshape(-1, v.shape[-1]) for v in beside)]
        with torch.no_grad():
            parts = zip(*(value.split(_AT_ONCE) for value in flat), strict=True)
            features = torch.cat([encoder.features(*part) for part in parts])
        return features.reshape(*values.shape[: -len(shape)], -1)

    def _input_size(self, name: str) -> int:
        encoder = self.encoders[name]
        if _frozen(encoder):
            return encoder.features_size
        return sum(self._shapes[n].size for n in (name, *self._beside(name)))

    def update(self, terms: Terms, combine: Combine = here) -> None:
        """Update the normalizers with terms (..., size)."""
        for name in self.vectors:
            self.normalizer(name).update(terms[name], combine)

    def columns(self) -> dict[str, range]:
        """Vector term -> its columns in `inputs`."""
        ends = [0, *accumulate(self.weights[name].shape[1] for name in self.vectors)]
        return {n: range(*pair) for n, pair in zip(self.vectors, pairwise(ends), strict=True)}

    def normalizer(self, name: str) -> Normalizer:
        """The running statistics of one term."""
        return cast(Normalizer, self.normalizers[name])
