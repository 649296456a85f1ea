"""What a policy's memory knows of its world: classifiers of a parameter above or below its mean.

R = arXiv 1910.07113, section 9.2: z = h + c of the LSTM -> a hidden layer of 64 ReLU -> sigmoid. A
linear classifier stands beside it: what it finds too lies open in the memory.
"""

import warnings
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
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
    """Share of permutations that do as well, the data's own order among them."""
    episodes: int

    @property
    def knows(self) -> bool:
        """Whether it is better than every permutation, by more than its own uncertainty."""
        return self.accuracy.low > self.chance_high


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
        score, chances, p_value = permutation_test_score(
            classifier(kind, seed), x, y, cv=folds, n_permutations=permutations, random_state=seed
        )
    accuracy = proportion(round(float(score) * len(y)), len(y))
    chance, high = float(np.mean(chances)), float(np.max(chances))
    return Found(accuracy, chance, high, float(p_value), len(y))


def classifier(kind: Kind, seed: int = 0) -> Pipeline:
    """Standardization, then a ridge classifier or a network with one hidden layer [R 9.2]."""
    model: Any
    if kind == "linear":
        model = RidgeClassifierCV(alphas=np.logspace(0.0, 5.0, 6))
    else:
        model = MLPClassifier((64,), solver="lbfgs", alpha=10.0, max_iter=100, random_state=seed)
    return make_pipeline(StandardScaler(), model)
