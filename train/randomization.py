"""Between `adr`, which knows only lambda, and `envs`, which knows what it means."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..adr.sampling import sample
from ..adr.state import AdrState, initial, ranges
from ..adr.table import Dimension
from ..envs.randomization import BY_NAME, check_needs, lookup
from ..envs.worlds import Draw, FixedRanges
from ..errors import ConfigError
from .config import TrainConfig


def dimensions(config: TrainConfig) -> tuple[Dimension, ...]:
    """What ADR moves in this run: the parameters to widen, and the curriculum."""
    names = [*config.widen, *config.curriculum, *config.env.randomization]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError(
            f"widen, curriculum, env.randomization: got {', '.join(twice)} in two of them,"
            " allowed: each parameter in one"
        )
    check_needs(names, "widen, curriculum, env.randomization")
    widen = [_dimension(name, step, "widen") for name, step in config.widen.items()]
    grow = []
    for name, (low, high, buffer, step) in config.curriculum.items():
        grow.append(_dimension(name, step, "curriculum", low, high, buffer))
    return (*widen, *grow)


def _dimension(
    name: str,
    step: float,
    source: str,
    threshold_low: float | None = None,
    threshold_high: float | None = None,
    buffer: int | None = None,
) -> Dimension:
    row = lookup(name, source)
    ends = sorted(row.coordinate(limit) for limit in row.limits)
    return Dimension(
        name,
        floor=max(ends[0], -4.0),
        ceiling=min(ends[1], 4.0),
        step=step,
        low_moves=not row.one_sided,
        counts=not row.curriculum,
        threshold_low=threshold_low,
        threshold_high=threshold_high,
        buffer=buffer,
    )


class AdrSource:
    """A worker's world source: draws from its copy of the ADR state, beside fixed ranges."""

    def __init__(self, config: TrainConfig, state: AdrState, seed: int) -> None:
        self.config = config.adr
        self.state = state
        self.fixed = FixedRanges(config.env.randomization, seed + 1)
        self.names = (*(d.name for d in state.dimensions), *self.fixed.names)
        self._rng = np.random.default_rng(seed)

    def draw(self, worlds: np.ndarray) -> Draw:
        """See `envs.worlds.WorldSource`."""
        drawn = sample(self.state, self.config, self._rng, len(worlds), worlds)
        fixed = self.fixed.draw(worlds)
        return Draw(
            np.concatenate((drawn.lam, fixed.coordinates), axis=1), drawn.boundary, drawn.version
        )

    def rng_state(self) -> dict[str, Any]:
        """Of both generators, for a checkpoint."""
        return {"adr": self._rng.bit_generator.state, "fixed": self.fixed.state()}

    def load_rng_state(self, state: dict[str, Any]) -> None:
        """Continue from `rng_state()`."""
        self._rng.bit_generator.state = state["adr"]
        self.fixed.load_state(state["fixed"])


def physical_ranges(state: AdrState) -> dict[str, tuple[float, float]]:
    """Parameter -> (low, high) in the parameter's own unit, as far as ADR has widened it."""
    ends = {name: BY_NAME[name].value(np.array(lam)) for name, lam in ranges(state).items()}
    return {name: (float(low), float(high)) for name, (low, high) in ends.items()}


def start_state(config: TrainConfig) -> AdrState:
    """Every parameter at its nominal value."""
    return initial(dimensions(config), config.adr)
