"""`sleight rig report`: a run on a hand as one HTML page that opens without a network."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ... import __version__
from ...envs.randomization.measured import HIGH, LOW
from ...errors import DataError
from ...files import read_json, write_text
from ...pages import html
from ...pages.moves import moves_section
from ...pages.show import milliseconds, show
from ...pages.trials import SPANS, gate_hits, histogram, papers_table, trials_section
from ..calibration.measured_ranges import Measured, measure
from ..runtime.loop_timing import Timing
from .log_read import LOG, Log, Picture, read_log

REPORT = "report.html"
MOST_MOTORS = 5
MOST_MOMENTS = 4
"""Moments of a run whose pictures are shown, each by every camera."""
FROM_LOG = {
    "lateness": "late_s",
    "sent": "sent_s",
    "command_round_trip": "round_trip_s",
    "hand_state_age": "hand_age_s",
    "pose_age": "pose_age_s",
}
"""What a log tells of the spans in `timing.json`, for a run that ended before it could write it."""


@dataclasses.dataclass(frozen=True)
class ReportConfig:
    """Where a report goes."""

    out: Path | None = None
    """The page; by default report.html in the run's folder."""
    as_ranges: Path | None = None
    """Also write what was measured as randomization ranges, a file for `sleight train`."""


@dataclasses.dataclass(frozen=True)
class RigRun:
    """A run's folder, as far as it is there."""

    folder: Path
    log: Log
    result: dict[str, Any]
    timing: dict[str, Any]
    measured: Measured
    remarks: tuple[str, ...] = ()


def read_run(folder: Path) -> RigRun:
    """A run's folder. Raises DataError without its log; what else is missing becomes a remark."""
    log = read_log(folder, pictures=True)
    remarks = [f"{LOG}: {log.cut}"] if log.cut else []
    found: dict[str, dict[str, Any]] = {"result.json": {}, "timing.json": _timing(log)}
    for name in found:
        try:
            data = read_json(log.path.parent / name)
        except DataError as error:
            remarks.append(f"{error}; shown is what the log holds")
        else:
            found[name] = data if isinstance(data, dict) else found[name]
    result, timing = found["result.json"], found["timing.json"]
    return RigRun(log.path.parent, log, result, timing, measure(log), tuple(remarks))


def write_report(run: RigRun, out: Path | None = None) -> Path:
    """Write the page; returns its path. Raises SleightError."""
    path = out or run.folder / REPORT
    return write_text(path, html.page(f"{run.folder.name}: run on a hand", _parts(run)))


def _parts(run: RigRun) -> Iterator[str]:
    start = run.log.records[0]
    bundle = start.get("bundle") or {}
    rig = start.get("rig") or {}
    name = str(bundle.get("name", "policy"))
    yield html.title(f"{name} on {rig.get('name', 'a rig')}")
    if start.get("dry"):
        yield html.note("A dry run: nothing was sent to the hand.")
    yield html.facts(
        (
            ("Run", run.folder.name),
            ("Rig", " ".join(str(v) for v in rig.values() if v)),
            ("Policy", f"{name} {str(bundle.get('sha256', ''))[:12]}"),
            ("Goals' seed", str(start.get("goal_seed", ""))),
            ("Turns", str(len(run.log.turns))),
            ("Real-time scheduling", "granted" if start.get("realtime") else "not granted"),
        )
    )
    yield from map(html.note, run.remarks)
    yield html.section("Trials", [papers_table(run.result, name)] if run.result else [],
                       "Goals reached in a row, until a drop, a timeout or the most.")  # fmt: skip
    yield trials_section(run.result, run.timing)
    yield moves_section(run.result)
    yield _timing_section(run)
    yield html.section("What the gate changed", [gate_hits(run.result)],
                       "How often a target was clamped, by kind and motor.")  # fmt: skip
    yield _holds(run.log)
    yield _motors(run.log)
    yield _measured_section(run.measured)
    yield _pictures(run.log.pictures)
    yield html.note(f"sleight {__version__}")


def _timing_section(run: RigRun) -> str:
    drawings = [histogram(run.timing, span) for span in SPANS if span != "lateness"]
    about = f"One count a turn of {milliseconds(run.timing.get('period_s'))}."
    return html.section("Timing", [html.charts(filter(None, drawings))], about)


def _holds(log: Log) -> str:
    """Why the hand held, and for how many turns."""
    notes = Counter(turn["note"] for turn in log.turns if turn["note"])
    if not notes:
        return ""
    rows = [(text, show(count)) for text, count in notes.most_common(20)]
    return html.section("Holds", [html.table(("why", "turns"), rows, 1)])


def _motors(log: Log) -> str:
    """How warm the motors were, where the hand told."""
    told = [turn["temperature_c"] for turn in log.turns if turn.get("temperature_c")]
    if not told:
        return ""
    names, values = log.records[0]["actuators"], np.array(told)
    order = np.argsort(-values.max(axis=0))[:MOST_MOTORS]
    rows = [
        (names[i], *(show(float(v)) for v in (values[0, i], values[:, i].max(), values[-1, i])))
        for i in order
    ]
    table = html.table(("motor", "first", "most", "last"), rows, 3)
    return html.section("Motors", [table], "Temperatures in C, the warmest motors.")


def _measured_section(found: Measured) -> str:
    rows = []
    for name, unit, samples in found.quantities():
        if samples:
            values = np.percentile(samples, [LOW, 50, HIGH])
            rows.append((name, unit, str(len(samples)), *map(show, map(float, values))))
    head = ("", "unit", "samples", f"{LOW:g} %", "median", f"{HIGH:g} %")
    about = "What --as-ranges writes for training is made of these."
    return html.section("The rig, as measured", [html.table(head, rows, 4)], about)


def _pictures(pictures: list[Picture]) -> str:
    """A row for each of a few moments, evenly over the run; in it the cameras' pictures of then."""
    if not pictures:
        return ""
    by_camera: dict[str, list[Picture]] = {}
    for picture in pictures:
        by_camera.setdefault(picture.camera, []).append(picture)
    first_ns, last_ns = pictures[0].wall_ns, pictures[-1].wall_ns
    count = min(MOST_MOMENTS, *map(len, by_camera.values()))
    rows = []
    for moment_ns in np.linspace(first_ns, last_ns, count):
        then = [min(kept, key=lambda p: abs(p.wall_ns - moment_ns)) for kept in by_camera.values()]
        shown = [
            html.picture(p.jpeg, f"{p.camera}, {(p.wall_ns - first_ns) / 1e9:.1f} s") for p in then
        ]
        rows.append(html.charts(shown))
    about = f"{count * len(by_camera)} of {len(pictures)} pictures; times from the first one."
    return html.section("Frames", rows, about)


def _timing(log: Log) -> dict[str, Any]:
    """`timing.json` as far as the log tells it."""
    timing = Timing(measure(log).period_s, late_s=0.02)
    for turn in log.turns:
        for span, name in FROM_LOG.items():
            if turn.get(name) is not None:
                timing.note(span, turn[name])
        timing.dropped += turn["dropped"]
        timing.held += turn["applied"] is None
    return timing.summary()
