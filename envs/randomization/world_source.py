"""Where the parameters of new worlds come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from ...errors import ConfigError
from .parameter import Laws
from .table import BY_NAME, PARAMETERS, lookup


@dataclass(frozen=True)
class Draw:
    """Parameters of K new episodes."""

    coordinates: np.ndarray
    """(K, D) lambda."""
    tags: np.ndarray
    """(K,) int: what the source wants to hear again with the episode's result (-1: nothing)."""
    versions: np.ndarray
    """(K,) int: of the distribution that they were drawn from, -1 where there is none."""


class WorldSource(Protocol):
    """Draws the parameters `names` of new episodes; what it leaves out stays nominal."""

    names: tuple[str, ...]

    def draw(self, worlds: np.ndarray) -> Draw:
        """Parameters of the episodes that begin in `worlds` (K,)."""
        ...


@runtime_checkable
class Reseedable(Protocol):
    """A source whose draws `env.reset(seed=...)` makes reproducible."""

    def reseed(self, seed: int) -> None:
        """Start the generator anew."""
        ...


class FixedRanges:
    """Uniform in lambda between fixed ends: manual domain randomization, or none at all."""

    def __init__(
        self, ranges: dict[str, tuple[float, float]], seed: int, source: str = "env.randomization"
    ) -> None:
        self.names = tuple(ranges)
        self._rng = np.random.default_rng(seed)
        rows = [lookup(name, source) for name in ranges]
        for name, (low, high) in ranges.items():
            if not low <= high:
                raise ConfigError(
                    f"{source}: {name}: got [{low:g}, {high:g}], allowed: low <= high"
                )
        ends = zip(rows, ranges.values(), strict=True)
        limits = [[row.coordinate(end, source) for end in both] for row, both in ends]
        self._low, self._high = np.array(limits).reshape(-1, 2).T

    def reseed(self, seed: int) -> None:
        """Start the generator anew."""
        self._rng = np.random.default_rng(seed)

    def draw(self, worlds: np.ndarray) -> Draw:
        count = len(worlds)
        uniform = self._rng.uniform(size=(count, len(self.names)))
        coordinates = self._low + (self._high - self._low) * uniform
        return Draw(coordinates, np.full(count, -1), np.full(count, -1))

    def state(self) -> dict:
        """The generator's state, for a checkpoint."""
        return dict(self._rng.bit_generator.state)

    def load_state(self, state: dict) -> None:
        """Continue from `state()`."""
        self._rng.bit_generator.state = state


class Values:
    """lambda (K, D) of the parameters `names` -> the value of every parameter of the table (K,)."""

    def __init__(self, names: tuple[str, ...], calibrated: dict[str, float] | None = None) -> None:
        self.names = names
        self._laws = Laws([BY_NAME[name] for name in names])
        nominal = {row.name: row.nominal for row in PARAMETERS} | (calibrated or {})
        self._nominal = torch.tensor(list(nominal.values()), dtype=torch.float64)
        self._every = tuple(nominal)

    def __call__(self, coordinates: np.ndarray) -> dict[str, Tensor]:
        """Nominal (or calibrated) where a parameter is not drawn. float64."""
        nominal = self._nominal.expand(len(coordinates), -1).unbind(-1)
        result = dict(zip(self._every, nominal, strict=True))
        drawn = torch.from_numpy(self._laws(np.asarray(coordinates, np.float64)))
        result.update(zip(self.names, drawn.unbind(-1), strict=True))
        return result


def values(names: tuple[str, ...], coordinates: np.ndarray) -> dict[str, Tensor]:
    """`Values(names)(coordinates)`, for one use."""
    return Values(names)(coordinates)
