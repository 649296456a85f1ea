"""The parts of the run page about randomization, evaluation and the hand."""

from __future__ import annotations

import numpy as np

from ...adr.adr_config import AdrConfig
from ...adr.history import Course, course
from ...adr.state import AdrState
from ...envs.randomization.table import BY_NAME
from ...pages import html
from ...pages.charts import Line, column_chart, line_chart
from ...pages.colours import BLUE, ORANGE
from ...pages.figure import Frame, Mark
from ...pages.show import number, pair, short, show
from ...pages.trials import trials_section
from .run_data import Rig, Row, Run, beginnings, flat


def borders(
    rows: list[Row], key: str = "steps", unit: float = 1.0, names: bool = False
) -> tuple[Mark, ...]:
    """Where each stage of a run begins, by `key` (steps or seconds) in `unit`."""
    index = ("steps", "seconds").index(key)
    began = beginnings(rows).items()
    return tuple(Mark(at[index] / unit, name if names else "") for name, at in began if name)


def ranges_section(run: Run) -> str:
    """Entropy and the range of every parameter over steps, in physical units."""
    if run.adr is None:
        return ""
    config = AdrConfig(entropy_floor=_floor(run.config))
    ran = course(run.adr, config)
    begun = borders(run.rows)
    drawings = [_entropy(ran, config, begun)] if any(d.counts for d in run.adr.dimensions) else []
    drawings += [_range(run.adr, ran, i, begun) for i in range(len(run.adr.dimensions))]
    about = (
        "Ranges that automatic domain randomization (ADR) trains on, over control steps. ADR tests"
        " one end of one range at a time: the range grows there while the policy still succeeds"
        " often enough, and shrinks when it fails. The dotted line is the nominal value."
    )
    if any(not dimension.counts for dimension in run.adr.dimensions):
        about += " Curriculum parameters (orange) do not count in the entropy."
    if begun:
        last = [*beginnings(run.rows)][-1]
        about += f" The run has stages: these are the ranges of the last one, {last}."
    return html.section("Randomization", [html.charts(drawings)], about)


def evaluation_section(evaluation: Row | None) -> str:
    """Mean, standard error, median and maximum, a histogram, and every trial."""
    if evaluation is None:
        return ""
    trials: list[int] = evaluation["trials"]
    mean = number(evaluation.get("mean"))
    numbers = [
        (pair(mean, evaluation.get("standard_error")), "mean ± standard error"),
        (f"{show(evaluation.get('median'))}, {show(evaluation.get('max'))}", "median, most"),
        (str(len(trials)), "trials"),
    ]
    for key, name in (("drops", "ended in a drop"), ("timeouts", "ended by the goal's time limit")):
        if number(evaluation.get(key)) is not None:
            numbers.append((show(evaluation[key]), name))
    if (seconds := number(evaluation.get("seconds_per_success"))) is not None:
        numbers.append((f"{seconds:.1f} s", "of hand time per success"))
    settings = evaluation.get("settings")
    folded = []
    if isinstance(settings, dict) and settings:
        text = "\n".join(f"{name}: {value}" for name, value in flat(settings))
        folded.append(html.folded("Settings", text))
    parts = [html.cards(numbers), html.charts([_trials(trials, mean)]), html.chips(trials), *folded]
    about = (
        "Consecutive successes, each trial in a new world, until a drop, a timeout or the maximum."
    )
    return html.section("Evaluation", parts, about)


def rig_section(rig: Rig | None) -> str:
    """Trials on a hand, and timing of the control loop."""
    if rig is None:
        return ""
    return trials_section(rig.result, rig.timing)


def _entropy(ran: Course, config: AdrConfig, begun: tuple[Mark, ...]) -> str:
    floor = float(np.log(config.entropy_floor))
    marks = (Mark(floor, "floor"),)
    frame = Frame("Entropy", y_label="nats per dimension", marks=marks, borders=begun)
    line = Line("entropy", ran.steps.tolist(), ran.entropy.tolist(), steps=True)
    return line_chart(frame, [line])


def _range(state: AdrState, ran: Course, i: int, begun: tuple[Mark, ...]) -> str:
    """The band between the boundaries of dimension i."""
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
    marks = (Mark(start),)
    return line_chart(Frame(dimension.name, y_label=label, marks=marks, borders=begun), [line])


def _floor(config: Row) -> float:
    """The entropy floor in the run's config, or the default."""
    adr = config.get("adr")
    value = number(adr.get("entropy_floor")) if isinstance(adr, dict) else None
    return value if value is not None and 1e-12 <= value <= 1 else AdrConfig().entropy_floor


def _trials(trials: list[int], mean: float | None) -> str:
    counts = [0] * (max(trials) + 1)
    for trial in trials:
        counts[trial] += 1
    tips = [f"{successes} successes: {count} trials" for successes, count in enumerate(counts)]
    marks = (Mark(mean, f"mean {short(mean)}"),) if mean is not None else ()
    width = 338.0 if len(counts) <= 12 else 720.0
    frame = Frame("Trials by successes", "successes in a row", width=width, marks=marks)
    return column_chart(frame, counts, tips)
