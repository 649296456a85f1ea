"""The state of ADR, an immutable value; the transitions return a new one.

`d` dimensions have 2d boundaries; boundary 2*i + side is the LOW or HIGH end of dimension i.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from .adr_config import HIGH, LOW, AdrConfig, Dimension, Side, check_table

Decision = Literal["widen", "tighten", "hold"]


@dataclass(frozen=True)
class Event:
    """One decision about one boundary."""

    step: int
    """Environment steps of the training run at the decision."""
    parameter: str
    side: Side
    performance: float
    """Mean performance over the buffer."""
    episodes: int
    """Number of episodes of this mean."""
    decision: Decision
    """Decision from the performance; a boundary at its limit widens without moving."""
    before: float
    boundary: float
    """lambda before and after; equal if the boundary did not move."""


@dataclass(frozen=True)
class AdrState:
    """Boundaries, buffers and history: everything of ADR that a checkpoint saves."""

    dimensions: tuple[Dimension, ...]
    low: tuple[float, ...]
    """(d,) low ends, lambda."""
    high: tuple[float, ...]
    """(d,) high ends, lambda."""
    buffers: tuple[tuple[float, ...], ...]
    """(2d,) performances in the buffer of each boundary, in order of arrival."""
    versions: tuple[int, ...]
    """(2d,) number of moves of each boundary; a report states the version that it measured."""
    seen: tuple[tuple[int, int], ...]
    """Ids of reported episodes, as sorted, disjoint spans [first, end)."""
    stale: int
    """Number of reports refused because they are more than `AdrConfig.max_lag` moves old."""
    duplicates: int
    """Number of reports refused because their episode was reported before."""
    step: int
    """Environment steps at the last update."""
    history: tuple[Event, ...]


def initial(dimensions: Sequence[Dimension], config: AdrConfig | None = None) -> AdrState:
    """The initial state: every range is the point `start`. Raises ConfigError (`check_table`)."""
    check_table(dimensions, config)
    start = tuple(float(dimension.start) for dimension in dimensions)
    ends = 2 * len(start)
    return AdrState(
        dimensions=tuple(dimensions),
        low=start,
        high=start,
        buffers=((),) * ends,
        versions=(0,) * ends,
        seen=(),
        stale=0,
        duplicates=0,
        step=0,
        history=(),
    )


def restart(state: AdrState) -> AdrState:
    """The ranges of `state` for a new run that begins at step 0 with new episode ids."""
    fresh = initial(state.dimensions)
    return replace(fresh, low=state.low, high=state.high)


def value(state: AdrState, boundary: int) -> float:
    """lambda of one boundary."""
    return (state.low, state.high)[boundary % 2][boundary // 2]


def movable(state: AdrState) -> list[list[int]]:
    """The movable boundaries of each dimension; dimensions without any are omitted."""
    ends = [
        [2 * i + side for side in (LOW, HIGH) if dimension.moves(side)]
        for i, dimension in enumerate(state.dimensions)
    ]
    return [group for group in ends if group]


def ranges(state: AdrState) -> dict[str, tuple[float, float]]:
    """Parameter -> (low, high) in lambda, including curriculum parameters."""
    names = (dimension.name for dimension in state.dimensions)
    return dict(zip(names, zip(state.low, state.high, strict=True), strict=True))


def entropy(state: AdrState, config: AdrConfig) -> float:
    """Entropy of the sampling distribution in nats per dimension: 1/d sum log(width) [R 5.2].

    A width below `config.entropy_floor` counts as the floor, because the zero width at the start
    would give -inf. Only dimensions that count and can move; without any, log(floor).
    """
    return entropy_of(state.dimensions, state.low, state.high, config.entropy_floor)


def entropy_of(
    dimensions: Sequence[Dimension], low: Sequence[float], high: Sequence[float], floor: float
) -> float:
    """`entropy` for given ends (d,) in lambda and a floor of the width."""
    logs = [
        math.log(max(above - below, floor))
        for dimension, below, above in zip(dimensions, low, high, strict=True)
        if dimension.counts and (dimension.low_moves or dimension.high_moves)
    ]
    return math.fsum(logs) / len(logs) if logs else math.log(floor)
