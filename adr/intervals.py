"""Estimates with confidence intervals."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

CONFIDENCE = 0.95
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A value and its 95 % confidence interval; nan if there are too few samples."""

    value: float
    low: float
    high: float

    def text(self, digits: int = 2) -> str:
        """The estimate as text: 0.71 [0.66, 0.75]."""
        if not math.isfinite(self.value):
            return "-"
        if not math.isfinite(self.low + self.high):
            return f"{self.value:.{digits}f}"
        return f"{self.value:.{digits}f} [{self.low:.{digits}f}, {self.high:.{digits}f}]"

    def data(self) -> list[float | None]:
        """[value, low, high] for JSON; None for unknown numbers."""
        return [x if math.isfinite(x) else None for x in (self.value, self.low, self.high)]


NOTHING = Estimate(math.nan, math.nan, math.nan)


def proportion(successes: int, trials: int) -> Estimate:
    """A probability from counts, with Wilson's confidence interval."""
    if trials == 0:
        return NOTHING
    interval = stats.binomtest(successes, trials).proportion_ci(CONFIDENCE, "wilson")
    return Estimate(successes / trials, float(interval.low), float(interval.high))


def mean(values: npt.ArrayLike) -> Estimate:
    """A mean, with Student's confidence interval; a single value has no interval."""
    sample = np.asarray(values, np.float64).reshape(-1)
    if sample.size == 0:
        return NOTHING
    centre = float(sample.mean())
    if sample.size == 1:
        return Estimate(centre, math.nan, math.nan)
    error = float(sample.std(ddof=1)) / math.sqrt(sample.size)
    half_width = float(stats.t.ppf(0.5 + CONFIDENCE / 2, sample.size - 1)) * error
    return Estimate(centre, centre - half_width, centre + half_width)


def median(values: npt.ArrayLike) -> Estimate:
    """A median, with the interval of order statistics, which holds for every distribution.

    A sample that is too small for such an interval has none.
    """
    sample = np.sort(np.asarray(values, np.float64).reshape(-1))
    if sample.size == 0:
        return NOTHING
    centre = float(np.median(sample))
    # The number of values below the true median is binomial.
    first = int(stats.binom.ppf((1 - CONFIDENCE) / 2, sample.size, 0.5)) - 1
    if first < 0:
        return Estimate(centre, math.nan, math.nan)
    return Estimate(centre, float(sample[first]), float(sample[-1 - first]))
