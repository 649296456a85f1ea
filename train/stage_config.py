"""How a stage of a run begins and ends."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from ..config import Range
from ..errors import nearest
from .algorithms.algorithm_registry import collection_of, metrics_of
from .runs.metrics import EPISODE_MEANS

if TYPE_CHECKING:
    from .config import StageConfig


@dataclass(frozen=True)
class UntilConfig:
    """The metrics that end a stage before its `steps`, as soon as all of them hold."""

    at_least: dict[str, float] = field(default_factory=dict)
    """Metric -> lowest value. Metrics are those of metrics.jsonl, and `range/PARAMETER/low` and
    `range/PARAMETER/high` for the range that ADR has reached."""
    at_most: dict[str, float] = field(default_factory=dict)
    """Metric -> highest value."""
    min_steps: Annotated[int, Range(0, 1e12)] = 0
    """Control steps of the stage before which it does not end."""

    def holds(self, row: Mapping[str, object], steps: int) -> bool:
        """Whether the stage ends after `steps` of it, with this row of metrics."""
        if not (self.at_least or self.at_most) or steps < self.min_steps:
            return False
        value = measures(row)
        return all(
            name in value and value[name] >= least for name, least in self.at_least.items()
        ) and all(name in value and value[name] <= most for name, most in self.at_most.items())


@dataclass(frozen=True)
class CarryConfig:
    """What a stage begins with of an earlier one, or of the run that `warm_start` names."""

    stage: str = ""
    """The earlier stage; empty: the one before."""
    weights: bool = True
    """Begin with its networks; false: with new ones."""
    adr: bool = True
    """Begin with its ADR ranges, of the parameters that both have."""
    optimizer: bool = False
    """Go on with the moments of its optimizer and its learning rate; the algorithm and the networks
    have to be the same."""
    action_std: Annotated[float, Range(0.01, 100)] | None = None
    """Standard deviation of the actions at the beginning; null: as carried over."""


def measures(row: Mapping[str, object]) -> dict[str, float]:
    """The numbers of a row of metrics; a range is two of them."""
    values: dict[str, float] = {}
    for name, value in row.items():
        if isinstance(value, int | float):
            values[name] = float(value)
        elif name.startswith("range/") and isinstance(value, list | tuple):
            values[f"{name}/low"], values[f"{name}/high"] = value
    return values


def check_stage(stage: StageConfig) -> None:
    """Raise ValueError for what one stage cannot be, whatever is before it."""
    if stage.stages:
        raise ValueError("stages: got stages in a stage, allowed: fields of a run without stages")
    known = list(metrics_by_which_a_stage_ends(stage))
    for field_, asked in (("at_least", stage.until.at_least), ("at_most", stage.until.at_most)):
        for name in asked:
            if name not in known:
                raise ValueError(
                    f"until.{field_}: got unknown metric {name}, {nearest(name, known)}"
                )
    carry = stage.carry
    if carry.action_std is not None and stage.policy.head != "gaussian":
        raise ValueError(
            f"carry.action_std: got {carry.action_std:g} with policy.head bins, allowed: null"
        )
    if carry.optimizer and not carry.weights:
        raise ValueError("carry.optimizer: got true without carry.weights, allowed: false")
    if stage.warm_start and (carry.stage or not carry.weights):
        raise ValueError(
            "warm_start: got a run and carry.stage or no carry.weights,"
            " allowed: one place to begin from"
        )


def check_stages(stages: Mapping[str, StageConfig]) -> None:
    """Raise ValueError for a stage that does not fit those before it."""
    before: list[str] = []
    for name, stage in stages.items():
        if not re.fullmatch(r"[A-Za-z0-9][\w-]{0,63}", name):
            raise ValueError(
                f"stages: got the name {name!r:.70}, allowed: letters, digits, _ and -"
            )
        where = f"stages.{name}"
        for field_, other in _others(stage):
            if other not in before:
                allowed = nearest(other, before) if before else "allowed: none in the first stage"
                raise ValueError(
                    f"{where}.{field_}: got {other}, which is no earlier stage, {allowed}"
                )
        if not before and not stage.warm_start and stage.carry != CarryConfig():
            raise ValueError(
                f"{where}.carry: got it in the first stage without warm_start, allowed:"
                " in later stages"
            )
        source = stage.carry.stage or (before[-1] if before else "")
        if stage.carry.optimizer and source and stages[source].algorithm != stage.algorithm:
            raise ValueError(
                f"{where}.carry.optimizer: got true after {stages[source].algorithm},"
                f" allowed: false, as the algorithm is {stage.algorithm}"
            )
        before.append(name)


def _others(stage: StageConfig) -> Iterator[tuple[str, str]]:
    """Field -> name of each other stage that a stage needs."""
    from .algorithms.algorithm import STAGE  # here: it loads torch

    if stage.carry.stage:
        yield "carry.stage", stage.carry.stage
    asked = collection_of(stage)
    for what, teacher in (("teacher", asked.teacher), *asked.specialists.items()):
        if teacher.startswith(STAGE):
            yield f"{stage.algorithm}: {what}", teacher.removeprefix(STAGE)


def metrics_by_which_a_stage_ends(stage: StageConfig) -> Iterator[str]:
    """The numbers that a stage logs and that may end it."""
    yield from EPISODE_MEANS
    yield "reward_mean"
    yield from metrics_of(stage)
    if collection_of(stage).teacher:
        yield "student_share"
    if stage.adr.step_sizes:
        yield "adr_entropy"
    for name in (*stage.adr.step_sizes, *stage.adr.curriculum):
        yield from (f"range/{name}/low", f"range/{name}/high")
