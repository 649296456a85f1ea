"""Whether a sample has a law."""

from typing import Any

import numpy as np
from scipy import stats

QUIET = 1e-3
"""Below this probability a sample is not of its law; seeds are fixed, so this never flickers."""


def same_law(sample: Any, law: Any) -> None:
    """Kolmogorov-Smirnov: assert that the sample is of this law."""
    found = stats.kstest(np.ravel(sample), law.cdf).pvalue
    assert found > QUIET, f"KS p = {found:.2g}: mean {np.mean(sample):.4g}, sd {np.std(sample):.4g}"
