"""Search for hard cases: the worst of many worlds, tried again, varied, and tried afresh.

The worst of many trials is partly bad luck, and the worst of many means still is. So a candidate is
tried again with other goals and noise, a parent is compared with its child only in new tries of
both, and the scores that are kept are of fresh tries, which have selected nothing.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ...envs.config import EnvConfig
from ...envs.randomization.table import BY_NAME
from ...errors import ConfigError
from ..rollout.players import Player
from ..runs.versions import versions
from .trials import Start, Trial, run_trials
from .validation_set import MOST_CASES, Case, Search, ValidationSet

SCREENED = ((4, 0.25), (2, 0.5))
"""Successive halving: candidates per case that are tried again, and their tries as a share."""
VARIED = 0.3
"""Share of the parameters that a child varies."""
STEP = 0.2
"""Standard deviation of a variation, as a share of the parameter's range in lambda."""
PASS_SHARE = 0.5
"""The pass mark, as a share of the mean successes in worlds that nothing has selected."""
LEAST_MARK = 0.5
"""The lowest pass mark: below, a case would be passed without a success in most tries."""
_DIGITS = 5
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Budget:
    """Trials of each part of a search."""

    trials: int
    cases: int
    tries: int
    """Fresh tries of each case that is kept."""

    @property
    def screens(self) -> list[tuple[int, int]]:
        """(candidates, tries of each): the worst are tried again, fewer of them more often."""
        return [
            (count * self.cases, max(1, round(share * self.tries))) for count, share in SCREENED
        ]

    @property
    def quick(self) -> int:
        """Tries of a candidate in a round of variation."""
        return max(2, self.tries // 2)

    @property
    def rounds(self) -> int:
        """Rounds of variation; half of the trials are for exploring."""
        return max(0, (self.trials // 2 - self._fixed) // self._round)

    @property
    def explored(self) -> int:
        """Trials in new worlds, one each."""
        return self.trials - self._fixed - self.rounds * self._round

    @property
    def _fixed(self) -> int:
        return self.cases * self.tries + sum(count * tries for count, tries in self.screens)

    @property
    def _round(self) -> int:
        return 2 * self.cases * self.quick

    def check(self) -> None:
        """Raise ConfigError for too few trials, or more cases than a file may have."""
        if self.cases > MOST_CASES:
            raise ConfigError(f"--cases: got {self.cases}, allowed: 1 to {MOST_CASES}")
        least = self._fixed + 2 * SCREENED[0][0] * self.cases
        if self.trials < least:
            raise ConfigError(
                f"--trials: got {self.trials}, allowed with --cases {self.cases} and --tries"
                f" {self.tries}: {least} or more"
            )


@dataclass(frozen=True)
class Candidate:
    """A world and a start that may be hard."""

    world: Floats
    """(V,) lambda of the parameters that vary."""
    start: int
    mean: float
    """Mean successes of its last tries."""


class FailureSearch:
    """One search; `run` returns the set."""

    def __init__(self, player: Player, config: EnvConfig, budget: Budget, seed: int) -> None:
        """config: of the protocol, whose `randomization` are the ranges."""
        budget.check()
        self._player, self._config, self._budget, self._seed = player, config, budget, seed
        self._rng = np.random.default_rng(seed)
        self._rows = [BY_NAME[name] for name, (a, b) in config.randomization.items() if a < b]
        ends = [[row.coordinate(v) for v in config.randomization[row.name]] for row in self._rows]
        self._low, self._high = np.array(ends, np.float64).T
        self._batches = 0

    def run(self) -> ValidationSet:
        """Explore, try again, vary, and try afresh."""
        kept = self._explore()
        successes = [candidate.mean for candidate in kept]
        for count, tries in self._budget.screens:
            kept = self._retried(_worst(kept, count), tries, "try again")
        kept = _worst(kept, self._budget.cases)
        for number in range(self._budget.rounds):
            kept = self._varied(kept, f"vary {number + 1} of {self._budget.rounds}")
        kept.sort(key=lambda candidate: candidate.mean)
        fresh = self._try(kept, self._budget.tries, "fresh tries")
        error = statistics.stdev(successes) / len(successes) ** 0.5
        mean = statistics.fmean(successes)
        return ValidationSet(
            env=self._config,
            ranges=dict(self._config.randomization),
            seed=self._seed,
            pass_mark=max(LEAST_MARK, _short(PASS_SHARE * mean)),
            search=Search(
                self._player.name, self._player.steps, self._budget.trials, self._seed, versions(),
                len(successes), mean, error,
            ),
            cases=tuple(
                self._case(i, each, trials)
                for i, (each, trials) in enumerate(zip(kept, fresh, strict=True), 1)
            ),
        )  # fmt: skip

    def _explore(self) -> list[Candidate]:
        """Worlds drawn from the ranges, uniform in lambda, one trial each."""
        count = self._budget.explored
        shape = (count, len(self._rows))
        worlds = self._low + (self._high - self._low) * self._rng.random(shape)
        starts = self._rng.integers(2**31, size=count)
        new = [Candidate(w, int(s), 0.0) for w, s in zip(worlds, starts, strict=True)]
        tries = self._try(new, 1, "explore")
        return [replace(c, mean=_mean(trials)) for c, trials in zip(new, tries, strict=True)]

    def _varied(self, parents: list[Candidate], title: str) -> list[Candidate]:
        """The worse of each parent and its child, by new tries of both."""
        children = [replace(parent, world=self._child(parent.world)) for parent in parents]
        tried = self._retried([*parents, *children], self._budget.quick, title)
        pairs = zip(tried[: len(parents)], tried[len(parents) :], strict=True)
        return [child if child.mean < parent.mean else parent for parent, child in pairs]

    def _child(self, world: Floats) -> Floats:
        """A variation of some parameters within the ranges; at an end it is reflected, so that
        worlds do not gather there."""
        width = self._high - self._low
        chosen = self._rng.random(len(world)) < VARIED
        chosen[self._rng.integers(len(world))] = True
        moved = (world - self._low) / width + STEP * chosen * self._rng.normal(size=len(world))
        return self._low + width * (1.0 - np.abs(1.0 - np.mod(moved, 2.0)))

    def _retried(self, candidates: list[Candidate], tries: int, title: str) -> list[Candidate]:
        trials = self._try(candidates, tries, title)
        return [replace(c, mean=_mean(t)) for c, t in zip(candidates, trials, strict=True)]

    def _try(self, candidates: Sequence[Candidate], tries: int, title: str) -> list[list[Trial]]:
        """`tries` trials of each candidate."""
        starts = [
            Start(tuple(self._values(self._parameters(c.world))), c.start) for c in candidates
        ]
        self._batches += 1
        seed = int(np.random.SeedSequence([self._seed, self._batches]).generate_state(1)[0])
        trials = run_trials(self._player, self._config, [s for s in starts for _ in range(tries)],
                            self._seed, seed, title)  # fmt: skip
        return [trials[i : i + tries] for i in range(0, len(trials), tries)]

    def _parameters(self, world: Floats) -> dict[str, float]:
        """Parameter -> value, in the few digits of the file, within the range."""
        ranges = self._config.randomization
        values = {
            row.name: _short(float(row.value(lam)))
            for row, lam in zip(self._rows, world, strict=True)
        }
        return {n: min(max(v, ranges[n][0]), ranges[n][1]) for n, v in values.items()}

    def _values(self, parameters: dict[str, float]) -> list[float]:
        ranges = self._config.randomization.items()
        return [parameters.get(name, low) for name, (low, _) in ranges]

    def _case(self, number: int, candidate: Candidate, trials: list[Trial]) -> Case:
        return Case(
            f"case {number}",
            self._parameters(candidate.world),
            candidate.start,
            tuple(trial.successes for trial in trials),
            sum(trial.dropped for trial in trials),
            sum(trial.timed_out for trial in trials),
            candidate.mean,
        )


def _worst(candidates: list[Candidate], count: int) -> list[Candidate]:
    """Those with the fewest successes; of equals the first, which were drawn at random."""
    return sorted(candidates, key=lambda candidate: candidate.mean)[:count]


def _mean(trials: Sequence[Trial]) -> float:
    return statistics.fmean(trial.successes for trial in trials)


def _short(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
