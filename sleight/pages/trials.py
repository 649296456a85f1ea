"""Sections of a page about trials on a hand, from `result.json` and `timing.json` of a run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from . import html
from .charts import bar_chart
from .figure import Frame, Mark
from .show import milliseconds, number, numbers, pair, short, show

Row = Mapping[str, Any]

SPANS = {
    "lateness": "start after the deadline",
    "policy": "policy",
    "sent": "command sent, after the deadline",
    "command_round_trip": "command and its answer",
    "turn": "whole turn",
    "hand_state_age": "age of the joint state",
    "pose_age": "age of the object's pose",
    "look": "frames to pose, beside the loop",
}
"""Span in `timing.json` -> its description."""


def trials_section(result: Row, timing: Row) -> str:
    """Trials on a hand, and timing of the control loop."""
    hand = result.get("hand")
    simulated = isinstance(hand, dict) and hand.get("simulated")
    late = f"late turns (over {milliseconds(timing.get('late_is_s'))})"
    figures = [
        (pair(result.get("mean"), result.get("standard_error")), "mean ± standard error"),
        (f"{show(result.get('median'))}, {show(result.get('max'))}", "median, most"),
        (show(result.get("complete")), "complete trials"),
        (show(timing.get("ticks")), "turns of the loop"),
        (show(timing.get("late_ticks")), late),
        (f"{show(timing.get('dropped_ticks'))}, {show(result.get('holds'))}",
         "missed turns, holds"),
    ]  # fmt: skip
    parts = [html.cards(figures), html.charts([_lateness(timing), _durations(timing)])]
    end = result.get("end")
    about = f"The exported policy in real time, {milliseconds(timing.get('period_s'))} a turn"
    about += f"; end of the run: {end}." if isinstance(end, str) and end != "done" else "."
    title = "On the simulated rig" if simulated else "On the hand"
    return html.section(title, [*parts, per_trial(result)], about)


def papers_table(result: Row, name: str) -> str:
    """Mean, median and every complete trial, as in table 3 of Learning Dexterity."""
    entries = result.get("per_trial")
    rows = (
        [trial for trial in entries if isinstance(trial, dict)] if isinstance(entries, list) else []
    )
    complete = [trial.get("successes") for trial in rows if trial.get("ending") != "cut"]
    trials = sorted(map(int, numbers(complete)), reverse=True)
    row = (
        name,
        pair(result.get("mean"), result.get("standard_error")),
        show(result.get("median")),
        show(result.get("max")),
        ", ".join(map(str, trials)),
    )
    return html.table(("", "mean ± s.e.", "median", "most", "complete trials, sorted"), [row])


def per_trial(result: Row) -> str:
    """One row per trial."""
    trials = result.get("per_trial")
    if not isinstance(trials, list) or not trials:
        return ""
    rows = [
        (
            str(index),
            str(trial.get("ending", "")),
            show(trial.get("successes")),
            show(trial.get("duration_s"), " s"),
            show(trial.get("holds")),
        )
        for index, trial in enumerate(trials, 1)
        if isinstance(trial, dict)
    ]
    return html.table(("trial", "ended", "successes", "duration", "holds"), rows, 3)


def histogram(timing: Row, span: str, marks: tuple[Mark, ...] = (), wide: bool = False) -> str:
    """A histogram of the durations of `span`; empty if it was not measured."""
    histograms = timing.get("histograms_ms")
    bins = histograms.get(span) if isinstance(histograms, dict) else None
    if not isinstance(bins, dict):
        return ""
    edges, counts = numbers(bins.get("edges")), numbers(bins.get("counts"))
    rising = all(low < high for low, high in pairwise(edges))
    if len(edges) != len(counts) + 1 or not counts or not rising:
        return ""
    width, height = (516.0, 236.0) if wide else (338.0, 190.0)
    title = SPANS[span][0].upper() + SPANS[span][1:]
    frame = Frame(title, "ms", "turns", width, height, log=True, marks=marks)
    return bar_chart(frame, edges, counts, "ms")


def gate_hits(result: Row) -> str:
    """How often the gate or the hand changed a target: a column per kind, a row per motor."""
    hits = result.get("gate_hits")
    if not isinstance(hits, dict) or not hits:
        return html.note("The gate changed no target.")
    table: dict[str, dict[str, float]] = defaultdict(dict)
    for name, count in hits.items():
        kind, _, motor = str(name).partition(":")
        table[motor][kind] = number(count) or 0.0
    kinds = sorted({kind for row in table.values() for kind in row})
    order = sorted(table, key=lambda motor: -sum(table[motor].values()))
    rows = [(motor, *(show(table[motor].get(kind, 0)) for kind in kinds)) for motor in order]
    return html.table(("motor", *kinds), rows, len(kinds))


def _lateness(timing: Row) -> str:
    limit_ms = 1e3 * (number(timing.get("late_is_s")) or 0.02)
    marks = (Mark(limit_ms, f"late: {short(limit_ms)} ms"),)
    return histogram(timing, "lateness", marks, wide=True)


def _durations(timing: Row) -> str:
    """A table with p50, p99 and max of every measured span."""
    rows = []
    for key, name in SPANS.items():
        spread = timing.get(f"{key}_ms")
        if isinstance(spread, dict):
            rows.append((name, *(show(spread.get(part)) for part in ("p50", "p99", "max"))))
    return html.table(("ms", "median", "99 %", "most"), rows, 3) if rows else ""
