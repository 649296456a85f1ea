"""The results of probes as text, as data and as a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...adr.intervals import NOTHING
from ...adr.probing import KINDS, Found, Kind
from ...pages import html
from ...pages.colours import PALETTE
from ...pages.figure import Frame, Mark
from ...pages.show import short
from .dots import Dot, dot_chart, named_chart
from .probe import Probe

_AHEAD = 0.12
"""Distance between the dots of players at one time."""


def data(probes: Sequence[Probe]) -> dict[str, Any]:
    """The probes as plain data for JSON."""
    return {
        "probes": [
            {
                "player": p.player,
                "entropy": p.entropy,
                "steps": p.steps,
                "running": {str(time): count for time, count in p.running.items()},
                "settings": p.settings,
                "answers": [
                    {"parameter": a.parameter, "time": a.time, "kind": a.kind, **_cell(a.found)}
                    for a in p.answers
                ],
            }
            for p in probes
        ]
    }


def _cell(found: Found | None) -> dict[str, Any]:
    if found is None:
        return {"accuracy": None}
    return {
        "accuracy": found.accuracy.data(),
        "chance": found.chance,
        "chance_high": found.chance_high,
        "p_value": found.p_value,
        "episodes": found.episodes,
        "knows": found.knows,
    }


def table(probe: Probe) -> str:
    """A text table: accuracy of the nonlinear and the linear classifier; * better than chance."""
    times = sorted(probe.running)
    lines = [
        f"{probe.player}"
        + (f", {probe.entropy:.2f} nats per dimension" if probe.entropy is not None else ""),
        "  accuracy on held-out trials [95 %], * more than chance",
    ]
    for kind in dict.fromkeys(a.kind for a in probe.answers):
        lines.append(f"  {kind}")
        head = "".join(f"{f't={t} ({probe.running[t]} trials)':>22}" for t in times)
        lines.append(f"    {'':<22}{head}")
        for name in _parameters([probe]):
            cells = "".join(f"{text(probe.at(name, t, kind)):>22}" for t in times)
            lines.append(f"    {name:<22}{cells}")
        chances = [a.found.chance for a in probe.answers if a.found and a.kind == kind]
        if chances:
            lines.append(f"    {'chance, by permutation':<22}{sum(chances) / len(chances):>10.2f}")
    return "\n".join(lines)


def text(found: Found | None) -> str:
    """The text of one cell."""
    return "-" if found is None else f"{found.accuracy.text()}{'*' if found.knows else ' '}"


def _parameters(probes: Sequence[Probe]) -> list[str]:
    return list(dict.fromkeys(a.parameter for p in probes for a in p.answers))


def _kinds(probes: Sequence[Probe]) -> list[Kind]:
    present = {a.kind for p in probes for a in p.answers}
    return [kind for kind in KINDS if kind in present]


def page(probes: Sequence[Probe]) -> str:
    """The page as text."""
    key = html.key([(_name(p), PALETTE[i % len(PALETTE)], False) for i, p in enumerate(probes)])
    parts = [
        *(_accuracies(probes, kind) for kind in _kinds(probes)),
        _growth(probes),
        _tables(probes),
    ]
    about = "Classifiers predict from the memory h + c whether a parameter is above its mean."
    return html.report("What the memory knows", about, [key], parts)


def _name(probe: Probe) -> str:
    label = "/".join(Path(probe.player).parts[-2:])  # also of a folder named checkpoint
    if probe.steps is not None:
        label += f", {short(float(probe.steps))} steps"
    return label + (f", {probe.entropy:.2f} npd" if probe.entropy is not None else "")


def _accuracies(probes: Sequence[Probe], kind: Kind) -> str:
    """One chart per parameter: accuracy over time, one colour per player."""
    times = sorted({time for p in probes for time in p.running})
    drawings = []
    for name in _parameters(probes):
        dots, chances = [], []
        for i, p in enumerate(probes):
            for j, time in enumerate(times):
                if (found := p.at(name, time, kind)) is None:
                    continue
                chances.append(found.chance)
                tip = f"{_name(p)}, t = {time}: {found.accuracy.text()}, chance {found.chance:.2f}"
                x = j + (i - (len(probes) - 1) / 2) * _AHEAD
                dots.append(Dot(x, found.accuracy, tip, PALETTE[i % len(PALETTE)]))
        chance = sum(chances) / len(chances) if chances else 0.5
        frame = Frame(name, marks=(Mark(chance, "chance"), Mark(1.0)), height=190)
        drawings.append(named_chart(frame, [f"t = {time}" for time in times], dots))
    about = (
        "Accuracy on held-out trials with 95 % intervals, over control steps since the start;"
        " the dotted line is the mean accuracy on permuted labels."
    )
    return html.section(f"A {kind} classifier", [html.charts(drawings)], about)


def _growth(probes: Sequence[Probe]) -> str:
    """Accuracy over ADR entropy, if several players have one [R table 8]."""
    with_entropy = [p for p in probes if p.entropy is not None]
    if len(with_entropy) < 2:
        return ""
    time = max(set.intersection(*(set(p.running) for p in with_entropy)), default=0)
    kind = _kinds(with_entropy)[-1]
    drawings = []
    for name in _parameters(with_entropy):
        dots = []
        for p in with_entropy:
            found = p.at(name, time, kind)
            estimate = found.accuracy if found else NOTHING
            colour = PALETTE[probes.index(p) % len(PALETTE)]
            dots.append(Dot(p.entropy or 0.0, estimate, f"{_name(p)}: {text(found)}", colour))
        drawings.append(dot_chart(Frame(name, "ADR entropy, nats per dimension", height=190), dots))
    about = f"Accuracy of the {kind} classifier at t = {time}, in the same worlds for every player."
    return html.section("Against entropy", [html.charts(drawings)], about)


def _tables(probes: Sequence[Probe]) -> str:
    parts = []
    for p in probes:
        times = sorted(p.running)
        head = ("parameter", "classifier", *(f"t = {t}" for t in times), "chance")
        rows = []
        for name in _parameters([p]):
            for kind in _kinds([p]):
                cells = [p.at(name, t, kind) for t in times]
                chances = [c.chance for c in cells if c]
                chance = f"{sum(chances) / len(chances):.2f}" if chances else "-"
                rows.append((name, kind, *map(text, cells), chance))
        running = ", ".join(f"{p.running[t]} at t = {t}" for t in times)
        parts += [html.note(f"{_name(p)}: trials still running: {running}"),
                  html.table(head, rows, len(times) + 1, sortable=True)]  # fmt: skip
    about = "With 95 % intervals (Wilson); * above chance, corrected for the number of tests."
    return html.section("Tables", parts, about)
