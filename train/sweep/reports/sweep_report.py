"""The page of a sweep: the best settings, effects of fields, and the noise of seeds."""

from __future__ import annotations

from pathlib import Path

from ....files import write_text
from ....pages import html
from ....pages.charts import Line, line_chart
from ....pages.colours import PALETTE, SHADE
from ....pages.figure import Frame
from ...reports.run_data import series
from ...runs.metrics import MOST_ROWS, read_metrics
from ..sweep_state import State, Tried
from ..trial_process import run_name
from . import sweep_charts as charts
from .effects import LEAST, done, effects, importance, noise_share
from .parallel import parallel_chart
from .trial_table import section

REPORT = "report.html"
BEST = 6
"""Number of settings whose curves have their own colour."""


def write_report(state: State, folder: Path) -> Path:
    """Write the sweep's report.html atomically. Raises SleightError when it cannot be written."""
    return write_text(folder / REPORT, report(state, folder))


def report(state: State, folder: Path) -> str:
    """The page as text."""
    parts = [
        _best(state),
        section(state, folder),
        _parallel(state),
        _effects(state),
        _population(state),
        _curves(state, folder),
        _all(state),
    ]
    about = "A sweep of sleight: the settings and their effects."
    return html.report(folder.resolve().name, about, [html.facts(_facts(state))], parts)


def summary(state: State) -> str:
    """The best settings as a few lines of text."""
    lines = [f"{state.config.metric} (mean of the seeds)"]
    for tried in ranked(state)[:5]:
        lines.append(f"  {_score(state, tried):>16}  {_name(tried)}  {_values(tried)}")
    return "\n".join(lines)


def ranked(state: State) -> list[Tried]:
    """Complete settings, the best first."""
    sign = -1.0 if state.config.mode == "max" else 1.0
    return sorted(done(state), key=lambda tried: sign * (tried.mean() or 0.0))


def _facts(state: State) -> list[tuple[str, str]]:
    config, ends = state.config, [e for t in state.settings for e in t.ends.values()]
    states = [end.state for end in ends]
    counts = {name: states.count(name) for name in ("complete", "pruned", "failed")}
    noise, floor = state.noise(), "not measured"
    if noise is not None:
        floor = f"± {noise[0]:.3g} between seeds ({noise[1]} degrees of freedom)"
    return [
        ("Method", config.method + ("" if config.stopping == "none" else f", {config.stopping}")),
        ("Metric", f"{config.metric}, {config.mode}"),
        ("Settings", str(len(state.settings))),
        ("Runs", ", ".join(f"{count} {name}" for name, count in counts.items() if count)),
        ("Steps of a run", f"{state.space.base.steps:,}"),
        ("Noise floor", floor),
    ]


def _best(state: State) -> str:
    best = ranked(state)
    if not best:
        return html.section("Best", [html.note("No run is complete yet.")])
    winner = best[0]
    numbers = [(_score(state, winner), f"{state.config.metric} of the best, {_name(winner)}")]
    if (noise := state.noise()) is not None and len(best) > 1:
        lead = abs((winner.mean() or 0) - (best[1].mean() or 0))
        error = noise[0] * sum(1 / len(t.values_of_runs()) for t in best[:2]) ** 0.5
        numbers.append((f"{lead:.3g}", f"ahead of the second; {error:.2g} is one standard error"))
    about = (
        "The best of many settings is partly the luckiest one: its score is too high by about the "
        "noise. Train it again with other seeds to confirm it."
    )
    return html.section("Best", [html.cards(numbers), html.facts(list(_pairs(winner)))], about)


def _parallel(state: State) -> str:
    if not state.space.dimensions or not done(state):
        return ""
    about = (
        "Each line is a setting; darker orange is better; grey was stopped early. "
        "Point at a line to see its values."
    )
    return html.section("Settings", [html.charts([parallel_chart(state)])], about)


def _effects(state: State) -> str:
    effect_list = effects(state)
    if not effect_list or len(done(state)) < 2:
        return ""
    shares, noise = importance(state), noise_share(state)
    drawings = [charts.size_chart(effect_list, state.config.metric)]
    if shares is not None:
        drawings.append(charts.share_chart(shares, noise))
    notes = []
    if shares is None:
        notes.append(html.note(f"No importance: fewer than {LEAST} settings, or a population."))
    if state.noise() is None:
        notes.append(html.note("The noise floor is not measured: sweep with seeds 2 or more."))
    about = (
        "Blue: effect of a field, the difference between its best and worst group of values. "
        "Orange: effect of seeds alone, from repeated settings (two standard errors). A blue bar "
        "that is not longer than the orange one is not significant. Importance: fANOVA."
    )
    if state.config.method == "bayesian" or state.config.stopping != "none":
        notes.append(
            html.note(
                "These settings were not drawn uniformly: they concentrate in good regions, and "
                "settings that were stopped early are not included, so effects of different fields "
                "may be confounded. A grid or random settings without early stopping avoid this."
            )
        )
    each = [charts.effect_chart(state, effect) for effect in effect_list]
    below = html.note("Below, a dot is a run, an orange line the mean of a group; error bars are "
                      "one standard error from seeds.")  # fmt: skip
    return html.section("Effects", [html.charts(drawings), *notes, below, html.charts(each)], about)


def _population(state: State) -> str:
    """Values of the members of a population over generations."""
    if not state.generations:
        return ""
    drawings = []
    for dimension in state.space.dimensions:
        if dimension.choices:
            continue
        frame = Frame(dimension.name, "control steps", width=516, height=230, log=dimension.log)
        lines = []
        for tried in state.settings:
            x, y = [0.0], [float(tried.first[dimension.name])]
            for event in state.generations:
                moved = [m for m in event["moves"] if m["member"] == tried.index]
                x.append(float(event["steps"]))
                y.append(float(moved[0]["values"][dimension.name]) if moved else y[-1])
            x.append(float(state.space.base.steps))
            y.append(y[-1])
            colour = PALETTE[tried.index % len(PALETTE)]
            lines.append(Line(_name(tried), x, y, colour, steps=True))
        drawings.append(line_chart(frame, lines))
    about = "Settings of each member; at a jump it copied a better member's checkpoint."
    return html.section("Population", [html.charts(drawings)], about) if drawings else ""


def _curves(state: State, folder: Path) -> str:
    """Curves of the best settings in colour, the others in grey behind them."""
    metric = state.config.metric
    best = [tried.index for tried in ranked(state)[:BEST]]
    lines = []
    for tried in [t for t in state.settings if t.index not in best] + ranked(state)[:BEST][::-1]:
        first = tried.index not in best
        for seed in sorted(tried.ends):
            path = folder / run_name(tried.index, seed) / "metrics.jsonl"
            rows = read_metrics(path, MOST_ROWS)
            x, y = series(rows, "steps", metric)
            colour = SHADE if first else PALETTE[best.index(tried.index)]
            if y:
                lines.append(Line(run_name(tried.index, seed), x, y, colour))
    if not lines:
        return ""
    frame = Frame(metric, "control steps", width=1060, height=320)
    key = html.key([(f"t{index:03d}", PALETTE[i], False) for i, index in enumerate(best)])
    return html.section("Curves", [key, html.charts([line_chart(frame, lines)])],
                        "Every run; the best settings in colour.")  # fmt: skip


def _all(state: State) -> str:
    names = [dimension.name for dimension in state.space.dimensions]
    order = {tried.index: rank for rank, tried in enumerate(ranked(state))}
    rows = []
    for tried in sorted(state.settings, key=lambda t: order.get(t.index, len(order) + t.index)):
        states = [tried.ends[seed].state for seed in sorted(tried.ends)]
        remark = next((end.remark for end in tried.ends.values() if end.remark), "")
        state_text = ", ".join(dict.fromkeys(states)) or "not yet"
        runs = ", ".join(f"{value:.3g}" for value in tried.values_of_runs())
        fields = [_show(tried.values[name]) for name in names]
        rows.append((_name(tried), *fields, _score(state, tried), runs,
                     f"{state_text}: {remark}" if remark else state_text))  # fmt: skip
    return html.section("All settings", [html.table(("setting", *names, "mean", "runs", ""), rows)])


def _score(state: State, tried: Tried) -> str:
    mean, noise, runs = tried.mean(), state.noise(), tried.values_of_runs()
    if mean is None:
        return "–"
    return f"{mean:.3g}" if noise is None else f"{mean:.3g} ± {noise[0] / len(runs) ** 0.5:.2g}"


def _name(tried: Tried) -> str:
    return f"t{tried.index:03d}"


def _values(tried: Tried) -> str:
    return "  ".join(f"{name}={value}" for name, value in _pairs(tried))


def _pairs(tried: Tried) -> list[tuple[str, str]]:
    return [(name, _show(value)) for name, value in tried.values.items()]


def _show(value: str | int | float) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
