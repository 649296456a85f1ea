"""The file of a validation set: hard cases of one task and hand, small enough to keep in git.

A case is a world (the value of each parameter that varies) and the seed of its start: everything
that a reset draws, which is the start state, the first goal, and what is drawn per episode. All
cases share the worlds' other settings, `env`: task, hand, object, goals, start states, calibrated
values. `env.control` is the action law of the policy that found them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol, TypeVar

from ...config import Range, block_name, from_dict, to_dict
from ...envs.config import EnvConfig
from ...envs.make import resolve
from ...envs.randomization.table import lookup
from ...errors import ConfigError, DataError
from ...files import read_json, write_json
from ..rollout.players import Player

T = TypeVar("T")

Count = Annotated[int, Range(0, 2**53)]
Seed = Annotated[int, Range(0, 2**62)]
MOST_CASES = 1000
_KEPT = ("task", "model", "control", "goals", "resets", "nominal")
"""Fields of the environment that make the worlds; the others are the player's or the machine's."""
_EDGE = 1e-6
"""Share of a range by which a value that was written in few digits may lie outside it."""


class Tried(Protocol):
    """A case with its tries."""

    @property
    def name(self) -> str: ...

    @property
    def successes(self) -> tuple[int, ...]: ...


@dataclass(frozen=True)
class Case:
    """One hard case, with the fresh tries of the policy that found it."""

    name: str
    parameters: dict[str, float]
    """Parameter -> value in its own unit, of those that vary."""
    start: Seed
    """Seed of what the reset draws."""
    successes: tuple[Count, ...]
    """Of each fresh try: none of them has selected the case."""
    drops: Count
    timeouts: Count
    selected_mean: Annotated[float, Range(0, 1e6)]
    """Mean successes of the tries that selected it, which is too low: the worst of many."""


@dataclass(frozen=True)
class Search:
    """How the cases were found."""

    player: str
    steps: Count | None
    trials: Count
    """Of the whole search."""
    seed: Seed
    versions: dict[str, str]
    explored: Count
    """Trials in worlds that nothing had selected, one each."""
    explored_mean: Annotated[float, Range(0, 1e6)]
    explored_error: Annotated[float, Range(0, 1e6)]
    """Mean successes of these trials, and its standard error."""


@dataclass(frozen=True)
class ValidationSet:
    """Hard cases of one task and hand."""

    env: EnvConfig
    ranges: dict[str, tuple[float, float]]
    """Parameter -> [low, high] of the search in its own unit; low = high: the same in all cases."""
    seed: Seed
    """Of the start states that the seeds of the cases choose from."""
    pass_mark: Annotated[float, Range(0, 1e6, open_low=True)]
    """A case is passed with at least this mean of successes."""
    search: Search
    cases: tuple[Case, ...]
    format: Literal[1] = 1
    kind: Literal["validation set"] = field(default="validation set", kw_only=True)

    @property
    def varying(self) -> tuple[str, ...]:
        """The parameters that the cases have values of."""
        return tuple(name for name, (low, high) in self.ranges.items() if low < high)

    @property
    def digest(self) -> str:
        """Hash of what the cases are, without what anybody reached in them."""
        same = {
            "env": kept(self.env), "ranges": self.ranges, "seed": self.seed,
            "pass_mark": self.pass_mark,
            "cases": [(case.name, case.parameters, case.start) for case in self.cases],
        }  # fmt: skip
        return hashlib.sha256(json.dumps(same, sort_keys=True).encode()).hexdigest()[:16]

    def values(self, parameters: Mapping[str, float]) -> list[float]:
        """The value of each parameter of `ranges`, in its order."""
        return [parameters.get(name, low) for name, (low, _) in self.ranges.items()]

    def config_for(self, player: Player) -> EnvConfig:
        """The environment of the cases, with the player's terms and action law.

        Raises ConfigError for a player of another task or hand.
        """
        own, trained = resolve(self.env), resolve(player.env_config)
        for what, wanted, got in (
            ("the task", own.task, trained.task),
            ("the hand", own.model.hand, trained.model.hand),
            ("the object", own.model.object, trained.model.object),
            ("a control period of", f"{own.period_s:g} s", f"{trained.period_s:g} s"),
        ):
            if wanted != got:
                raise ConfigError(
                    f"--failures: got {player.name}, a policy of {what} {got},"
                    f" allowed: {what} {wanted}, of which the cases are"
                )
        worlds = {name: getattr(self.env, name) for name in _KEPT if name != "control"}
        return replace(
            player.env_config, **worlds, blocks=self.env.blocks, randomization=self.ranges
        )


def kept(env: EnvConfig) -> dict[str, Any]:
    """The part of an environment that makes the worlds, as plain data."""
    names = (*_KEPT, block_name(env.task))
    return {name: value for name, value in to_dict(env).items() if name in names}


def read_set(path: Path) -> ValidationSet:
    """Read a set. Raises DataError, which names the file and the field, when it is none."""
    found = parsed(ValidationSet, read_json(path), path, "validation set")
    try:
        _check(found, str(path))
    except ConfigError as error:
        raise DataError(str(error)) from error
    return found


def parsed(cls: type[T], data: Any, path: Path, kind: str) -> T:
    """A dataclass from the content of a JSON file of its `kind`. Raises DataError in one line."""
    if not isinstance(data, dict) or data.get("kind") != kind:
        got = repr(data.get("kind")) if isinstance(data, dict) else type(data).__name__
        raise DataError(f"{path}: kind: got {got:.60}, allowed: '{kind}'")
    try:
        return from_dict(cls, data, str(path))
    except ConfigError as error:
        raise DataError(str(error)) from error


def write_set(path: Path, found: ValidationSet) -> Path:
    """Write a set atomically; returns the path."""
    return write_json(path, {**to_dict(found), "env": kept(found.env)}, None)


def check_cases(cases: Sequence[Tried], path: str) -> None:
    """Raise DataError unless there are cases, each with its own name and a try."""
    names = {case.name for case in cases}
    if not 1 <= len(cases) <= MOST_CASES or len(names) < len(cases):
        raise DataError(
            f"{path}: cases: got {len(cases)} with {len(names)} names, allowed: 1 to {MOST_CASES},"
            " each with its own name"
        )
    for case in cases:
        if not case.successes:
            raise DataError(
                f"{path}: cases: {case.name}: successes: got none, allowed: one or more"
            )


def _check(found: ValidationSet, path: str) -> None:
    """Raise ConfigError or DataError for cases that are not of these ranges."""
    check_cases(found.cases, path)
    for name, ends in found.ranges.items():
        _check_ends(f"{path}: ranges", name, ends)
    for case in found.cases:
        _check_case(f"{path}: cases: {case.name}", case, found)


def _check_ends(where: str, name: str, ends: Sequence[float]) -> None:
    row = lookup(name, where)
    for end in ends:
        row.coordinate(end, where)
    if ends[0] > ends[1]:
        raise DataError(f"{where}: {name}: got {ends[0]:g} to {ends[1]:g}, allowed: low <= high")


def _check_case(where: str, case: Case, found: ValidationSet) -> None:
    for name, value in case.parameters.items():
        lookup(name, where).coordinate(value, where)
        low, high = found.ranges.get(name, (value, value))
        edge = _EDGE * (high - low)
        if not low - edge <= value <= high + edge:
            raise DataError(f"{where}: {name}: got {value:g}, allowed: [{low:g}, {high:g}]")
    if {*case.parameters} != {*found.varying}:
        odd = sorted({*case.parameters} ^ {*found.varying})[0]
        got = "it in addition" if odd in case.parameters else "no value"
        raise DataError(f"{where}: {odd}: got {got}, allowed: a value of each row that varies")
