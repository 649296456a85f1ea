"""Encoders of observation terms that are no vectors: one network for each term, chosen by its kind.

A package outside this repository adds one by a class in the entry-point group `sleight.encoders`,
made as `Encoder(shape, width)`; its output adds to the embeddings of the other terms.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import prod

from torch import Tensor, nn

from ..errors import ConfigError, nearest
from ..registry import Registry, must_call

VECTOR = "vector"
"""The kind whose terms share one linear map, in `embedding`."""
SIDE = "side"
"""The kind of terms that only encoders of other terms read, see `TrunkEncoder.beside`."""


@dataclass(frozen=True)
class TermShape:
    """Shape and kind of an observation term."""

    shape: tuple[int, ...]
    kind: str = VECTOR

    @property
    def size(self) -> int:
        """Numbers in one observation."""
        return prod(self.shape)


class ImageEncoder(nn.Module):
    """Pictures (N, C, H, W) in [0, 1] -> (N, width): strided convolutions, then one linear map.

    Each convolution halves the picture until it is no larger than `SMALLEST` pixels.
    """

    SMALLEST, FIRST, WIDEST = 8, 16, 64

    def __init__(self, shape: tuple[int, ...], width: int) -> None:
        """Raises ConfigError for a shape that is no picture's."""
        super().__init__()
        if len(shape) != 3:
            raise ConfigError(f"image term: got shape {shape}, allowed: (channels, height, width)")
        channels, height, across = shape
        layers: list[nn.Module] = []
        out = self.FIRST
        while max(height, across) > self.SMALLEST:
            layers += [nn.Conv2d(channels, out, 3, stride=2, padding=1), nn.ReLU()]
            channels, out = out, min(2 * out, self.WIDEST)
            height, across = (height + 1) // 2, (across + 1) // 2
        self.layers = nn.Sequential(*layers, nn.Flatten())
        self.head = nn.Linear(channels * height * across, width)

    def forward(self, pictures: Tensor) -> Tensor:
        """See the class."""
        result: Tensor = self.head(self.layers(pictures - 0.5))
        return result


class TrunkEncoder(nn.Module, ABC):
    """An encoder with a trunk that may be frozen: a learner then runs the trunk once per batch."""

    frozen = False
    beside: tuple[str, ...] = ()
    """Other terms that the trunk reads, too: (N, size) each, as they are."""

    @property
    @abstractmethod
    def features_size(self) -> int:
        """Numbers in the features of one observation."""

    @abstractmethod
    def features(self, values: Tensor, *beside: Tensor) -> Tensor:
        """The trunk: (N, *shape), and the terms `beside` -> (N, features_size)."""

    @abstractmethod
    def read(self, features: Tensor) -> Tensor:
        """The layers after it: (N, features_size) -> (N, width)."""

    def forward(self, values: Tensor, *beside: Tensor) -> Tensor:
        """(N, *shape), and the terms `beside` -> (N, width)."""
        return self.read(self.features(values, *beside))


ENCODERS: Registry[Callable[[tuple[int, ...], int], nn.Module]] = Registry(
    "sleight.encoders",
    {
        "image": "policies.encoders:ImageEncoder",
        "keypoints": "vision.keypoint_encoder:KeypointEncoder",
    },
    must_call,
)


def with_kinds(
    sizes: Mapping[str, int | TermShape], kinds: Mapping[str, str]
) -> dict[str, int | TermShape]:
    """The shapes of terms, some of them with another kind. Raises ConfigError for no such term."""
    changed = dict(sizes)
    for name, kind in kinds.items():
        term = sizes.get(name)
        if not isinstance(term, TermShape) or term.kind in (VECTOR, SIDE):
            shaped = {n: t for n, t in sizes.items() if isinstance(t, TermShape)}
            encoded = [n for n, t in shaped.items() if t.kind not in (VECTOR, SIDE)]
            allowed = f"terms with an encoder: {', '.join(encoded) or 'none'}"
            raise ConfigError(f"policy.encoders: got {name}, allowed: {allowed}")
        changed[name] = replace(term, kind=kind)
    return changed


def encoder_of(name: str, term: TermShape, width: int) -> nn.Module:
    """The encoder of one term. Raises ConfigError for a kind that nobody has registered."""
    if term.kind not in (known := ENCODERS.names()):
        nearby = nearest(term.kind, (VECTOR, *known))
        raise ConfigError(f"kind of term {name}: got {term.kind}, {nearby}")
    return ENCODERS.get(term.kind, f"kind of term {name}")(term.shape, width)
