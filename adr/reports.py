"""Records the performance of finished episodes in the buffers of their boundaries."""

import math
from bisect import bisect_right
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from .adr_config import AdrConfig
from .state import AdrState, movable


def record(
    state: AdrState,
    config: AdrConfig,
    boundary: npt.ArrayLike,
    version: npt.ArrayLike,
    performance: npt.ArrayLike,
    episode: npt.ArrayLike | None = None,
) -> AdrState:
    """Append the performance of k finished episodes to their buffers; all arguments are (k,).

    boundary, version: from the Draw; of ordinary episodes (-1) only the ids are recorded, which
    keeps `seen` short. episode: ids, unique in the run. An episode that was reported before is
    refused and counted, so that reports may be late, duplicated and out of order. None: the caller
    guarantees that each episode is reported once.
    A report that is older than `config.max_lag` moves of its boundary is refused and counted.
    Between two updates, the order of the reports does not affect the decision (with clear =
    on_change: unless there are more reports than the buffer holds). Raises DataError for an invalid
    report; then nothing is recorded.
    """
    reports = _Reports.of(boundary, version, performance, episode)
    _check(reports, state)
    buffers: dict[int, list[float]] = {}
    spans, stale, duplicates = list(state.seen), 0, 0
    for at, end in enumerate(reports.boundary):
        if episode is not None and not _note(spans, reports.episode[at]):
            duplicates += 1
        elif end >= 0 and not 0 <= state.versions[end] - reports.version[at] <= config.max_lag:
            stale += 1
        elif end >= 0:
            buffers.setdefault(end, list(state.buffers[end])).append(reports.performance[at])
    return replace(
        state,
        buffers=tuple(tuple(buffers.get(end, old)) for end, old in enumerate(state.buffers)),
        seen=tuple(spans),
        stale=state.stale + stale,
        duplicates=state.duplicates + duplicates,
    )


@dataclass(frozen=True)
class _Reports:
    """k reports as lists of plain numbers; without ids, `episode` is 0."""

    boundary: list[int]
    version: list[int]
    performance: list[float]
    episode: list[int]

    @classmethod
    def of(
        cls,
        boundary: npt.ArrayLike,
        version: npt.ArrayLike,
        performance: npt.ArrayLike,
        episode: npt.ArrayLike | None,
    ) -> "_Reports":
        ends = np.asarray(boundary, np.int64).reshape(-1)
        moves = np.asarray(version, np.int64).reshape(-1)
        means = np.asarray(performance, np.float64).reshape(-1)
        ids = np.zeros_like(ends) if episode is None else np.asarray(episode, np.int64).reshape(-1)
        sizes = [ends.size, moves.size, means.size, ids.size]
        if len(set(sizes)) > 1:
            raise DataError(f"adr report: got columns of {sizes}; allowed: equal lengths")
        return cls(ends.tolist(), moves.tolist(), means.tolist(), ids.tolist())


def _check(reports: _Reports, state: AdrState) -> None:
    allowed = [-1, *(end for group in movable(state) for end in group)]
    for end, performance in zip(reports.boundary, reports.performance, strict=True):
        if end not in allowed:
            raise DataError(f"adr report: boundary: got {end}; allowed: {allowed}")
        if not math.isfinite(performance):
            got = f"{performance} at boundary {end}"
            raise DataError(f"adr report: performance: got {got}; allowed: finite numbers")


def _note(spans: list[tuple[int, int]], episode: int) -> bool:
    """Add an id to the sorted spans in place; returns False if it was already there."""
    at = bisect_right(spans, episode, key=lambda span: span[0])
    if at and episode < spans[at - 1][1]:
        return False
    joins_left = at > 0 and spans[at - 1][1] == episode
    joins_right = at < len(spans) and spans[at][0] == episode + 1
    first = spans[at - 1][0] if joins_left else episode
    end = spans[at][1] if joins_right else episode + 1
    spans[at - joins_left : at + joins_right] = [(first, end)]
    return True
