"""The page that compares runs: curves in common charts, and the settings that differ."""

from __future__ import annotations

from pathlib import Path

from ...config import load, to_dict
from ...errors import ConfigError
from ...files import write_text
from ...pages import html
from ...pages.charts import Line, line_chart
from ...pages.colours import PALETTE
from ...pages.figure import Frame
from ..config import TrainConfig
from ..runs.run_table import HEAD, RunSummary
from .run_data import flat, series
from .run_report import time_unit

CURVES = (
    ("successes_mean", "Consecutive successes", "mean of 200 episodes"),
    ("episode_reward", "Reward of an episode", "mean of 200 episodes"),
    ("adr_entropy", "ADR entropy", "nats per dimension"),
    ("drop_rate", "Episodes that end in a drop", "share"),
    ("steps_per_second", "Throughput", "control steps per second"),
)
"""Key of metrics.jsonl, title, unit."""
_LEFT_OUT = {"name", "runs"}


def write_comparison(runs: list[RunSummary], out: Path) -> Path:
    """Write the page atomically. Raises SleightError when it cannot be written."""
    return write_text(out, comparison(runs))


def comparison(runs: list[RunSummary]) -> str:
    """The page as text."""
    parts = [
        html.section("Runs", [html.table(HEAD, [run.cells() for run in runs])]),
        _curves(runs),
        _differences(runs),
    ]
    key = html.key([(run.name, *style(i)) for i, run in enumerate(runs)])
    return html.report("Runs compared", "Runs of sleight, side by side.", [key], parts)


def style(index: int) -> tuple[str, bool]:
    """Colour of a run, and whether its line is dashed (from the eleventh run on)."""
    return PALETTE[index % len(PALETTE)], index >= len(PALETTE)


def _curves(runs: list[RunSummary]) -> str:
    times = [row for run in runs for row in run.rows]
    drawings = []
    for key, title, unit in CURVES:
        if any(series(run.rows, "steps", key)[1] for run in runs):
            label, size = time_unit(times)
            drawings.append(_chart(runs, key, f"{title} over steps", unit, "steps"))
            drawings.append(
                _chart(runs, key, f"{title} over wall time", unit, "seconds", label, size)
            )
    if not drawings:
        return html.section("Curves", [html.note("No run has finished an iteration yet.")])
    return html.section("Curves", [html.charts(drawings)])


def _chart(
    runs: list[RunSummary],
    key: str,
    title: str,
    unit: str,
    over: str,
    label: str = "control steps",
    size: float = 1.0,
) -> str:
    lines = []
    for index, run in enumerate(runs):
        x, y = series(run.rows, over, key)
        colour, dashed = style(index)
        if y:
            lines.append(Line(run.name, [a / size for a in x], y, colour, dashed=dashed))
    zero = key != "adr_entropy"
    frame = Frame(title, label, unit, width=516, height=250, zero=zero)
    return line_chart(frame, lines)


def differences(runs: list[RunSummary]) -> tuple[list[tuple[str, ...]], list[str]]:
    """(field, value of each run) for fields with different values, a dash: no such field; and why
    the config of a run cannot be read."""
    settings, wrong = [], []
    for run in runs:
        try:
            settings.append(settings_of(run.folder / "config.yaml"))
        except ConfigError as error:
            settings.append({})
            wrong.append(str(error))
    fields = list(dict.fromkeys(name for each in settings for name in each))
    rows = []
    for name in fields:
        values = tuple(each.get(name, "–") for each in settings)
        if name not in _LEFT_OUT and len(set(values)) > 1:
            rows.append((name, *values))
    return rows, wrong


def settings_of(path: Path) -> dict[str, str]:
    """The settings, with defaults where an older version had no such field."""
    return dict(flat(to_dict(load(TrainConfig, path))))


def _differences(runs: list[RunSummary]) -> str:
    rows, wrong = differences(runs)
    title, notes = "Settings that differ", [html.note(line) for line in wrong]
    if not rows:
        same = html.note("None: the runs have the same settings.")
        return html.section(title, notes or [same])
    table = html.table(("field", *(run.name for run in runs)), rows)
    return html.section(title, [table, *notes])
