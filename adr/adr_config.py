"""The settings of ADR: the parameters that it widens, and how it decides.

lambda is the dimensionless coordinate of a parameter. `envs` maps it to the physical value; ADR
does not depend on the physics. Two decisions that the source, R = arXiv 1910.07113, leaves open
[R 5.2, B]:

- Sign. The printed algorithm adds the step to both ends. Here widening moves each end outward: the
  low end down, the high end up; tightening moves each end back towards the start.
- g(x). A noise strength is w * (exp(lambda) - 1), which is zero at lambda = 0, instead of the
  printed exp(lambda - 1). A noise strength is therefore one-sided: start = floor = 0.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

from ..config import Range
from ..errors import ConfigError

Side = Literal["low", "high"]

LOW, HIGH = 0, 1
SIDES: tuple[Side, Side] = ("low", "high")


@dataclass(frozen=True)
class AdrConfig:
    """How automatic domain randomization tests boundaries and moves them; defaults: [R T15]."""

    step_sizes: dict[str, Annotated[float, Range(1e-6, 10.0)]] = field(default_factory=dict)
    """Parameter -> step of its boundaries in lambda. These parameters are under ADR."""
    boundary_probability: Annotated[float, Range(0.0, 1.0)] = 0.5
    """Fraction of episodes (or of worlds, see mode) that test a boundary."""
    mode: Literal["episodes", "world_share"] = "episodes"
    """episodes: every new episode draws whether it tests a boundary (the paper).
    world_share: a fixed fraction of the worlds always tests boundaries (DeXtreme: 0.4)."""
    step: Annotated[float, Range(1e-6, 10.0)] = 0.02
    """Step of a boundary in lambda, for a parameter without its own step size."""
    threshold_high: float = 20.0
    """A boundary widens at this mean performance (successes per episode) or above."""
    threshold_low: float = 10.0
    """A boundary tightens at this mean performance or below (DeXtreme: 5)."""
    buffer: Annotated[int, Range(1, 1_000_000)] = 240
    """Boundary episodes per decision. Below about worlds * boundary_probability / (2 * dimensions)
    the first reports after a move come from the shortest episodes, which are the failures."""
    clear: Literal["always", "on_change"] = "always"
    """When a performance buffer is emptied. always: at every decision (the paper). on_change: only
    when the boundary has moved; decisions use the latest episodes (DeXtreme)."""
    max_lag: Annotated[int, Range(0, 1_000_000)] = 1
    """Reports that are at most this many moves of their boundary old still count; older ones are
    discarded. 0 favours short episodes; a large value uses every late report, as the paper does."""
    entropy_floor: Annotated[float, Range(1e-12, 1.0)] = 0.01
    """Smallest width in lambda that the ADR entropy counts; narrower ranges count as this wide."""

    def __post_init__(self) -> None:
        """Raise ConfigError unless threshold_low < threshold_high."""
        _check_thresholds("", self.threshold_low, self.threshold_high)


@dataclass(frozen=True)
class Dimension:
    """One parameter of ADR; all numbers are in lambda, except the thresholds and the buffer.

    None means the value of AdrConfig.
    """

    name: str
    start: float = 0.0
    """lambda of the calibrated value; the range begins at this point and always contains it."""
    floor: float = -4.0
    """Lower limit of the low end [R T15]."""
    ceiling: float = 4.0
    """Upper limit of the high end."""
    step: float | None = None
    low_moves: bool = True
    """Whether the low end may move; False for noise strengths and a goal-angle curriculum."""
    high_moves: bool = True
    counts: bool = True
    """Whether it counts in the entropy; False for a curriculum parameter."""
    threshold_low: float | None = None
    threshold_high: float | None = None
    buffer: int | None = None

    def __post_init__(self) -> None:
        """Raise ConfigError, with parameter and field, for invalid values."""
        where = f"adr parameter '{self.name}'"
        if not -math.inf < self.floor <= self.start <= self.ceiling < math.inf:
            got = f"{self.floor}, {self.start}, {self.ceiling}"
            raise ConfigError(f"{where}: floor, start, ceiling: got {got}; allowed: finite, rising")
        if self.step is not None and not 0.0 < self.step < math.inf:
            raise ConfigError(f"{where}: step: got {self.step}; allowed: above 0")
        if self.buffer is not None and self.buffer < 1:
            raise ConfigError(f"{where}: buffer: got {self.buffer}; allowed: 1 or more")

    def moves(self, side: int) -> bool:
        """Whether the end LOW or HIGH may move."""
        return self.high_moves if side == HIGH else self.low_moves


@dataclass(frozen=True)
class Rule:
    """Step, thresholds and buffer of one dimension: its own, or those of the config."""

    step: float
    threshold_low: float
    threshold_high: float
    buffer: int


def rule(dimension: Dimension, config: AdrConfig) -> Rule:
    """The rule of a dimension. Raises ConfigError unless threshold_low < threshold_high."""
    low = _own(dimension.threshold_low, config.threshold_low)
    high = _own(dimension.threshold_high, config.threshold_high)
    _check_thresholds(f"adr parameter '{dimension.name}': ", low, high)
    buffer = config.buffer if dimension.buffer is None else dimension.buffer
    return Rule(_own(dimension.step, config.step), low, high, buffer)


def check_table(dimensions: Sequence[Dimension], config: AdrConfig | None = None) -> None:
    """Raise ConfigError for duplicate names and, given a config, for an invalid rule."""
    names = [dimension.name for dimension in dimensions]
    duplicates = sorted({name for name in names if names.count(name) > 1})
    if duplicates:
        raise ConfigError(
            f"adr parameters: got {', '.join(duplicates)} twice; allowed: unique names"
        )
    if config is not None:
        for dimension in dimensions:
            rule(dimension, config)


def _own(value: float | None, default: float) -> float:
    return default if value is None else value


def _check_thresholds(where: str, low: float, high: float) -> None:
    if not -math.inf < low < high < math.inf:
        got = f"{low} and {high}"
        raise ConfigError(f"{where}threshold_low, threshold_high: got {got}; allowed: low < high")
