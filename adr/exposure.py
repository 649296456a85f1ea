"""Where in the space of worlds a policy fails: successes by strata, and a regression on parameters.

A mean over all worlds hides the worst stratum.
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
"""Fewest trials per coefficient of the regression."""
FALSE_DISCOVERIES = 0.05
"""False-discovery rate among the reported parameters (Benjamini, Hochberg 1995)."""


@dataclass(frozen=True)
class Slice:
    """Trials with the parameter between `low` and `high`, in its unit."""

    low: float
    high: float
    trials: int
    successes: Estimate
    """Mean over the trials."""


@dataclass(frozen=True)
class Worst:
    """The worst stratum, selected on one half of the trials and measured on the other half.

    The lowest of many means is biased by chance; on the trials that selected it, the mean would be
    too low.
    """

    parameter: str
    low: float
    high: float
    successes: Estimate


@dataclass(frozen=True)
class Effect:
    """The effect of one parameter on the successes, with the others at their range's centre."""

    parameter: str
    at_low: Estimate
    """Successes at the low end of the range, minus those at its centre."""
    at_high: Estimate
    """Successes at the high end, minus those at the centre."""
    p_value: float
    """p-value of no effect, adjusted for the number of parameters."""

    @property
    def exposed(self) -> bool:
        """Whether the policy is significantly worse at one end."""
        return self.p_value < FALSE_DISCOVERIES and self.loss > 0

    @property
    def loss(self) -> float:
        """Successes lost at the worse end."""
        return -min(self.at_low.value, self.at_high.value)


def slices(values: npt.ArrayLike, successes: npt.ArrayLike, count: int = 4) -> tuple[Slice, ...]:
    """Divide trials (n,) at the quantiles of a parameter's values (n,) into equal slices."""
    value, result = np.asarray(values, np.float64), np.asarray(successes, np.float64)
    return tuple(
        Slice(low, high, int(inside.sum()), mean(result[inside]))
        for low, high, inside in _strata(value, count)
    )


def worst(
    values: dict[str, npt.ArrayLike], successes: npt.ArrayLike, count: int = 4
) -> Worst | None:
    """The worst stratum over all parameters, (n,) each; None if all slices have too few trials."""
    result = np.asarray(successes, np.float64)
    selects = np.arange(len(result)) % 2 == 0
    lowest: tuple[float, Worst] | None = None
    for name, column in values.items():
        for low, high, inside in _strata(np.asarray(column, np.float64), count):
            selection, evaluation = inside & selects, inside & ~selects
            if min(selection.sum(), evaluation.sum()) < 2:
                continue
            level = float(result[selection].mean())
            if lowest is None or level < lowest[0]:
                lowest = level, Worst(name, low, high, mean(result[evaluation]))
    return lowest[1] if lowest else None


def regress(
    names: Sequence[str], coordinates: npt.ArrayLike, ends: npt.ArrayLike, successes: npt.ArrayLike
) -> tuple[Effect, ...]:
    """Least squares of successes (n,) on lambda (n, d) and its square; the largest loss first.

    ends (d, 2): the sampled ranges of lambda, scaled to -1 and 1. Successes are not normal, and
    their variance depends on the mean, so errors are heteroscedasticity-consistent (HC3, MacKinnon
    and White 1985). With too few trials for squares, the effects are linear. Raises DataError for
    still fewer trials, or a range without width.
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
    p_values = stats.false_discovery_control([fit.p_value(at) for at in places])
    effects = [
        Effect(name, fit.contrast(at, (-1.0, 1.0)), fit.contrast(at, (1.0, 1.0)), float(p))
        for name, at, p in zip(names, places, p_values, strict=True)
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
        """The weighted sum of the coefficients `at`."""
        w = np.asarray(weights[: len(at)])
        value = float(w @ self.beta[at])
        error = float(np.sqrt(max(w @ self.covariance[np.ix_(at, at)] @ w, 0.0)))
        half_width = float(stats.t.ppf(0.5 + CONFIDENCE / 2, self.freedom)) * error
        return Estimate(value, value - half_width, value + half_width)

    def p_value(self, at: list[int]) -> float:
        """The p-value of Wald's test that all coefficients `at` are zero."""
        beta = self.beta[at]
        if np.allclose(beta, 0.0, atol=1e-12):
            return 1.0
        statistic = float(beta @ np.linalg.pinv(self.covariance[np.ix_(at, at)]) @ beta) / len(at)
        return float(stats.f.sf(statistic, len(at), self.freedom))


def _strata(values: Floats, count: int) -> list[tuple[float, float, npt.NDArray[np.bool_]]]:
    """(low, high, mask of trials) of each slice; the last slice includes its upper end."""
    edges = np.unique(np.quantile(values, np.linspace(0.0, 1.0, count + 1)))
    if len(edges) < 2:
        return [(float(edges[0]), float(edges[0]), np.ones(len(values), bool))]
    place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    return [(float(low), float(high), place == i) for i, (low, high) in enumerate(pairwise(edges))]
