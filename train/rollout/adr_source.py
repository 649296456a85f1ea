"""The link between `adr`, which moves lambda, and `envs`, which maps it to physical values."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...adr import persistence
from ...adr.adr_config import Dimension
from ...adr.sampling import sample
from ...adr.state import AdrState, initial, ranges
from ...config import to_dict
from ...envs.randomization.parameter import Parameter
from ...envs.randomization.table import BY_NAME, check_needs, check_object, lookup
from ...envs.randomization.world_source import Draw, FixedRanges
from ...envs.tasks.task import task_of
from ...errors import ConfigError
from ..config import TrainConfig

REACH = 4.0
"""Largest distance in lambda of a boundary from its start [R T15]."""
STEP_SIZES, INITIAL, CURRICULUM = "adr.step_sizes", "adr.initial_ranges", "adr.curriculum"
"""The fields of the config, for messages."""


def dimensions(config: TrainConfig) -> tuple[Dimension, ...]:
    """The parameters that ADR moves in this run: those with a step size, and the curriculum."""
    env = config.env
    places: dict[str, Collection[str]] = {
        STEP_SIZES: config.adr.step_sizes,
        CURRICULUM: config.adr.curriculum,
        "env.randomization": env.randomization,
        "env.nominal": env.nominal,
    }
    for source, place in places.items():
        check_object(place, env.task, task_of(env).has_object, source)
    names = world_names(to_dict(config))
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError(
            f"{STEP_SIZES}, {CURRICULUM}, env.randomization: got {', '.join(twice)} in two of them,"
            " allowed: each parameter in one"
        )
    nominal = env.nominal
    steps = config.adr.step_sizes.items()
    widened = [_dimension(name, step, STEP_SIZES, nominal) for name, step in steps]
    curriculum = []
    for name, (low, high, buffer, step) in config.adr.curriculum.items():
        curriculum.append(_dimension(name, step, CURRICULUM, nominal, low, high, buffer))
    check_needs({*names, *nominal}, f"{STEP_SIZES}, {CURRICULUM}, env.randomization")
    return (*widened, *curriculum)


def world_names(config: dict[str, Any]) -> list[str]:
    """The parameters that vary in a run, in the order of the critic's term `world`.

    config: as plain data, which may be of another version; so it is read only in part.
    """
    adr = config.get("adr") or {}
    groups = (adr.get("step_sizes"), adr.get("curriculum"),
              (config.get("env") or {}).get("randomization"))  # fmt: skip
    return [name for group in groups for name in group or ()]


def _dimension(
    name: str,
    step: float,
    source: str,
    nominal: dict[str, float],
    threshold_low: float | None = None,
    threshold_high: float | None = None,
    buffer: int | None = None,
) -> Dimension:
    row = lookup(name, source)
    start = row.coordinate(nominal[name], "env.nominal") if name in nominal else 0.0
    own = {"threshold_low": threshold_low, "threshold_high": threshold_high, "buffer": buffer}
    return replace(dimension_of(row, step, start), **own)  # type: ignore[arg-type]


def dimension_of(row: Parameter, step: float, start: float = 0.0) -> Dimension:
    """A parameter of a table as ADR sees it; start: the lambda of its calibrated value."""
    ends = sorted(row.coordinate(limit) for limit in row.limits)
    return Dimension(
        row.name,
        start=start,
        # As far as the paper's, but from what was calibrated.
        floor=max(ends[0], start - REACH),
        ceiling=min(ends[1], start + REACH),
        step=step,
        # A strength that was calibrated above none may also be less.
        low_moves=not row.one_sided or start > 0.0,
        counts=not row.curriculum,
    )


class AdrSource:
    """The world source of a worker: draws from its copy of the ADR state, and from fixed ranges."""

    def __init__(self, config: TrainConfig, state: AdrState, seed: int) -> None:
        self.config = config.adr
        self.state = state
        device = config.env.device
        self.fixed = FixedRanges(config.env.randomization, seed + 1, device=device)
        self.names = (*(d.name for d in state.dimensions), *self.fixed.names)
        self._rng = np.random.default_rng(seed)

    def draw(self, worlds: Tensor) -> Draw:
        """See `WorldSource`. ADR draws on the host, for its state is there."""
        drawn = sample(self.state, self.config, self._rng, len(worlds), worlds.cpu().numpy())
        fixed = self.fixed.draw(worlds)
        lam, tags, versions = (
            torch.as_tensor(column).to(worlds.device)
            for column in (drawn.lam, drawn.boundary, drawn.version)
        )
        return Draw(torch.cat((lam, fixed.coordinates), dim=1), tags, versions)

    def rng_state(self) -> dict[str, Any]:
        """State of both random number generators, for a checkpoint."""
        return {"adr": self._rng.bit_generator.state, "fixed": self.fixed.state()}

    def load_rng_state(self, state: dict[str, Any]) -> None:
        """Continue from `rng_state()`."""
        self._rng.bit_generator.state = state["adr"]
        self.fixed.load_state(state["fixed"])


def physical_ranges(
    state: AdrState, table: Mapping[str, Parameter] = BY_NAME
) -> dict[str, tuple[float, float]]:
    """Parameter -> (low, high) in its own unit, the present range of ADR."""
    ends = {name: table[name].value(np.array(lam)) for name, lam in ranges(state).items()}
    return {name: (float(low), float(high)) for name, (low, high) in ends.items()}


def trained_ranges(config: TrainConfig, meta: dict[str, Any]) -> dict[str, tuple[float, float]]:
    """The ranges that a checkpoint was last trained on: fixed ones, and those of ADR."""
    adr = persistence.from_data(meta["adr"])
    return {**config.env.randomization, **physical_ranges(adr)}


def start_state(config: TrainConfig) -> AdrState:
    """Every parameter at its nominal value, or in its initial range. Raises ConfigError."""
    return begin(initial(dimensions(config), config.adr), config)


def begin(state: AdrState, config: TrainConfig) -> AdrState:
    """`state` with the initial ranges of the config in place of its own.

    Raises ConfigError for a parameter that ADR does not move, or a range without its nominal value.
    """
    names = [dimension.name for dimension in state.dimensions]
    low, high = list(state.low), list(state.high)
    for name, ends in config.adr.initial_ranges.items():
        row = lookup(name, INITIAL)
        if name not in names:
            known = ", ".join(names) or "none"
            moved = f"those of {STEP_SIZES} and {CURRICULUM}"
            raise ConfigError(f"{INITIAL}: got {name}, allowed: {moved}: {known}")
        at = names.index(name)
        start = state.dimensions[at].start
        low[at], high[at] = (row.coordinate(end, INITIAL) for end in ends)
        movable = state.dimensions[at].low_moves or low[at] == start
        if not low[at] <= start <= high[at] or not movable:
            value = float(row.value(np.array(start)))
            raise ConfigError(
                f"{INITIAL}: {name}: got [{ends[0]:g}, {ends[1]:g}],"
                f" allowed: a range around {value:g}"
            )
    return replace(state, low=tuple(low), high=tuple(high))
