"""The parts of the run page about randomization, evaluation and the hand."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..adr.history import Course, course
from ..adr.state import AdrState
from ..adr.table import AdrConfig
from ..envs.randomization import BY_NAME
from ..pages import html
from ..pages.axes import BLUE, ORANGE, Frame, Mark, short
from ..pages.plots import Line, bar_chart, column_chart, line_chart
from .report_data import Rig, Row, Run, flat, number

_LATE_BINS = 50
_NONE = "–"


def ranges_section(run: Run) -> str:
    """Entropy and the range of every parameter over steps, in physical units."""
    if run.adr is None:
        return ""
    config = AdrConfig(entropy_floor=_floor(run.config))
    ran = course(run.adr, config)
    drawings = [_entropy(ran, config)] if any(d.counts for d in run.adr.dimensions) else []
    drawings += [_range(run.adr, ran, i) for i in range(len(run.adr.dimensions))]
    about = (
        "Ranges that automatic domain randomization trains on, over control steps; the dotted"
        " line is the nominal value. Curriculum parameters (orange) do not count in the entropy."
    )
    return html.section("Randomization", [html.charts(drawings)], about)


def evaluation_section(found: Row | None) -> str:
    """Mean, standard error, median, max, how often each number came up, and every trial."""
    if found is None:
        return ""
    trials: list[int] = found["trials"]
    mean, error = number(found.get("mean")), number(found.get("standard_error"))
    numbers = [
        (_pair(mean, error), "mean ± standard error"),
        (f"{_show(found.get('median'))}, {_show(found.get('max'))}", "median, most"),
        (str(len(trials)), "trials"),
    ]
    for key, name in (("drops", "ended in a drop"), ("timeouts", "ended by the goal's time limit")):
        if number(found.get(key)) is not None:
            numbers.append((_show(found[key]), name))
    if (seconds := number(found.get("seconds_per_success"))) is not None:
        numbers.append((f"{seconds:.1f} s", "of hand time per success"))
    settings = found.get("settings")
    folded = []
    if isinstance(settings, dict) and settings:
        text = "\n".join(f"{name}: {value}" for name, value in flat(settings))
        folded.append(html.folded("Settings", text))
    parts = [html.cards(numbers), html.charts([_trials(trials, mean)]), html.chips(trials), *folded]
    about = (
        "Goals reached in a row, each trial in a fresh world, until a drop, a timeout or the most."
    )
    return html.section("Evaluation", parts, about)


def rig_section(rig: Rig | None) -> str:
    """Trials on a hand, and how well the loop kept its time."""
    if rig is None:
        return ""
    result, timing = rig.result, rig.timing
    hand = result.get("hand")
    simulated = isinstance(hand, dict) and hand.get("simulated")
    numbers = [
        (_pair(number(result.get("mean")), number(result.get("standard_error"))),
         "mean ± standard error"),
        (f"{_show(result.get('median'))}, {_show(result.get('max'))}", "median, most"),
        (_show(result.get("complete")), "complete trials"),
        (_show(timing.get("ticks")), "turns of the loop"),
        (_show(timing.get("late_ticks")), f"late turns (over {_ms(timing.get('late_is_s'))})"),
        (f"{_show(timing.get('dropped_ticks'))}, {_show(result.get('holds'))}",
         "missed turns, holds"),
    ]  # fmt: skip
    loop = [_lateness(rig)] if rig.lateness_ms else []
    parts = [html.cards(numbers), html.charts([*loop, _durations(timing)]), _per_trial(result)]
    end = result.get("end")
    about = f"The exported policy in real time, {_ms(timing.get('period_s'))} a turn"
    about += f"; end of the run: {end}." if isinstance(end, str) and end != "done" else "."
    title = "On the simulated rig" if simulated else "On the hand"
    return html.section(title, parts, about)


def _entropy(ran: Course, config: AdrConfig) -> str:
    floor = float(np.log(config.entropy_floor))
    frame = Frame("Entropy", y_label="nats per dimension", marks=(Mark(floor, "floor"),))
    line = Line("entropy", ran.steps.tolist(), ran.entropy.tolist(), steps=True)
    return line_chart(frame, [line])


def _range(state: AdrState, ran: Course, i: int) -> str:
    """The band between the ends of dimension i."""
    dimension = state.dimensions[i]
    row = BY_NAME.get(dimension.name)
    value, unit = (row.value, row.unit) if row else (np.asarray, "λ")
    low, high = value(ran.low[:, i]).tolist(), value(ran.high[:, i]).tolist()
    start = float(value(np.array(dimension.start)))
    line = Line(
        dimension.name,
        ran.steps.tolist(),
        high,
        low=low,
        steps=True,
        colour=BLUE if dimension.counts else ORANGE,
    )
    label = f"{short(low[-1])} to {short(high[-1])} {unit}"
    return line_chart(Frame(dimension.name, y_label=label, marks=(Mark(start),)), [line])


def _floor(config: Row) -> float:
    """The entropy's floor in the run's config, or the default."""
    adr = config.get("adr")
    found = number(adr.get("entropy_floor")) if isinstance(adr, dict) else None
    return found if found is not None and 1e-12 <= found <= 1 else AdrConfig().entropy_floor


def _trials(trials: list[int], mean: float | None) -> str:
    counts = [0] * (max(trials) + 1)
    for trial in trials:
        counts[trial] += 1
    tips = [f"{successes} successes: {count} trials" for successes, count in enumerate(counts)]
    marks = (Mark(mean, f"mean {short(mean)}"),) if mean is not None else ()
    width = 338.0 if len(counts) <= 12 else 720.0
    frame = Frame("Trials by successes", "successes in a row", width=width, marks=marks)
    return column_chart(frame, counts, tips)


def _lateness(rig: Rig) -> str:
    """How long after its deadline each turn began."""
    limit = 1e3 * (number(rig.timing.get("late_is_s")) or 0.02)
    top = max(limit * 1.15, min(max(rig.lateness_ms), 10 * limit))
    edges = np.linspace(0.0, top, _LATE_BINS + 1)
    counts, _ = np.histogram(np.minimum(rig.lateness_ms, top), edges)
    frame = Frame(
        "How late each turn began",
        "ms after its deadline",
        "turns",
        width=516,
        height=236,
        log=True,
        marks=(Mark(limit, f"late: {short(limit)} ms"),),
    )
    return bar_chart(frame, edges.tolist(), counts.tolist(), "ms")


def _durations(timing: Row) -> str:
    """p50, p99 and max of what the loop measured."""
    names = {
        "lateness_ms": "start after the deadline",
        "policy_ms": "policy",
        "command_round_trip_ms": "command and its answer",
        "turn_ms": "whole turn",
        "hand_state_age_ms": "age of the joint state",
        "pose_age_ms": "age of the object's pose",
    }
    rows = []
    for key, name in names.items():
        spread = timing.get(key)
        if isinstance(spread, dict):
            rows.append((name, *(_show(spread.get(part)) for part in ("p50", "p99", "max"))))
    return html.table(("ms", "median", "99 %", "most"), rows, 3) if rows else ""


def _per_trial(result: Row) -> str:
    trials = result.get("per_trial")
    if not isinstance(trials, list) or not trials:
        return ""
    rows = [
        (
            str(index),
            str(trial.get("ending", "")),
            _show(trial.get("successes")),
            _show(trial.get("duration_s"), " s"),
            _show(trial.get("holds")),
        )
        for index, trial in enumerate(trials, 1)
        if isinstance(trial, dict)
    ]
    return html.table(("trial", "ended", "successes", "duration", "holds"), rows, 3)


def _pair(mean: float | None, error: float | None) -> str:
    if mean is None:
        return _NONE
    return f"{mean:.2f}" if error is None else f"{mean:.2f} ± {error:.2f}"


def _ms(seconds: Any) -> str:
    found = number(seconds)
    return f"{1e3 * found:g} ms" if found is not None else _NONE


def _show(value: Any, unit: str = "") -> str:
    """A number in few characters; a dash for anything else."""
    found = number(value)
    if found is None:
        return _NONE
    return f"{found:.4g}{unit}" if abs(found) < 1e4 else f"{found:,.0f}{unit}"
