"""Effects of the fields of a sweep, compared with the noise of seeds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from optuna.importance import FanovaImportanceEvaluator, get_param_importances

from ..space import Dimension
from ..sweep_state import State, Tried

LEAST = 4
"""Smallest number of settings from which importances are computed."""


@dataclass(frozen=True)
class Group:
    """Settings with about the same value of one field."""

    label: str
    at: float
    """Position on the field's axis, from 0 to 1."""
    runs: tuple[float, ...]
    """Scores of all runs of these settings."""

    @property
    def mean(self) -> float:
        """Mean score of the runs."""
        return statistics.fmean(self.runs)


@dataclass(frozen=True)
class Effect:
    """The effect of one field: groups of settings with similar values."""

    dimension: Dimension
    groups: tuple[Group, ...]
    noise: float | None
    """Two standard errors of the difference of the extreme groups, from seeds alone."""

    @property
    def size(self) -> float:
        """Difference between the best and the worst group."""
        means = [group.mean for group in self.groups]
        return max(means) - min(means) if means else 0.0


def effects(state: State) -> list[Effect]:
    """The effect of every field, the largest first, from the complete runs."""
    unsorted = [_effect(state, dimension) for dimension in state.space.dimensions]
    return sorted(unsorted, key=lambda effect: -effect.size)


def position(dimension: Dimension, value: str | int | float) -> float:
    """Position of a value on its axis, from 0 to 1."""
    if dimension.choices:
        return (dimension.choices.index(str(value)) + 0.5) / len(dimension.choices)
    low, high, at = dimension.low, dimension.high, float(value)
    if dimension.log:
        low, high, at = math.log(low), math.log(high), math.log(at)
    return (at - low) / (high - low)


def done(state: State) -> list[Tried]:
    """Settings with at least one complete run."""
    return [tried for tried in state.settings if tried.values_of_runs()]


def _effect(state: State, dimension: Dimension) -> Effect:
    groups = tuple(_groups(dimension, done(state)))
    noise = state.noise()
    if noise is None or len(groups) < 2:
        return Effect(dimension, groups, None)
    extremes = (max(groups, key=lambda g: g.mean), min(groups, key=lambda g: g.mean))
    error = noise[0] * math.sqrt(sum(1 / len(group.runs) for group in extremes))
    return Effect(dimension, groups, 2 * error)


def _groups(dimension: Dimension, settings: Sequence[Tried]) -> list[Group]:
    if dimension.choices:
        parts = [
            [tried for tried in settings if tried.values[dimension.name] == choice]
            for choice in dimension.choices
        ]
        return [_group(dimension, part, part[0].values[dimension.name]) for part in parts if part]
    ordered = sorted(settings, key=lambda tried: position(dimension, tried.values[dimension.name]))
    count = 3 if len(ordered) >= 6 else min(2, len(ordered))
    cuts = [round(i * len(ordered) / count) for i in range(count + 1)] if count else []
    parts = [ordered[a:b] for a, b in pairwise(cuts)]
    return [_group(dimension, part, None) for part in parts]


def _group(dimension: Dimension, part: list[Tried], choice: str | int | float | None) -> Group:
    values = [tried.values[dimension.name] for tried in part]
    places = [position(dimension, value) for value in values]
    runs = tuple(value for tried in part for value in tried.values_of_runs())
    label = str(choice) if choice is not None else f"{values[0]:.3g} to {values[-1]:.3g}"
    return Group(label, statistics.fmean(places), runs)


def importance(state: State) -> dict[str, float] | None:
    """Share of the variance between settings that each field explains; None: too few settings.

    Functional ANOVA of a random forest (Hutter et al. 2014), by Optuna.
    """
    means = [tried.mean() for tried in done(state)]
    names = [dimension.name for dimension in state.space.dimensions]
    if len(means) < LEAST or len(set(means)) < 2 or not names or state.generations:
        return None
    shares = get_param_importances(
        state.study.trials, evaluator=FanovaImportanceEvaluator(seed=0), normalize=True
    )
    return {name: shares.get(name, 0.0) for name in names}


def noise_share(state: State) -> float | None:
    """Share of the variance between settings that comes from seeds; None: not measured."""
    noise, settings = state.noise(), done(state)
    means = [tried.mean() or 0.0 for tried in settings]
    if noise is None or len(means) < 2 or not (total := statistics.variance(means)):
        return None
    chance = statistics.fmean(noise[0] ** 2 / len(t.values_of_runs()) for t in settings)
    return min(chance / total, 1.0)
