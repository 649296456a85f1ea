"""Algorithms by name: those of this package, and those that installed packages register.

A package that cannot be imported has no block and no lines in --help; it is an error only where it
is chosen.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, get_type_hints

from ...config import block_name
from ...registry import Registry

if TYPE_CHECKING:
    from ..config import TrainConfig
    from .agent import Agent
    from .algorithm import Algorithm, Collection
    from .learner_group import LearnerGroup


def _check(name: str, kind: object) -> None:
    """Raise TypeError unless this is an algorithm whose config can be a block of a run's."""
    from ..config import TrainConfig
    from .algorithm import Algorithm

    if not (isinstance(kind, type) and issubclass(kind, Algorithm)):
        raise TypeError(f"got {kind!r:.60}, allowed: a subclass of Algorithm")
    if not is_dataclass(kind.config_type):
        raise TypeError(f"config_type: got {kind.config_type!r:.60}, allowed: a dataclass")
    if block_name(name) in {field.name for field in fields(TrainConfig)}:
        raise TypeError("got the name of a field of the training config, allowed: another name")
    get_type_hints(kind.config_type, include_extras=True)
    kind.config_type()


ALGORITHMS: Registry[type[Algorithm]] = Registry(
    "sleight.algorithms",
    {
        "ppo": "train.algorithms.ppo:Ppo",
        "clone": "train.algorithms.clone:Clone",
        "fast_td3": "train.algorithms.off_policy.fast_td3:FastTd3",
    },
    _check,
)


def config_blocks() -> dict[str, type]:
    """Name of a block -> its dataclass, of every algorithm that can be loaded."""
    return {block_name(name): kind.config_type for name, kind in ALGORITHMS.everything().items()}


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


def warm_up_steps(run: TrainConfig) -> int:
    """Control steps that the algorithm of a run collects before it learns."""
    kind, config = _chosen(run)
    return kind.warm_up_steps(config)


def metrics_of(run: TrainConfig) -> tuple[str, ...]:
    """Names of the metrics that the algorithm of a run promises to log."""
    return _chosen(run)[0].metrics


def build_algorithm(run: TrainConfig, agent: Agent, group: LearnerGroup) -> Algorithm:
    """The algorithm of a run at its beginning, which improves the networks of `agent`."""
    kind, config = _chosen(run)
    return kind(config, run, agent, run.seed + 2, group)


def _chosen(run: TrainConfig) -> tuple[type[Algorithm], Any]:
    kind = ALGORITHMS.get(run.algorithm, "algorithm")
    return kind, run.block(kind.config_type)
