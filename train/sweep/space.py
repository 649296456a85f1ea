"""The search space of a sweep, checked against the types and limits of the training config."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...config import Extensible, load
from ...envs.make import resolve
from ...envs.mdp import observations
from ...envs.mdp.rewards import RewardTable
from ...envs.tasks.task import task_of
from ...errors import ConfigError
from ..config import TrainConfig
from ..rollout.adr_source import dimensions
from .config import FieldConfig, SweepConfig

Setting = dict[str, str | int | float]
"""Field -> the text of a flag (one of `values`), or a number (of a range)."""
MOST_SETTINGS = 1000
ARM = "arm"
"""The dimension whose values are the names of arms."""
_OWN = {
    "name": "the sweep names its runs",
    "runs": "the sweep's own `runs`",
    "seed": "the sweep's own `seeds`",
    "steps": "the sweep's own `steps`",
    "pause_steps": "the sweep pauses its runs itself",
}
_FIXED_IN_A_RUN = (
    "policy.", "env.task", "env.num_worlds", "env.model.", "env.actor_terms", "env.critic_terms",
    "env.randomization", "rollout.", "algorithm", "adr.step_sizes", "adr.curriculum", "warm_start",
)  # fmt: skip
"""Fields that must not change when a run continues from a checkpoint."""


@dataclass(frozen=True)
class Dimension:
    """A field that varies."""

    name: str
    choices: tuple[str, ...] = ()
    """Values as texts of a flag; empty for a range."""
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    whole: bool = False
    """Whether the field is an integer."""

    def allows(self, value: str | int | float) -> bool:
        """Whether the value is allowed for this dimension."""
        if self.choices or isinstance(value, str):
            return value in self.choices
        return self.low <= value <= self.high and (isinstance(value, int) or not self.whole)


@dataclass(frozen=True)
class Space:
    """The fields that vary, and the training config without them."""

    dimensions: tuple[Dimension, ...]
    base: TrainConfig
    arms: dict[str, Setting] = field(default_factory=dict)
    """Name of an arm -> its fields."""

    def expand(self, setting: Mapping[str, Any]) -> Setting:
        """A setting as fields of the training config; its arm is replaced by the arm's fields."""
        rest = {name: value for name, value in setting.items() if name != ARM}
        return {**self.arms.get(str(setting.get(ARM)), {}), **rest}

    def grid(self) -> Iterator[Setting]:
        """Every combination; the last field changes fastest."""
        names = [dimension.name for dimension in self.dimensions]
        for values in itertools.product(*(dimension.choices for dimension in self.dimensions)):
            yield dict(zip(names, values, strict=True))


def open_space(config: SweepConfig, source: Path) -> Space:
    """The checked space of a sweep. Raises ConfigError with the file and the field."""
    train = source.parent / config.train
    fixed = [f"--{name}={text(value)}" for name, value in config.set.items()]
    steps = [f"--steps={config.steps}"] if config.steps else []
    inner = [name for arm in config.arms.values() for name in arm]
    for name in [*config.set, *config.fields, *inner]:
        if name in _OWN:
            raise ConfigError(f"{source}: got {name}, allowed: {_OWN[name]}")
    base = _load(train, [*fixed, *steps], source, "set")
    if base.stages:
        allowed = "one without, as a stage of its own"
        raise ConfigError(f"{source}: train: got a config with stages, allowed: {allowed}")
    names = tuple(_dimension(n, f, train, fixed, source) for n, f in config.fields.items())
    arms = _arms(config, train, fixed, source)
    if arms:
        names = (Dimension(ARM, choices=tuple(arms)), *names)
    space = Space(names, base, arms)
    _check_stopping(config, base, source)
    if config.method == "grid":
        _check_grid(space, train, fixed, source)
    return space


def _arms(config: SweepConfig, train: Path, fixed: list[str], source: Path) -> dict[str, Setting]:
    """Each arm as a setting, checked together with the fixed fields."""
    arms: dict[str, Setting] = {}
    for name, fields in config.arms.items():
        if repeated := sorted({*fields} & {*config.fields}):
            raise ConfigError(f"{source}: arms: {name}: got {repeated[0]}, which is in fields too")
        arms[name] = {field: text(value) for field, value in fields.items()}
        _load(train, [*fixed, *flags(arms[name])], source, f"arms: {name}")
    return arms


def text(value: Any) -> str:
    """A value as the text of a flag."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(list(value)) if isinstance(value, tuple | list) else str(value)


def flags(setting: Mapping[str, Any]) -> list[str]:
    """The flags that produce this setting."""
    return [f"--{name}={text(value)}" for name, value in setting.items()]


def check(base: Path, setting: Mapping[str, Any]) -> TrainConfig:
    """The training config of one setting. Raises ConfigError when fields are inconsistent."""
    config = load(TrainConfig, base, flags(setting))
    check_names(config)
    return config


def check_names(config: TrainConfig) -> None:
    """Check names that otherwise fail only when the environment is built."""
    dimensions(config)
    env, task = resolve(config.env), task_of(config.env)
    observations.select(env.actor_terms, "env.actor_terms", task.terms)
    observations.select(env.critic_terms, "env.critic_terms", task.terms)
    RewardTable(env.rewards, task.reward_terms)


def _load(train: Path, words: list[str], source: Path, part: str) -> TrainConfig:
    try:
        config = load(TrainConfig, train, words)
        check_names(config)
    except ConfigError as error:
        line = str(error)
        # Errors name a flag; here it is a field of the sweep's file.
        line = f"{source}: {part}: {line[2:]}" if line.startswith("--") else f"{source}: {line}"
        raise ConfigError(line) from error
    return config


def _dimension(
    name: str, field: FieldConfig, train: Path, fixed: list[str], source: Path
) -> Dimension:
    """One dimension; each value is checked together with the other fields of `train`."""
    values = field.values or (_whole(field.low), _whole(field.high))
    parsed = []
    for value in values:
        words = [*fixed, f"--{name}={text(value)}"]
        parsed.append(value_of(_load(train, words, source, "fields"), name))
    if field.low is None or field.high is None:
        return Dimension(name, choices=tuple(map(text, field.values)))
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in parsed):
        raise ConfigError(f"{source}: fields: {name}: got a range, allowed: values")
    whole = all(isinstance(value, int) for value in parsed)
    return Dimension(name, (), field.low, field.high, field.log, whole)


def _whole(value: float | None) -> float | int | None:
    """A float without a fraction as an integer, because integer fields reject 2.0."""
    return int(value) if value is not None and value.is_integer() else value


def value_of(config: Any, name: str) -> Any:
    """The value of a dotted field; keys of a dict may contain dots."""
    words = name.split(".")
    while words:
        if isinstance(config, dict):
            return config.get(".".join(words))
        word = words.pop(0).replace("-", "_")
        blocks = config.known_blocks() if isinstance(config, Extensible) else {}
        config = config.block(blocks[word]) if word in blocks else getattr(config, word)
    return config


def _check_grid(space: Space, train: Path, fixed: list[str], source: Path) -> None:
    for dimension in space.dimensions:
        if not dimension.choices:
            raise ConfigError(
                f"{source}: fields: {dimension.name}: got a range, allowed with grid: values"
            )
    count = math.prod(len(dimension.choices) for dimension in space.dimensions)
    if count > MOST_SETTINGS:
        raise ConfigError(f"{source}: got {count} settings, allowed: at most {MOST_SETTINGS}")
    for setting in space.grid():
        _load(train, [*fixed, *flags(space.expand(setting))], source, "fields")


def _check_stopping(config: SweepConfig, base: TrainConfig, source: Path) -> None:
    if config.stopping == "asha" and config.asha.min_steps >= base.steps:
        raise ConfigError(
            f"{source}: asha.min_steps: got {config.asha.min_steps},"
            f" allowed: below steps, {base.steps}"
        )
    if config.stopping != "pbt":
        return
    if config.pbt.interval_steps >= base.steps:
        raise ConfigError(
            f"{source}: pbt.interval_steps: got {config.pbt.interval_steps},"
            f" allowed: below {base.steps}"
        )
    for name in config.fields:
        if name.startswith(_FIXED_IN_A_RUN):
            raise ConfigError(
                f"{source}: fields: got {name}, which a run must keep; allowed with pbt: others"
            )


def rungs(config: SweepConfig, steps: int) -> list[int]:
    """Control steps at which ASHA decides; none in the last half, where it would save little."""
    reduction = config.asha.reduction_factor
    rung = config.asha.min_steps or max(1, steps // reduction**2)
    steps_of_rungs = []
    while 2 * rung <= steps:
        steps_of_rungs.append(rung)
        rung *= reduction
    return steps_of_rungs
