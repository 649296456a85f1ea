"""Config of ADR, and the table of its parameters (dimensions).

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
from dataclasses import dataclass
from typing import Annotated, Literal

from ..config import Range
from ..errors import ConfigError

Side = Literal["low", "high"]

LOW, HIGH = 0, 1
SIDES: tuple[Side, Side] = ("low", "high")


@dataclass(frozen=True)
class AdrConfig:
    """How boundaries are tested and moved; the defaults are those of the paper [R T15]."""

    boundary_probability: Annotated[float, Range(0.0, 1.0)] = 0.5
    """Share of episodes (or of worlds, see mode) that test a boundary."""

    mode: Literal["episodes", "world_share"] = "episodes"
    """episodes: each new episode tests a boundary with this probability (paper).
    world_share: a fixed share of the worlds always tests boundaries (DeXtreme, 0.4)."""

    step: Annotated[float, Range(1e-6, 10.0)] = 0.02
    """Step of a boundary per decision, in lambda; a dimension may override it."""

    threshold_high: float = 20.0
    """Mean performance (successes per episode) at which a boundary widens."""

    threshold_low: float = 10.0
    """Mean performance at which a boundary tightens (DeXtreme: 5)."""

    buffer: Annotated[int, Range(1, 1_000_000)] = 240
    """Boundary episodes per decision. With fewer than about worlds * boundary_probability /
    (2 * dimensions), a decision uses mainly short episodes, which are failures."""

    clear: Literal["always", "on_change"] = "always"
    """always: a buffer is cleared at every decision (paper). on_change: it is cleared only if the
    boundary moved, and the mean is over the latest episodes (DeXtreme)."""

    max_lag: Annotated[int, Range(0, 1_000_000)] = 1
    """Largest age of a report, in moves of its boundary; older ones are refused. 0 favours short
    episodes; a large value accepts every late report, like the paper."""

    entropy_floor: Annotated[float, Range(1e-12, 1.0)] = 0.01
    """Smallest width of a range in the entropy, in lambda; narrower ranges count as this width."""

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
