"""What a policy's memory knows of its world: classifiers of a parameter above or below its mean.

R = arXiv 1910.07113, section 9.2: z = h + c of the LSTM -> a hidden layer of 64 ReLU -> sigmoid. A
linear classifier stands beside it: what it finds too lies open in the memory.
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
"""Episodes of each class below which nothing is said."""


@dataclass(frozen=True)
class Found:
    """How often a classifier is right about episodes that it was not trained on."""

    accuracy: Estimate
    chance: float
    """Mean accuracy on permuted labels, by the same procedure."""
    chance_high: float
    """The highest of those."""
    p_value: float
    """Of being right so often by saying the commoner class, or as well as on permuted labels."""
    episodes: int
    knows: bool = False
    """Whether it is more than chance, among all answers that were asked for; see `judge`."""


def judge(found: Sequence[Found | None]) -> list[Found | None]:
    """Say of each whether it is more than chance, as one of so many.

    Of those that are, about one in twenty is so by chance (Benjamini, Hochberg 1995); none is no
    better than one of its permutations.
    """
    known = [each for each in found if each is not None]
    if not known:
        return list(found)
    chances = iter(false_discovery_control([each.p_value for each in known]))
    return [
        each
        and replace(
            each, knows=bool(next(chances) < 0.05) and each.accuracy.value > each.chance_high
        )
        for each in found
    ]


def labels(values: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Above the mean of the parameter's values (n,)."""
    value = np.asarray(values, np.float64)
    return value > value.mean()


def probe(
    states: npt.ArrayLike, above: npt.ArrayLike, kind: Kind, permutations: int = 10, seed: int = 0
) -> Found | None:
    """Cross-validated accuracy of a classifier of `above` (n,) from memories (n, size), one a row
    an episode; None where a class has fewer than LEAST episodes.
    """
    x, y = np.asarray(states, np.float64), np.asarray(above, bool)
    if min(y.sum(), (~y).sum()) < LEAST:
        return None
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # Weight decay, not convergence, keeps the network from learning so few episodes by heart.
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
