"""Saves and loads the state of ADR as JSON; transfers it to a changed table of parameters."""

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from ..config import from_dict, to_dict
from ..errors import CheckpointError, ConfigError
from ..files import read_json, write_json
from .adr_config import Dimension
from .state import AdrState, initial

FORMAT = "sleight-adr-1"
_PLACE = ("start", "floor", "ceiling", "low_moves", "high_moves")


class OtherTableError(CheckpointError):
    """A valid state of other dimensions; `carry` keeps the common ones."""


def to_json(state: AdrState) -> str:
    """The state as JSON text; `from_json` returns an equal state."""
    return json.dumps(to_data(state))


def from_json(
    text: str,
    dimensions: Sequence[Dimension] | None = None,
    source: str = "adr state",
    carry: bool = False,
) -> AdrState:
    """The state from JSON text; arguments and errors as for `from_data`."""
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise CheckpointError(f"{source}: not JSON: {error}") from error
    return from_data(data, dimensions, source, carry)


def save(state: AdrState, path: str | Path) -> None:
    """Write the state atomically. Raises SleightError if it cannot be written."""
    write_json(path, to_data(state), indent=None)


def load(
    path: str | Path, dimensions: Sequence[Dimension] | None = None, carry: bool = False
) -> AdrState:
    """Read a file of `save`; arguments and errors as for `from_data`."""
    return from_data(read_json(path, CheckpointError), dimensions, str(path), carry)


def to_data(state: AdrState) -> dict[str, Any]:
    """The state as JSON data."""
    return {"format": FORMAT, "state": to_dict(state)}


def from_data(
    data: Any,
    dimensions: Sequence[Dimension] | None = None,
    source: str = "adr state",
    carry: bool = False,
) -> AdrState:
    """The checked state from `to_data`. dimensions: the table it must match (None: its own).

    Names, order, starts, limits and movable ends must be equal; steps, thresholds, buffer sizes and
    `counts` come from `dimensions`. carry: transfer the common dimensions instead (`carry_over`).
    Raises CheckpointError that names `source` and the field, OtherTableError that names every
    parameter that differs.
    """
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        got = data.get("format") if isinstance(data, dict) else type(data).__name__
        raise CheckpointError(f"{source}: format: got {got}; allowed: {FORMAT}")
    try:
        state = from_dict(AdrState, data.get("state"), source)
    except ConfigError as error:
        raise CheckpointError(str(error)) from error
    _check(state, source)
    if dimensions is None:
        return state
    if carry:
        return carry_over(state, dimensions)
    if difference := _difference(state.dimensions, dimensions):
        raise OtherTableError(f"{source}: state of another table: {difference}")
    return replace(state, dimensions=tuple(dimensions))


def carry_over(state: AdrState, dimensions: Sequence[Dimension]) -> AdrState:
    """A state of the new table with the ranges and the history of the common parameters.

    Ranges are clipped to the new limits. Buffers are dropped, because they were measured in worlds
    of the old table. Versions increase, so that late reports of the old table can be recognized.
    """
    old = {dimension.name: i for i, dimension in enumerate(state.dimensions)}
    fresh = initial(dimensions)
    low, high, versions = list(fresh.low), list(fresh.high), list(fresh.versions)
    for i, dimension in enumerate(dimensions):
        at = old.get(dimension.name)
        if at is None:
            continue
        if dimension.low_moves:
            low[i] = min(max(state.low[at], dimension.floor), dimension.start)
        if dimension.high_moves:
            high[i] = max(min(state.high[at], dimension.ceiling), dimension.start)
        versions[2 * i : 2 * i + 2] = [version + 1 for version in state.versions[2 * at :][:2]]
    kept = {dimension.name for dimension in dimensions}
    return replace(
        state,
        dimensions=tuple(dimensions),
        low=tuple(low),
        high=tuple(high),
        buffers=fresh.buffers,
        versions=tuple(versions),
        history=tuple(event for event in state.history if event.parameter in kept),
    )


def _difference(old: Sequence[Dimension], new: Sequence[Dimension]) -> str:
    """The difference between the tables `old` and `new`; empty if a state of `old` fits `new`."""
    names, expected = [dimension.name for dimension in old], [dimension.name for dimension in new]
    only_old, only_new = sorted({*names} - {*expected}), sorted({*expected} - {*names})
    if only_old or only_new:
        listed = [f"{', '.join(group) or 'none'}" for group in (only_old, only_new)]
        return f"only in the file: {listed[0]}; only in the config: {listed[1]}"
    if names != expected:
        return f"order: got {', '.join(names)}; allowed: {', '.join(expected)}"
    differences = [
        f"{before.name}: {field}: got {getattr(before, field)}; allowed: {getattr(after, field)}"
        for before, after in zip(old, new, strict=True)
        for field in _PLACE
        if getattr(before, field) != getattr(after, field)
    ]
    return ", ".join(differences)


def _check(state: AdrState, source: str) -> None:
    """Raise CheckpointError unless the state is consistent."""
    d = len(state.dimensions)
    for field, length in {"low": d, "high": d, "buffers": 2 * d, "versions": 2 * d}.items():
        got = len(getattr(state, field))
        if got != length:
            raise CheckpointError(f"{source}: {field}: got {got} entries; allowed: {length}")
    for dimension, low, high in zip(state.dimensions, state.low, state.high, strict=True):
        floor = dimension.floor if dimension.low_moves else dimension.start
        ceiling = dimension.ceiling if dimension.high_moves else dimension.start
        if not floor <= low <= dimension.start <= high <= ceiling:
            raise CheckpointError(
                f"{source}: {dimension.name}: got range {low} to {high}; allowed: "
                f"low in {floor} to {dimension.start}, high in {dimension.start} to {ceiling}"
            )
    if any(b <= a for a, b in pairwise(edge for span in state.seen for edge in span)):
        raise CheckpointError(f"{source}: seen: got unsorted spans; allowed: rising [first, end)")
    names = [dimension.name for dimension in state.dimensions]
    if unknown := sorted({event.parameter for event in state.history} - {*names}):
        raise CheckpointError(f"{source}: history: got {', '.join(unknown)}; allowed: {names}")
    steps = [0, *(event.step for event in state.history), state.step]
    if any(b < a for a, b in pairwise(steps)):
        raise CheckpointError(f"{source}: history: got steps that run backwards; allowed: rising")
