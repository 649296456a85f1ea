"""Where in the space of worlds a policy fails: success by strata, and a regression on parameters.

A policy is only as good as its worst stratum, which a mean over all worlds hides.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy import stats

from ..errors import DataError
from .intervals import CONFIDENCE, Estimate, mean

Floats = npt.NDArray[np.float64]
PER_COLUMN = 6
"""Trials that each coefficient of the regression asks for."""
FALSE_DISCOVERIES = 0.05
"""Expected share of false names among the parameters that are named (Benjamini, Hochberg 1995)."""


@dataclass(frozen=True)
class Slice:
    """Trials whose parameter lay between `low` and `high`, in its own unit."""

    low: float
    high: float
    trials: int
    successes: Estimate
    """Mean of the trials."""


@dataclass(frozen=True)
class Worst:
    """The stratum that was worst in half of the trials, and how it did in the other half.

    The lowest of many slices is partly the unluckiest: measured on the trials that chose it, its
    mean would be too low.
    """

    parameter: str
    low: float
    high: float
    successes: Estimate


@dataclass(frozen=True)
class Effect:
    """What one parameter does to the successes, the others held in the middle of their ranges."""

    parameter: str
    at_low: Estimate
    """Successes at the low end of the range, minus those in its middle."""
    at_high: Estimate
    """The same at the high end."""
    p_value: float
    """Of no effect at all, adjusted for the number of parameters."""

    @property
    def exposed(self) -> bool:
        """Whether the policy does worse at an end, and not by chance."""
        return self.p_value < FALSE_DISCOVERIES and self.loss > 0

    @property
    def loss(self) -> float:
        """Successes lost at the worse end."""
        return -min(self.at_low.value, self.at_high.value)


def slices(values: npt.ArrayLike, successes: npt.ArrayLike, count: int = 4) -> tuple[Slice, ...]:
    """Cut trials (n,) at the quantiles of a parameter's values (n,), into equally many each."""
    value, result = np.asarray(values, np.float64), np.asarray(successes, np.float64)
    found = []
    for low, high, inside in _strata(value, count):
        found.append(Slice(low, high, int(inside.sum()), mean(result[inside])))
    return tuple(found)


def worst(
    values: dict[str, npt.ArrayLike], successes: npt.ArrayLike, count: int = 4
) -> Worst | None:
    """The worst stratum of all parameters (each (n,)); None when a slice has under two trials."""
    result = np.asarray(successes, np.float64)
    chooses = np.arange(len(result)) % 2 == 0
    found: tuple[float, Worst] | None = None
    for name, column in values.items():
        for low, high, inside in _strata(np.asarray(column, np.float64), count):
            choosing, judging = inside & chooses, inside & ~chooses
            if min(choosing.sum(), judging.sum()) < 2:
                continue
            level = float(result[choosing].mean())
            if found is None or level < found[0]:
                found = level, Worst(name, low, high, mean(result[judging]))
    return found[1] if found else None


def regress(
    names: Sequence[str], coordinates: npt.ArrayLike, ends: npt.ArrayLike, successes: npt.ArrayLike
) -> tuple[Effect, ...]:
    """Least squares of successes (n,) on lambda (n, d) and its square; the largest loss first.

    ends (d, 2): the sampled ranges of lambda, which become -1 and 1. Success is no bell curve and
    spreads less where it is rare, so errors are heteroscedasticity-consistent (HC3, MacKinnon and
    White 1985). With too few trials for squares the effects are straight lines. Raises DataError
    when there are too few even for those, or a range has no width.
    """
    x, y = np.asarray(coordinates, np.float64), np.asarray(successes, np.float64)
    low, high = np.asarray(ends, np.float64).T
    if not (high > low).all():
        flat = [name for name, wide in zip(names, high > low, strict=True) if not wide]
        raise DataError(f"{flat[0]}: got a range without width, allowed: low < high")
    n, d = x.shape
    if n < PER_COLUMN * (d + 1):
        raise DataError(
            f"--trials: got {n}, allowed for a regression on {d} parameters:"
            f" {PER_COLUMN * (d + 1)} or more"
        )
    z = (2 * x - low - high) / (high - low)
    curved = n >= PER_COLUMN * (2 * d + 1)
    columns = np.column_stack([np.ones(n), z, *([z**2 - 1 / 3] if curved else [])])
    fit = _Fit.of(columns, y)
    places = [[1 + i, 1 + d + i] if curved else [1 + i] for i in range(d)]
    chances = stats.false_discovery_control([fit.chance(at) for at in places])
    effects = [
        Effect(name, fit.contrast(at, (-1.0, 1.0)), fit.contrast(at, (1.0, 1.0)), float(p))
        for name, at, p in zip(names, places, chances, strict=True)
    ]
    return tuple(sorted(effects, key=lambda effect: -effect.loss))


@dataclass(frozen=True)
class _Fit:
    """Coefficients (k,), their covariance (k, k), and the residual's degrees of freedom."""

    beta: Floats
    covariance: Floats
    freedom: int

    @classmethod
    def of(cls, columns: Floats, y: Floats) -> "_Fit":
        inverse = np.linalg.pinv(columns.T @ columns)
        beta = inverse @ columns.T @ y
        leverage = np.einsum("ij,jk,ik->i", columns, inverse, columns)
        scaled = (y - columns @ beta) / np.clip(1.0 - leverage, 1e-9, None)
        meat = (columns * scaled[:, None] ** 2).T @ columns
        return cls(beta, inverse @ meat @ inverse, len(y) - columns.shape[1])

    def contrast(self, at: list[int], weights: Sequence[float]) -> Estimate:
        """The weighted sum of some coefficients."""
        w = np.asarray(weights[: len(at)])
        value = float(w @ self.beta[at])
        error = float(np.sqrt(max(w @ self.covariance[np.ix_(at, at)] @ w, 0.0)))
        reach = float(stats.t.ppf(0.5 + CONFIDENCE / 2, self.freedom)) * error
        return Estimate(value, value - reach, value + reach)

    def chance(self, at: list[int]) -> float:
        """Wald's test that all of some coefficients are zero: its p-value."""
        beta = self.beta[at]
        if np.allclose(beta, 0.0, atol=1e-12):
            return 1.0
        statistic = float(beta @ np.linalg.pinv(self.covariance[np.ix_(at, at)]) @ beta) / len(at)
        return float(stats.f.sf(statistic, len(at), self.freedom))


def _strata(values: Floats, count: int) -> list[tuple[float, float, npt.NDArray[np.bool_]]]:
    """(low, high, which trials) of each slice; the last holds its upper end."""
    edges = np.unique(np.quantile(values, np.linspace(0.0, 1.0, count + 1)))
    if len(edges) < 2:
        return [(float(edges[0]), float(edges[0]), np.ones(len(values), bool))]
    place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    return [(float(low), float(high), place == i) for i, (low, high) in enumerate(pairwise(edges))]
