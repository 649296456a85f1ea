"""Ranges and entropy over a run, reconstructed from the history in the state."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .adr_config import HIGH, LOW, SIDES, AdrConfig
from .state import AdrState, entropy_of, value

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Course:
    """Ranges over a run: T rows from step 0 to the last update; each is valid until the next."""

    steps: npt.NDArray[np.int64]
    """(T,) environment steps, increasing."""
    low: Floats
    """(T, d) low ends, lambda."""
    high: Floats
    """(T, d) high ends, lambda."""
    entropy: Floats
    """(T,) entropy in nats per dimension, with the floor of the config."""


def course(state: AdrState, config: AdrConfig) -> Course:
    """Reconstruct the course from the history; a boundary without events has never moved."""
    index = {dimension.name: i for i, dimension in enumerate(state.dimensions)}
    first: dict[int, float] = {}
    for event in state.history:
        first.setdefault(_boundary(index, event.parameter, event.side), event.before)
    start = [first.get(b, value(state, b)) for b in range(2 * len(index))]
    rows = {0: np.array(start, np.float64)}
    now = rows[0]
    for event in state.history:
        if event.step not in rows:
            now = rows[event.step] = now.copy()
        now[_boundary(index, event.parameter, event.side)] = event.boundary
    if state.step not in rows:
        rows[state.step] = now
    ends = np.stack(list(rows.values()))
    low, high = ends[:, LOW::2], ends[:, HIGH::2]
    entropies = [
        entropy_of(state.dimensions, below, above, config.entropy_floor)
        for below, above in zip(low.tolist(), high.tolist(), strict=True)
    ]
    return Course(np.array(list(rows), np.int64), low, high, np.array(entropies))


def _boundary(index: dict[str, int], parameter: str, side: str) -> int:
    return 2 * index[parameter] + SIDES.index(side)
