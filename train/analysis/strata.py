"""`sleight eval` over ranges: success by slices of each parameter, and parameters that the policy
is sensitive to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...adr.exposure import PER_COLUMN, Effect, Slice, Worst, regress, slices, worst
from ...adr.intervals import Estimate, mean
from ...envs.config import EnvConfig
from ...envs.randomization.table import BY_NAME
from ...errors import ConfigError
from ...pages import html
from ...pages.colours import BLUE, ORANGE
from ...pages.figure import Frame, Mark
from ...pages.show import short
from ..rollout.evaluation import Evaluation
from .dots import Dot, dot_chart, forest_chart

SLICES = 4


@dataclass(frozen=True)
class Strata:
    """An evaluation in randomized worlds, split by parameter."""

    slices: dict[str, tuple[Slice, ...]]
    worst: Worst | None
    effects: tuple[Effect, ...]
    """Effects of the parameters, the largest loss first."""

    def data(self) -> dict[str, Any]:
        """The strata as plain data for eval.json."""
        return {
            "slices": {
                name: [
                    {"low": s.low, "high": s.high, "trials": s.trials, "mean": s.successes.data()}
                    for s in cut
                ]
                for name, cut in self.slices.items()
            },
            "worst": self.worst
            and {
                "parameter": self.worst.parameter,
                "low": self.worst.low,
                "high": self.worst.high,
                "mean": self.worst.successes.data(),
            },
            "effects": {
                e.parameter: {
                    "at_low": e.at_low.data(),
                    "at_high": e.at_high.data(),
                    "p_value": e.p_value,
                    "exposed": e.exposed,
                }
                for e in self.effects
            },
        }

    def table(self) -> str:
        """The strata as a text table."""
        lines = [
            "",
            "  by stratum: mean successes between the values that cut the trials in equals",
        ]
        for name, cut in self.slices.items():
            cells = [f"{s.low:.3g} ({s.successes.value:.2f}) " for s in cut]
            lines.append(f"    {name:<26} {''.join(cells)}{cut[-1].high:.3g} {BY_NAME[name].unit}")
        if self.worst:
            at = f"{self.worst.parameter} {self.worst.low:.3g} to {self.worst.high:.3g}"
            lines.append(
                f"  worst stratum      {at}: {self.worst.successes.text()}"
                " (chosen by half of the trials, measured on the others)"
            )
        lines.append("  at an end of the range against its middle, successes [95 %]")
        lines.append(f"    {'':<26} {'low end':>22} {'high end':>22}   p")
        for e in self.effects:
            named = "  exposed" if e.exposed else ""
            low, high = e.at_low.text(), e.at_high.text()
            lines.append(f"    {e.parameter:<26} {low:>22} {high:>22}   {e.p_value:.2g}{named}")
        return "\n".join(lines)


def check_trials(trials: int, ranges: dict[str, tuple[float, float]]) -> None:
    """Raise ConfigError for ranges without a width, and for too few trials."""
    wide = [name for name, (low, high) in ranges.items() if low < high]
    if not wide:
        raise ConfigError("--range: got no range with a width, allowed: NAME=LOW,HIGH")
    if trials < (least := PER_COLUMN * (len(wide) + 1)):
        raise ConfigError(
            f"--trials: got {trials}, allowed with {len(wide)} parameters that vary: {least} or"
            f" more, better {PER_COLUMN * (2 * len(wide) + 1)}, which also allows curvature"
        )


def strata(evaluation: Evaluation, config: EnvConfig) -> Strata:
    """Split an evaluation that ran with `config` by parameter. Raises DataError: too few trials."""
    names = list(evaluation.worlds)
    rows = [BY_NAME[name] for name in names]
    ends = [[row.coordinate(v) for v in config.randomization[row.name]] for row in rows]
    columns = [
        np.array([row.coordinate(value) for value in evaluation.worlds[row.name]]) for row in rows
    ]
    return Strata(
        {n: slices(evaluation.worlds[n], evaluation.trials, SLICES) for n in names},
        worst({n: np.array(evaluation.worlds[n]) for n in names}, evaluation.trials, SLICES),
        regress(names, np.column_stack(columns), ends, evaluation.trials),
    )


def page(found: Strata, evaluation: Evaluation) -> str:
    """The strata as a page."""
    overall = mean(evaluation.trials)
    n = len(evaluation.trials)
    cards = [(short(overall.value), f"successes in a row, mean of {n} trials, {_reach(overall)}")]
    if found.worst:
        at = f"{found.worst.parameter}, {short(found.worst.low)} to {short(found.worst.high)}"
        level = found.worst.successes
        cards.append((short(level.value), f"in the worst stratum, {_reach(level)}: {at}"))
    exposed = [effect.parameter for effect in found.effects if effect.exposed]
    cards.append((str(len(exposed)), f"exposed to: {', '.join(exposed) or 'nothing found'}"))
    parts = [
        html.section(
            "At a glance",
            [html.cards(cards)],
            "The worst stratum is chosen by half of the trials and measured on the others.",
        ),
        _exposure(found),
        _slices(found, overall.value),
    ]
    about = f"{evaluation.player}: the regions of the randomization space in which it fails."
    return html.report("Success by stratum", about, [], parts)


def _reach(estimate: Estimate) -> str:
    return f"95 % {estimate.low:.2f} to {estimate.high:.2f}"


def _exposure(found: Strata) -> str:
    rows = [
        (
            e.parameter,
            [
                Dot(0, e.at_low, f"{e.parameter}, low end: {e.at_low.text()}", BLUE),
                Dot(0, e.at_high, f"{e.parameter}, high end: {e.at_high.text()}", ORANGE),
            ],
        )
        for e in found.effects
    ]
    frame = Frame("Successes at the ends of each range", y_label="against its middle", width=720)
    table = html.table(
        ("parameter", "low end", "high end", "p", "exposed"),
        [
            (e.parameter, e.at_low.text(), e.at_high.text(), f"{e.p_value:.2g}",
             "yes" if e.exposed else "no")
            for e in found.effects
        ],
        4,
        sortable=True,
    )  # fmt: skip
    key = html.key([("low end", BLUE, False), ("high end", ORANGE, False)])
    about = (
        "Regression of the successes on all parameters and their squares, with 95 % intervals."
        " p is adjusted for the number of parameters (false discovery rate); exposed: worse at an"
        " end, p below 0.05."
    )
    return html.section("Exposed to", [key, html.charts([forest_chart(frame, rows)]), table],
                        about)  # fmt: skip


def _slices(found: Strata, overall: float) -> str:
    drawings = []
    for name, cut in found.slices.items():
        dots = [
            Dot(
                (s.low + s.high) / 2,
                s.successes,
                f"{short(s.low)} to {short(s.high)}: {s.successes.text()}, {s.trials} trials",
            )
            for s in cut
        ]
        frame = Frame(name, y_label=BY_NAME[name].unit, zero=True, marks=(Mark(overall),))
        drawings.append(dot_chart(frame, dots, (cut[0].low, cut[-1].high)))
    about = "Mean successes with 95 % intervals; the dotted line is the mean of all trials."
    return html.section("By slices of each parameter", [html.charts(drawings)], about)
