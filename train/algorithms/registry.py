"""Algorithms by name: those of this package, and those that installed packages register.

A package that cannot be imported has no block and no lines in --help; it is an error only where it
is chosen.
"""

from __future__ import annotations

import functools
import importlib
import sys
from dataclasses import fields, is_dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, get_type_hints

from ...config import block_name
from ...errors import ConfigError, nearest

if TYPE_CHECKING:
    from ..config import TrainConfig
    from .agent import Agent
    from .algorithm import Algorithm, Collection
    from .learner_group import LearnerGroup

GROUP = "sleight.algorithms"
BUILT_IN = {"ppo": ".ppo:Ppo", "clone": ".clone:Clone"}
_BROKEN = (
    ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, NameError, OSError,
    RuntimeError, SyntaxError, TypeError, ValueError,
)  # fmt: skip
"""What the import of a package that is not this one may raise."""


def available() -> dict[str, EntryPoint | str]:
    """Name -> where its class is. Other packages cannot take the built-in names."""
    return _available(tuple(sys.path))


@functools.cache
def _available(path: tuple[str, ...]) -> dict[str, EntryPoint | str]:
    return {**BUILT_IN, **{e.name: e for e in entry_points(group=GROUP) if e.name not in BUILT_IN}}


def algorithm_class(name: str) -> type[Algorithm]:
    """The class that a name stands for. Raises ConfigError: unknown, or cannot be loaded."""
    places = available()
    if name not in places:
        raise ConfigError(f"algorithm: got {name}, {nearest(name, places)}")
    return _load(name, places[name])


def config_blocks() -> dict[str, type]:
    """Name of a block -> its dataclass, of every algorithm that can be loaded."""
    return dict(_config_blocks(tuple(sys.path)))


@functools.cache
def _config_blocks(path: tuple[str, ...]) -> dict[str, type]:
    blocks = {}
    for name in available():
        try:
            blocks[block_name(name)] = algorithm_class(name).config_type
        except ConfigError:
            continue
    return blocks


def check_algorithm(run: TrainConfig) -> None:
    """Raise ConfigError or ValueError unless a run's algorithm exists and can train it."""
    kind, config = _chosen(run)
    kind.check(config, run)


def collection_of(run: TrainConfig) -> Collection:
    """What the algorithm of a run asks of collection."""
    kind, config = _chosen(run)
    return kind.collection(config, run)


def least_worlds(run: TrainConfig) -> int:
    """Fewest worlds in the share of each of several learners."""
    kind, config = _chosen(run)
    return kind.least_worlds(config, run)


def build_algorithm(run: TrainConfig, agent: Agent, group: LearnerGroup) -> Algorithm:
    """The algorithm of a run at its beginning, which improves the networks of `agent`."""
    kind, config = _chosen(run)
    return kind(config, run, agent, run.seed + 2, group)


def _chosen(run: TrainConfig) -> tuple[type[Algorithm], Any]:
    kind = algorithm_class(run.algorithm)
    return kind, run.block(kind.config_type)


def _load(name: str, place: EntryPoint | str) -> type[Algorithm]:
    from .algorithm import Algorithm

    try:
        if isinstance(place, EntryPoint):
            kind = place.load()
        else:
            module, _, attribute = place.partition(":")
            kind = getattr(importlib.import_module(module, __package__), attribute)
        if not (isinstance(kind, type) and issubclass(kind, Algorithm)):
            raise TypeError(f"got {kind!r:.60}, allowed: a subclass of Algorithm")
        _check_config(name, kind.config_type)
    except _BROKEN as error:
        line = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise ConfigError(f"algorithm: {name} cannot be loaded: {line}") from error
    return kind


def _check_config(name: str, config_type: type) -> None:
    """Raise TypeError, or what the class itself raises, unless it can be a block of a config."""
    from ..config import TrainConfig

    if not is_dataclass(config_type):
        raise TypeError(f"config_type: got {config_type!r:.60}, allowed: a dataclass")
    if block_name(name) in {field.name for field in fields(TrainConfig)}:
        raise TypeError("got the name of a field of the training config, allowed: another name")
    get_type_hints(config_type, include_extras=True)
    config_type()
