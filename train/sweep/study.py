"""Chooses settings and decides about early stopping with Optuna, from the journal."""

from __future__ import annotations

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import Trial, TrialState

from .config import SweepConfig
from .space import Dimension, Setting, Space, rungs

optuna.logging.set_verbosity(optuna.logging.WARNING)


class Study:
    """Draws settings and receives results of rungs and runs, in the order of the journal.

    Its state follows from the journal: a draw depends only on the trials so far and the number of
    the next one.
    """

    def __init__(self, config: SweepConfig, space: Space) -> None:
        self.config = config
        self.rungs = rungs(config, space.base.steps) if config.stopping == "asha" else []
        self._kinds = {d.name: distribution(d) for d in space.dimensions}
        self._study = optuna.create_study(
            direction="maximize" if config.mode == "max" else "minimize",
            pruner=optuna.pruners.SuccessiveHalvingPruner(
                min_resource=self.rungs[0] if self.rungs else 1,
                reduction_factor=config.asha.reduction_factor,
            ),
        )
        self._trials: list[Trial] = []

    @property
    def trials(self) -> optuna.Study:
        """The Optuna study, for its analysis functions."""
        return self._study

    def draw(self) -> Setting:
        """Draw a new setting."""
        seed = self.config.seed + len(self._trials)
        self._study.sampler = (
            optuna.samplers.TPESampler(seed=seed, n_startup_trials=_startup(self.config.trials))
            if self.config.method == "bayesian"
            else optuna.samplers.RandomSampler(seed=seed)
        )
        trial = self._study.ask(self._kinds)
        self._trials.append(trial)
        return dict(trial.params)

    def take(self, setting: Setting) -> None:
        """Add a setting that was drawn before or comes from a grid."""
        self._study.enqueue_trial(setting)
        self._trials.append(self._study.ask(self._kinds))

    def goes_on(self, index: int, steps: int, value: float) -> bool:
        """Whether setting `index` may continue after a rung."""
        trial = self._trials[index]
        trial.report(value, steps)
        return not trial.should_prune()

    def tell(self, index: int, value: float | None, pruned: bool = False) -> None:
        """Report the end of a setting; no value: it failed."""
        trial = self._trials[index]
        if pruned:
            self._study.tell(trial, state=TrialState.PRUNED)
        elif value is None:
            self._study.tell(trial, state=TrialState.FAIL)
        else:
            self._study.tell(trial, value)


def distribution(dimension: Dimension) -> BaseDistribution:
    """The Optuna distribution of a dimension."""
    if dimension.choices:
        return CategoricalDistribution(dimension.choices)
    low, high, log = dimension.low, dimension.high, dimension.log
    if dimension.whole:
        return IntDistribution(int(low), int(high), log)
    return FloatDistribution(low, high, log)


def _startup(trials: int) -> int:
    """Number of random draws before the model: Optuna's ten, at most a third of all."""
    return max(2, min(10, trials // 3))
