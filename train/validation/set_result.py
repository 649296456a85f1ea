"""What a policy reaches in the cases of a validation set."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np

from ...adr.intervals import Estimate, mean
from ...config import Range, to_dict
from ...envs.randomization.table import BY_NAME
from ...files import read_json
from ...pages.show import columns
from ..rollout.evaluation import with_error
from ..rollout.players import Player
from ..runs.versions import versions
from .against import Against
from .trials import Start, run_trials
from .validation_set import Case, Count, Seed, ValidationSet, check_cases, parsed

_DERIVED = ("mean", "standard_error", "passed", "regressions")
"""Figures of a result that follow from the rest of it."""
_APART = 1
"""Added to the seed of the tries, so that they are none of those of the search."""
SHOWN = 3
"""Parameters of a case that are shown."""


@dataclass(frozen=True)
class CaseResult:
    """The tries in one case."""

    name: str
    successes: tuple[Count, ...]
    drops: Count
    timeouts: Count
    extremes: str
    """The parameters that are farthest from nominal, for people."""
    found_with: Annotated[float, Range(0, 1e6)]
    """Mean successes of the fresh tries of the policy that found it."""

    @property
    def mean(self) -> float:
        """Mean successes."""
        return statistics.fmean(self.successes)

    @property
    def estimate(self) -> Estimate:
        """Mean successes, with its 95 % confidence interval."""
        return mean(self.successes)

    @property
    def standard_error(self) -> float | None:
        """Of the mean; None: one try has none."""
        count = len(self.successes)
        return statistics.stdev(self.successes) / math.sqrt(count) if count > 1 else None


@dataclass(frozen=True)
class SetResult:
    """The tries of one policy in all cases of a set."""

    player: str
    set_digest: str
    """`ValidationSet.digest` of the set."""
    found_by: str
    explored_mean: Annotated[float, Range(0, 1e6)]
    """Mean successes of the policy that found the set, in worlds that nothing has selected."""
    pass_mark: Annotated[float, Range(0, 1e6, open_low=True)]
    seed: Seed
    tries: Annotated[int, Range(1, 1_000_000)]
    law: str
    """Action law of the policy."""
    versions: dict[str, str]
    cases: tuple[CaseResult, ...]
    against: Against | None = None
    """The comparison with an older result."""
    format: Literal[1] = 1
    kind: Literal["validation result"] = field(default="validation result", kw_only=True)

    def passed(self, case: CaseResult) -> bool:
        """Whether the mean of the tries reaches the pass mark."""
        return case.mean >= self.pass_mark

    @property
    def mean(self) -> float:
        """Mean over the cases."""
        return statistics.fmean(case.mean for case in self.cases)

    @property
    def standard_error(self) -> float | None:
        """Of the mean over the tries, in these cases; None: one try has none."""
        errors = [case.standard_error for case in self.cases]
        known = [error for error in errors if error is not None]
        return math.hypot(*known) / len(errors) if len(known) == len(errors) else None

    @property
    def passes(self) -> int:
        """Number of cases that are passed."""
        return sum(map(self.passed, self.cases))

    def data(self) -> dict[str, Any]:
        """As plain data, with the figures that follow from it."""
        cases = [
            {**to_dict(case), "mean": case.mean, "passed": self.passed(case)} for case in self.cases
        ]
        head = {"mean": self.mean, "standard_error": self.standard_error, "passed": self.passes}
        names = {"regressions": self.against.regressions} if self.against else {}
        return {**to_dict(self), **head, **names, "cases": cases}

    def table(self, beside: str = "found with") -> str:
        """As text. beside: heading of `CaseResult.found_with`."""
        head = ("", "successes", beside, "drops", "timeouts", "", "farthest from nominal")
        rows = [
            (
                case.name, with_error(case.mean, case.standard_error), f"{case.found_with:.2f}",
                str(case.drops), str(case.timeouts), "passed" if self.passed(case) else "failed",
                case.extremes,
            )
            for case in self.cases
        ]  # fmt: skip
        lines = columns([head, *rows], {1, 2, 3, 4})
        total = with_error(self.mean, self.standard_error)
        return "\n".join(
            (
                self.player,
                f"  cases              {len(self.cases)}, {self.tries} tries each",
                f"  passed             {self.passes}, with {self.pass_mark:.2f} successes or more",
                f"  mean +- s.e.       {total}, in these cases",
                f"  found by           {self.found_by}, which has {self.explored_mean:.2f} in"
                " worlds of the same ranges",
                *(f"  {line}" for line in lines),
                *(self.against.lines(self.law) if self.against else ()),
            )
        )


def run_set(player: Player, cases: ValidationSet, tries: int, seed: int) -> SetResult:
    """`tries` trials of each case. Raises ConfigError for a player of another task or hand."""
    config = cases.config_for(player)
    starts = [
        Start(tuple(cases.values(case.parameters)), case.start)
        for case in cases.cases
        for _ in range(tries)
    ]
    own = int(np.random.SeedSequence([seed, 0, _APART]).generate_state(1)[0])
    trials = run_trials(player, config, starts, cases.seed, own, "validation set")
    found = []
    for index, case in enumerate(cases.cases):
        part = trials[index * tries : (index + 1) * tries]
        found.append(
            CaseResult(
                case.name, tuple(t.successes for t in part), sum(t.dropped for t in part),
                sum(t.timed_out for t in part), extremes(case, cases),
                statistics.fmean(case.successes),
            )
        )  # fmt: skip
    return SetResult(
        player.name, cases.digest, cases.search.player, cases.search.explored_mean,
        cases.pass_mark, seed, tries, config.control.law, versions(), tuple(found),
    )  # fmt: skip


def found_result(cases: ValidationSet) -> SetResult:
    """The fresh tries of the policy that found the set."""
    found = [
        CaseResult(c.name, c.successes, c.drops, c.timeouts, extremes(c, cases), c.selected_mean)
        for c in cases.cases
    ]
    search = cases.search
    return SetResult(
        search.player, cases.digest, search.player, search.explored_mean, cases.pass_mark,
        search.seed, len(cases.cases[0].successes), cases.env.control.law, search.versions,
        tuple(found),
    )  # fmt: skip


def extremes(case: Case, cases: ValidationSet) -> str:
    """The parameters of a case that are farthest from nominal, as a share of the way to the end
    of their range."""
    places = {name: _share(name, value, cases) for name, value in case.parameters.items()}
    farthest = sorted(places, key=lambda name: -places[name])[:SHOWN]
    return ", ".join(f"{name} {case.parameters[name]:.3g}" for name in farthest)


def _share(name: str, value: float, cases: ValidationSet) -> float:
    row = BY_NAME[name]
    nominal = cases.env.nominal.get(name, row.nominal)
    low, high, at, start = (row.coordinate(v) for v in (*cases.ranges[name], value, nominal))
    start = min(max(start, low), high)
    end = low if at < start else high
    return (at - start) / (end - start) if end != start else 0.0


def read_result(path: Path) -> SetResult:
    """Read a file of `eval --failures --json`. Raises DataError when it is none."""
    return result_of(read_json(path), path)


def result_of(data: Any, path: Path) -> SetResult:
    """A result from the content of its file. Raises DataError when it is none."""
    found = parsed(SetResult, _without(data, _DERIVED), path, "validation result")
    check_cases(found.cases, str(path))
    return found


def _without(data: Any, keys: tuple[str, ...]) -> Any:
    """`data` without the figures that follow from the rest, and its cases too."""
    if isinstance(data, list):
        return [_without(each, keys) for each in data]
    if not isinstance(data, dict):
        return data
    return {k: _without(v, keys) if k == "cases" else v for k, v in data.items() if k not in keys}
