"""Sources of the parameters of new episodes: the WorldSource contract, and fixed ranges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from ...errors import ConfigError
from ..sim.draws import Draws
from .parameter import Laws
from .table import BY_NAME, PARAMETERS, lookup


@dataclass(frozen=True)
class Draw:
    """Parameters of K new episodes, on the device of the simulation."""

    coordinates: Tensor
    """(K, D) lambda, float64."""
    tags: Tensor
    """(K,) int64: returned to the source with the episode's result (-1: not needed)."""
    versions: Tensor
    """(K,) int64: version of the distribution they were drawn from, -1 if it has none."""


class WorldSource(Protocol):
    """Draws the parameters `names` of new episodes; the others stay nominal."""

    names: tuple[str, ...]

    def draw(self, worlds: Tensor) -> Draw:
        """Parameters of the episodes that begin in `worlds` (K,)."""
        ...


@runtime_checkable
class Reseedable(Protocol):
    """A source that `env.reset(seed=...)` can seed."""

    def reseed(self, seed: int) -> None:
        """Restart the generator from a seed."""
        ...


class FixedRanges:
    """Uniform in lambda between fixed limits: manual domain randomization, or none."""

    def __init__(
        self,
        ranges: dict[str, tuple[float, float]],
        seed: int,
        source: str = "env.randomization",
        device: torch.device | str = "cpu",
    ) -> None:
        self.names = tuple(ranges)
        self._rng = Draws(seed, device)
        rows = [lookup(name, source) for name in ranges]
        for name, (low, high) in ranges.items():
            if not low <= high:
                raise ConfigError(
                    f"{source}: {name}: got [{low:g}, {high:g}], allowed: low <= high"
                )
        ends = zip(rows, ranges.values(), strict=True)
        limits = [[row.coordinate(end, source) for end in both] for row, both in ends]
        lows, highs = np.array(limits, dtype=np.float64).reshape(-1, 2).T
        self._low = torch.tensor(lows, device=device)
        self._width = torch.tensor(highs - lows, device=device)

    def reseed(self, seed: int) -> None:
        """Start the generator anew."""
        self._rng.seed(seed)

    def draw(self, worlds: Tensor) -> Draw:
        """See `WorldSource`."""
        count = len(worlds)
        uniform = self._rng.uniform(count, len(self.names), dtype=torch.float64)
        none = torch.full((count,), -1, dtype=torch.long, device=self._rng.device)
        return Draw(self._low + self._width * uniform, none, none)

    def state(self) -> str:
        """The generator's state for a checkpoint, in hexadecimal digits."""
        return self._rng.state().numpy().tobytes().hex()

    def load_state(self, state: str) -> None:
        """Continue from `state()`."""
        self._rng.load_state(torch.frombuffer(bytearray.fromhex(state), dtype=torch.uint8))


class Values:
    """lambda (K, D) of the parameters `names` -> the value of every parameter of the table (K,)."""

    def __init__(
        self,
        names: tuple[str, ...],
        calibrated: dict[str, float] | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        self.names, self._device = names, device
        self._laws = Laws([BY_NAME[name] for name in names])
        nominal = {row.name: row.nominal for row in PARAMETERS} | (calibrated or {})
        self._nominal = torch.tensor(list(nominal.values()), dtype=torch.float64, device=device)
        self._every = tuple(nominal)

    def __call__(self, coordinates: Tensor) -> dict[str, Tensor]:
        """Values in float64; parameters that are not drawn are nominal or calibrated."""
        nominal = self._nominal.expand(len(coordinates), -1).unbind(-1)
        result = dict(zip(self._every, nominal, strict=True))
        drawn = self._laws(coordinates.double(), torch, self._device)
        result.update(zip(self.names, drawn.unbind(-1), strict=True))
        return result


def values(names: tuple[str, ...], coordinates: np.ndarray) -> dict[str, Tensor]:
    """`Values(names)` for numpy coordinates, on the host."""
    return Values(names)(torch.as_tensor(coordinates))
