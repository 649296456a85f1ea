"""The page of a run: all its data in one self-contained HTML file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from ... import __version__
from ...files import write_text
from ...pages import html
from ...pages.charts import Line, line_chart
from ...pages.colours import SHADE
from ...pages.figure import Frame
from ...pages.show import number, short
from .places import places_section
from .run_data import Row, Run, hardware, read_run, series, written
from .run_sections import borders, evaluation_section, ranges_section, rig_section
from .validation_section import validation_section

REPORT = "report.html"
LEARNER: tuple[tuple[str, str, str, bool], ...] = (
    ("kl", "KL divergence", "nats per update", False),
    ("kl_to_teacher", "KL divergence from the teacher", "nats", False),
    ("student_share", "Steps in which the student acts", "share", False),
    ("entropy", "Policy entropy", "nats", False),
    ("explained_variance", "Explained variance", "of the returns", False),
    ("critic_loss", "Critic loss", "nats", False),
    ("value_mean", "Mean value", "discounted reward", False),
    ("learning_rate", "Learning rate", "", True),
    ("grad_norm", "Gradient norm", "before clipping", False),
    ("drop_rate", "Episodes that end in a drop", "share", False),
    ("episode_length", "Episode length", "control steps", False),
    ("steps_per_second", "Throughput", "control steps per second", False),
    ("sim_share", "Time in simulation", "share", False),
)
"""Key of metrics.jsonl, title, unit, whether the axis is logarithmic."""


def write_report(
    folder: str | Path,
    out: str | Path | None = None,
    *,
    expected: str | Path | None = None,
    rig: str | Path | None = None,
    evaluation: str | Path | None = None,
    transfer: str | Path | None = None,
    validation: str | Path | None = None,
    facts: Mapping[str, str] | None = None,
) -> Path:
    """Write `folder`/report.html (or `out`), atomically; returns its path.

    expected: another run's metrics.jsonl, plotted behind the curve. rig: the folder of a run on a
    hand (default: the newest `rig*` below the run). evaluation: default `folder`/eval.json.
    transfer: a file of `sleight bench sim_to_sim`, default `folder`/transfer.json.
    validation: a file of `sleight eval --failures`, default `folder`/validation.json. facts:
    name -> value, added to the header or replacing a line of it. Raises DataError when there is
    nothing to report on, SleightError when the page cannot be written.
    """
    given = (_path(each) for each in (expected, rig, evaluation, transfer, validation))
    run = read_run(Path(folder), *given)
    target = Path(out) if out is not None else run.folder / REPORT
    return write_text(target, report(run, facts))


def report(run: Run, facts: Mapping[str, str] | None = None) -> str:
    """The page of a run as text."""
    name = run.folder.resolve().name
    places = places_section(run)
    parts = [
        _glance(run, _other_numbers(run) if places else _successes(run) + _other_numbers(run)),
        places,
        learning_section(run),
        ranges_section(run),
        evaluation_section(run.evaluation),
        validation_section(run.validation),
        rig_section(run.rig),
        learner_section(run.rows),
        _remarks(run.remarks),
    ]
    about = "A run of sleight: training, evaluation and rig results."
    return html.report(name, about, [html.facts(_header(run, facts or {}).items())], parts)


def learning_section(run: Run) -> str:
    """Charts of successes over steps and wall time, with the expected curve behind them."""
    if not series(run.rows, "steps", "successes_mean")[1]:
        return ""
    drawings = [
        _curve(run, "steps", "control steps", 1.0, "over control steps"),
        _curve(run, "seconds", *time_unit(run.rows), "over wall time"),
    ]
    about = (
        "Consecutive successes, mean over the last 200 episodes of training. The first episodes to"
        " end are the short ones, which failed."
    )
    return html.section("Learning", [html.charts(drawings)], about)


def learner_section(rows: list[Row]) -> str:
    """Small charts of metrics of the learner and the loop."""
    drawings = []
    for key, title, unit, log in LEARNER:
        x, y = series(rows, "steps", key)
        if y:
            share = unit == "share"
            frame = Frame(title, y_label=unit, log=log, zero=share, borders=borders(rows))
            drawings.append(line_chart(frame, [Line(key.replace("_", " "), x, y)]))
    if not drawings:
        return ""
    return html.section("Learner", [html.charts(drawings)], "Over control steps.")


def _curve(run: Run, key: str, label: str, unit: float, title: str) -> str:
    x, y = series(run.rows, key, "successes_mean")
    lines = []
    if run.expected:
        # Only up to the present step of this run.
        reach = max(x, default=0.0) * 1.02
        far, high = series(run.expected, key, "successes_mean")
        shown = [(a, b) for a, b in zip(far, high, strict=True) if a <= reach]
        behind = [a / unit for a, _ in shown], [b for _, b in shown]
        lines.append(Line("expected", *behind, colour=SHADE, dashed=True))
        best = series(run.expected, key, "high")[1]
        if best and best != high:  # of one run they are the same
            worst = series(run.expected, key, "low")[1][: len(shown)]
            band = Line("best and worst", behind[0], best[: len(shown)], SHADE, low=worst)
            lines.insert(0, band)
    lines.append(Line("this run", [a / unit for a in x], y))
    frame = Frame(
        f"Consecutive successes {title}",
        label,
        width=516,
        height=270,
        zero=True,
        legend=len(lines) > 1,
        borders=borders(run.rows, key, unit, names=True),
    )
    return line_chart(frame, lines)


def time_unit(rows: list[Row]) -> tuple[str, float]:
    """The unit for the longest time in the rows, and its length in seconds."""
    end = max(series(rows, "seconds", "steps")[0], default=0.0)
    for name, size in (("hours", 3600.0), ("minutes", 60.0)):
        if end >= 3 * size:
            return name, size
    return "seconds", 1.0


def _header(run: Run, extra: Mapping[str, str]) -> dict[str, str]:
    """Name -> value of the header; unknown values are omitted."""
    env = run.config.get("env")
    env = env if isinstance(env, dict) else {}
    steps, seconds = _last(run.rows, "steps"), _last(run.rows, "seconds")
    metrics = run.folder / "metrics.jsonl"
    versions = ("mujoco", "torch", "python")
    values = {
        "Task": str(env.get("task", "")),
        "Worlds": str(env.get("num_worlds", "")),
        "Control steps": f"{steps:,.0f}" if steps is not None else "",
        "Wall time": _clock(seconds) if seconds is not None else "",
        "Date": written(metrics) if metrics.is_file() else "",
        "Commit": str(run.versions.get("commit", "")),
        "Hardware": hardware(),
        "Software": ", ".join(
            [f"sleight {run.versions.get('sleight', __version__)}"]
            + [f"{name} {run.versions[name]}" for name in versions if name in run.versions]
        ),
    }
    return {name: value for name, value in {**values, **extra}.items() if value}


def _glance(run: Run, numbers: list[tuple[str, str]]) -> str:
    """The video beside the most important numbers."""
    video = html.video(run.video, f"{run.video_name}, in real time") if run.video else ""
    if not video and not numbers:
        return ""
    return html.glance(video, html.cards(numbers))


def _successes(run: Run) -> list[tuple[str, str]]:
    """Successes in training, evaluation and on the hand, as far as they were measured."""
    numbers = []
    if (latest := _last(run.rows, "successes_mean")) is not None:
        numbers.append((short(latest), "successes in a row, at the end of training"))
    if run.evaluation and (mean := number(run.evaluation.get("mean"))) is not None:
        trials = len(run.evaluation["trials"])
        numbers.append((short(mean), f"successes in a row, mean of {trials} evaluation trials"))
    if run.rig and (mean := number(run.rig.result.get("mean"))) is not None:
        kind = "simulated hand" if _simulated(run.rig.result) else "hand"
        numbers.append((short(mean), f"successes in a row on the {kind}, in real time"))
    return numbers


def _other_numbers(run: Run) -> list[tuple[str, str]]:
    """Late turns on the hand, and the entropy of ADR."""
    numbers = []
    if run.rig and (late := number(run.rig.timing.get("late_ticks"))) is not None:
        ticks = number(run.rig.timing.get("ticks")) or 0
        numbers.append((f"{late:.0f}", f"late turns of the control loop, of {ticks:.0f}"))
    entropy = series(run.rows, "steps", "adr_entropy")[1]
    if entropy:
        about = f"ADR entropy, nats per dimension; {short(entropy[0])} at the start"
        numbers.append((short(entropy[-1]), about))
    return numbers


def _simulated(result: Row) -> bool:
    hand = result.get("hand")
    return isinstance(hand, dict) and bool(hand.get("simulated"))


def _remarks(remarks: list[str]) -> str:
    if not remarks:
        return ""
    return html.section("Left out", [html.note(remark) for remark in remarks])


def _last(rows: list[Row], key: str) -> float | None:
    values = series(rows, "steps", key)[1]
    return values[-1] if values else None


def _clock(seconds: float) -> str:
    minutes = math.floor(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"


def _path(path: str | Path | None) -> Path | None:
    return None if path is None else Path(path)
