"""Estimates with their confidence intervals, by scipy."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

CONFIDENCE = 0.95
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A value and its 95 % confidence interval; nan where there is too little to say."""

    value: float
    low: float
    high: float

    def text(self, digits: int = 2) -> str:
        """For people: 0.71 [0.66, 0.75]."""
        if not math.isfinite(self.value):
            return "-"
        if not math.isfinite(self.low + self.high):
            return f"{self.value:.{digits}f}"
        return f"{self.value:.{digits}f} [{self.low:.{digits}f}, {self.high:.{digits}f}]"

    def data(self) -> list[float | None]:
        """[value, low, high] for JSON; None for what is not known."""
        return [x if math.isfinite(x) else None for x in (self.value, self.low, self.high)]


NOTHING = Estimate(math.nan, math.nan, math.nan)


def proportion(successes: int, trials: int) -> Estimate:
    """A probability from counts, with Wilson's interval."""
    if trials == 0:
        return NOTHING
    found = stats.binomtest(successes, trials).proportion_ci(CONFIDENCE, "wilson")
    return Estimate(successes / trials, float(found.low), float(found.high))


def mean(values: npt.ArrayLike) -> Estimate:
    """A mean, with Student's interval; of one value there is none."""
    sample = np.asarray(values, np.float64).reshape(-1)
    if sample.size == 0:
        return NOTHING
    centre = float(sample.mean())
    if sample.size == 1:
        return Estimate(centre, math.nan, math.nan)
    error = float(sample.std(ddof=1)) / math.sqrt(sample.size)
    reach = float(stats.t.ppf(0.5 + CONFIDENCE / 2, sample.size - 1)) * error
    return Estimate(centre, centre - reach, centre + reach)
