"""The page of `sleight adr report`: ADR over training, for one or several runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...adr.growth import MEANING, Boundary, stoppers
from ...pages import html
from ...pages.charts import Line, line_chart
from ...pages.colours import BLUE, ORANGE
from ...pages.figure import Frame, Mark
from ...pages.show import short
from ..reports.compare import style
from ..reports.run_data import series
from .adr_runs import AdrRun, physical, unit
from .dots import Dot, dot_chart

_NONE = "–"


def report(runs: Sequence[AdrRun]) -> str:
    """The page as text."""
    key = html.key([(run.name, *style(i)) for i, run in enumerate(runs)])
    parts = [
        _glance(runs),
        _entropy(runs),
        _stopped(runs),
        _now(runs),
        _ranges(runs),
        *(_performance(run) for run in runs),
    ]
    about = "Ranges over training, and the boundaries that stopped them."
    return html.report("Automatic domain randomization", about, [key], parts)


def _glance(runs: Sequence[AdrRun]) -> str:
    cards = []
    for run in runs:
        ran, ends = run.course(), run.boundaries()
        cards.append((f"{ran.entropy[-1]:.2f}", f"{run.name}: nats per dimension"))
        grown = sum(end.widened_at is not None for end in ends)
        cards.append((f"{grown} of {len(ends)}", f"{run.name}: boundaries that have widened"))
        held = len(stoppers(ends))
        cards.append((str(held), f"{run.name}: boundaries that performance holds back"))
    return html.section("At a glance", [html.cards(cards)])


def _entropy(runs: Sequence[AdrRun]) -> str:
    floor = math.log(runs[0].config.entropy_floor)
    lines = []
    for i, run in enumerate(runs):
        ran, (colour, dashed) = run.course(), style(i)
        steps, entropy = ran.steps.tolist(), ran.entropy.tolist()
        lines.append(Line(run.name, steps, entropy, colour, dashed=dashed, steps=True))
    over = Frame("Entropy over steps", runs[0].words.steps, "nats per dimension", width=516,
                 height=270, marks=(Mark(floor, "floor"),))  # fmt: skip
    about = (
        "Mean log width of the ranges of lambda; a width below the floor counts as the floor."
        " Success: consecutive successes with 95 % intervals in every evaluation (circles named"
        " by their file) and on every rig that lies in the runs' folders, at the entropy that the"
        " run has now; the curve is training's own mean as the entropy grew."
    )
    drawings = [line_chart(over, lines), _success(runs), _while_training(runs)]
    return html.section("Entropy and success", [html.charts([d for d in drawings if d])], about)


def _success(runs: Sequence[AdrRun]) -> str:
    dots = []
    for i, run in enumerate(runs):
        entropy = float(run.course().entropy[-1])
        for outcome in run.outcomes:
            kind = "rig" if outcome.on_rig else "evaluation"
            said = f"{outcome.successes.text()} of {outcome.trials} trials"
            tip = f"{run.name}, {kind} {outcome.name}: {said}"
            label = Path(outcome.name).stem
            dots.append(Dot(entropy, outcome.successes, tip, style(i)[0], label))
    if not dots:
        return ""
    frame = Frame("Success against entropy", "nats per dimension", "successes in a row",
                  width=516, height=270, zero=True)  # fmt: skip
    return dot_chart(frame, dots)


def _while_training(runs: Sequence[AdrRun]) -> str:
    lines = []
    for i, run in enumerate(runs):
        for key, name in run.words.keys:
            x, y = series(run.rows, "adr_entropy", key)
            if y:
                colour, dashed = style(i)
                lines.append(Line(run.name + name, x, y, colour, dashed=dashed or bool(name)))
    if not lines:
        return ""
    frame = Frame("Success in training as entropy grew", "nats per dimension",
                  runs[0].words.curve, width=516, height=270, zero=True)  # fmt: skip
    return line_chart(frame, lines)


def _stopped(runs: Sequence[AdrRun]) -> str:
    head = ("run", "parameter", "end", "now", "unit", "why", "last performance", "widens at",
            "tightens at", "last widened, step", "widened", "held", "tightened")  # fmt: skip
    rows = [
        (
            run.name, b.parameter, b.side, _physical(b.parameter, b.now), unit(b.parameter).unit,
            b.standing, f"{b.events[-1].performance:.2f}", f"{b.threshold_high:g}",
            f"{b.threshold_low:g}", f"{b.widened_at:,}" if b.widened_at is not None else "never",
            *(str(b.count(d)) for d in ("widen", "hold", "tighten")),
        )
        for run in runs
        for b in stoppers(run.boundaries())
    ]  # fmt: skip
    parts = [html.table(head, rows, 7, sortable=True)] if rows else []
    about = "Boundaries at which the last decision was not to widen, the poorest first."
    said = "; ".join(f"{standing}: {text}" for standing, text in MEANING.items())
    empty = [] if rows else [html.note("None: no decision has held a boundary back.")]
    return html.section("What stopped the growth", [*parts, *empty, html.note(said)], about)


def _now(runs: Sequence[AdrRun]) -> str:
    head = ("run", "parameter", "nominal", "low", "high", "unit", "width of lambda",
            "of its limits", "low end", "high end", "episodes waiting")  # fmt: skip
    rows = []
    for run in runs:
        ends = {(b.parameter, b.side): b for b in run.boundaries()}
        for i, dimension in enumerate(run.state.dimensions):
            name, low, high = dimension.name, run.state.low[i], run.state.high[i]
            floor = dimension.floor if dimension.low_moves else dimension.start
            ceiling = dimension.ceiling if dimension.high_moves else dimension.start
            room = ceiling - floor
            pair = [ends.get((name, side)) for side in ("low", "high")]
            waiting = sum(b.waiting for b in pair if b)
            rows.append((
                run.name, name + ("" if dimension.counts else " (curriculum)"),
                _physical(name, dimension.start), _physical(name, low), _physical(name, high),
                unit(name).unit, f"{high - low:.3f}",
                f"{(high - low) / room:.0%}" if room else _NONE,
                *(b.standing if b else "fixed" for b in pair), str(waiting),
            ))  # fmt: skip
    about = "A click on a column's head sorts. Curriculum parameters do not count in the entropy."
    return html.section("Ranges now", [html.table(head, rows, 5, sortable=True)], about)


def _ranges(runs: Sequence[AdrRun]) -> str:
    names = dict.fromkeys(d.name for run in runs for d in run.state.dimensions)
    steps = runs[0].words.steps
    drawings = []
    for name in names:
        lines, starts = [], []
        for i, run in enumerate(runs):
            at = [k for k, d in enumerate(run.state.dimensions) if d.name == name]
            if not at:
                continue
            ran, row, (colour, dashed) = run.course(), unit(name), style(i)
            low, high = (np.asarray(row.value(e[:, at[0]])).tolist() for e in (ran.low, ran.high))
            starts.append(float(row.value(np.array(run.state.dimensions[at[0]].start))))
            lines.append(Line(run.name, ran.steps.tolist(), high, colour, low, dashed, steps=True))
        frame = Frame(name, steps, unit(name).unit, height=190, marks=(Mark(starts[0]),))
        drawings.append(line_chart(frame, lines))
    about = f"In the parameter's own unit, over {steps}; dotted: the nominal value."
    return html.section("Ranges over training", [html.charts(drawings)], about)


def _performance(run: AdrRun) -> str:
    by_name: dict[str, list[Boundary]] = {}
    for boundary in run.boundaries():
        by_name.setdefault(boundary.parameter, []).append(boundary)
    drawings = []
    for name, ends in by_name.items():
        lines = [
            Line(
                f"{b.side} end",
                [float(e.step) for e in b.events],
                [e.performance for e in b.events],
                BLUE if b.side == "low" else ORANGE,
            )
            for b in ends
            if b.events
        ]
        marks = (Mark(ends[0].threshold_high, "widens"), Mark(ends[0].threshold_low, "tightens"))
        frame = Frame(
            name, run.words.steps, run.words.performance, height=190, zero=True, marks=marks
        )
        drawings.append(line_chart(frame, lines))
    key = html.key([("low end", BLUE, False), ("high end", ORANGE, False)])
    about = "Mean of each full buffer of boundary episodes, which decides."
    return html.section(
        f"Performance at each boundary: {run.name}", [key, html.charts(drawings)], about
    )


def _physical(name: str, lam: float) -> str:
    return short(physical(name, lam))
