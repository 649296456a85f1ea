"""Probes of a policy's memory: classifiers of whether a parameter is above or below its mean.

R = arXiv 1910.07113, section 9.2: z = h + c of the LSTM -> a hidden layer of 64 ReLU -> sigmoid. A
linear classifier is a second probe: its success means that the information is linearly encoded.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest, false_discovery_control
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import RidgeClassifierCV
from sklearn.model_selection import StratifiedKFold, permutation_test_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from .intervals import Estimate, proportion

Kind = Literal["linear", "nonlinear"]
KINDS: tuple[Kind, Kind] = ("linear", "nonlinear")
FOLDS = 5
LEAST = 4 * FOLDS
"""Fewest episodes of each class for a probe."""


@dataclass(frozen=True)
class Found:
    """Cross-validated accuracy of a classifier, and its significance."""

    accuracy: Estimate
    chance: float
    """Mean accuracy on permuted labels, with the same procedure."""
    chance_high: float
    """Highest accuracy on permuted labels."""
    p_value: float
    """p-value against the more frequent class and against permuted labels."""
    episodes: int
    knows: bool = False
    """Whether the accuracy is significant among all probes; see `judge`."""


def judge(results: Sequence[Found | None]) -> list[Found | None]:
    """Set `knows` of each result: significant, and better than all permutations.

    The false-discovery rate is 5 % (Benjamini, Hochberg 1995).
    """
    known = [each for each in results if each is not None]
    if not known:
        return list(results)
    p_values = iter(false_discovery_control([each.p_value for each in known]))
    return [
        each
        and replace(
            each, knows=bool(next(p_values) < 0.05) and each.accuracy.value > each.chance_high
        )
        for each in results
    ]


def labels(values: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Labels (n,): whether the parameter's value is above the mean."""
    value = np.asarray(values, np.float64)
    return value > value.mean()


def probe(
    states: npt.ArrayLike, above: npt.ArrayLike, kind: Kind, permutations: int = 10, seed: int = 0
) -> Found | None:
    """Cross-validated accuracy of classifying `above` (n,) from the memory of n episodes (n, size).

    None if a class has fewer than LEAST episodes.
    """
    x, y = np.asarray(states, np.float64), np.asarray(above, bool)
    if min(y.sum(), (~y).sum()) < LEAST:
        return None
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # Weight decay prevents overfitting to few episodes; convergence is not needed.
        warnings.simplefilter("ignore", ConvergenceWarning)
        score, chances, _ = permutation_test_score(
            classifier(kind, seed), x, y, cv=folds, n_permutations=permutations, random_state=seed
        )
    right, n = round(float(score) * len(y)), len(y)
    chance, guess = float(np.mean(chances)), float(max(y.mean(), 1 - y.mean()))
    p_value = binomtest(right, n, max(chance, guess), alternative="greater").pvalue
    return Found(proportion(right, n), chance, float(np.max(chances)), float(p_value), n)


def classifier(kind: Kind, seed: int = 0) -> Pipeline:
    """Standardization, then a ridge classifier or a network with one hidden layer [R 9.2]."""
    model: Any
    if kind == "linear":
        model = RidgeClassifierCV(alphas=np.logspace(0.0, 5.0, 6))
    else:
        model = MLPClassifier((64,), solver="lbfgs", alpha=10.0, max_iter=100, random_state=seed)
    return make_pipeline(StandardScaler(), model)
