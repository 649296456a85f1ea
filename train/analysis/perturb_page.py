"""The results of perturbations as text, as data and as a page."""

from __future__ import annotations

import math
from typing import Any

from ...adr.intervals import Estimate
from ...adr.recovery import Change, Goal, KindOfGoals, by_kind, change, goals
from ...pages import html
from ...pages.charts import Line, line_chart
from ...pages.colours import PALETTE, SHADE
from ...pages.figure import Frame, Mark
from ...pages.show import columns
from .perturb import Arm, Study

KIND_HEAD = ("kind", "asked", "seconds", "fails")
HEAD = ("trials", "before", "first after", "later", "slower by", "fails before", "first", "later")


def changes(study: Study, window: int) -> list[tuple[Arm, Change]]:
    """Changes of each arm around its disturbance, and of the baselines at the same goals."""
    points = sorted({arm.after for arm in study.arms if arm.after})
    rows = []
    for after in points:
        reach = min(window, after, study.most - after - 1)
        for arm, trials in study.arms.items():
            if arm.after in (0, after):
                rows.append((arm, change(trials, after, reach)))
    return rows


def kinds(study: Study, window: int) -> list[tuple[int, Arm, KindOfGoals]]:
    """The goals after each disturbance by kind: (after, arm, statistics); empty without kinds."""
    points = sorted({arm.after for arm in study.arms if arm.after})
    return [
        (after, arm, row)
        for after in points
        for arm, trials in study.arms.items()
        if arm.after in (0, after)
        for row in by_kind(trials, range(after + 1, min(after + 1 + window, study.most) + 1))
    ]


def data(study: Study, window: int) -> dict[str, Any]:
    """The study as plain data for JSON."""
    return {
        "player": study.player,
        "settings": {**study.settings, "max_successes": study.most},
        "changes": [
            {
                "arm": arm.name, "after": c.after, "window": c.window, "trials": c.trials,
                "before_s": c.before_s.data(), "first_s": c.first_s.data(),
                "later_s": c.later_s.data(), "slower_s": c.slower_s.data(),
                "failure_before": c.failure_before.data(),
                "failure_first": c.failure_first.data(), "failure_later": c.failure_later.data(),
            }
            for arm, c in changes(study, window)
        ],
        "kinds": [
            {"after": after, "arm": arm.name, "kind": row.name, "asked": row.asked,
             "time_s": row.time_s.data(), "failure": row.failure.data()}
            for after, arm, row in kinds(study, window)
        ],
        "goals": {
            arm.name: [
                {"goal": g.number, "asked": g.asked, "time_s": g.time_s.data(),
                 "failure": g.failure.data()}
                for g in goals(trials, study.most)
            ]
            for arm, trials in study.arms.items()
        },
    }  # fmt: skip


def cells(change: Change) -> tuple[str, ...]:
    """The cells of one row, in the order of HEAD."""
    times = (change.before_s, change.first_s, change.later_s, change.slower_s)
    failures = (change.failure_before, change.failure_first, change.failure_later)
    return (str(change.trials), *(t.text() for t in times), *(f.text() for f in failures))


def kind_cells(row: KindOfGoals) -> tuple[str, ...]:
    """The cells of one row, in the order of KIND_HEAD."""
    return (row.name, str(row.asked), row.time_s.text(), row.failure.text())


def table(study: Study, window: int) -> str:
    """The study as a text table."""
    lines = [study.player]
    rows = changes(study, window)
    for after in dict.fromkeys(c.after for _, c in rows):
        lines.append(f"  around success {after}: s a goal, and probability of failing it [95 %]")
        said = [(arm.name, *cells(c)) for arm, c in rows if c.after == after]
        text = columns([("", *HEAD), *said], numbers=range(1, len(HEAD) + 1))
        lines += [f"    {line}" for line in text]
        rows_of = [(a.name, *kind_cells(k)) for n, a, k in kinds(study, window) if n == after]
        if rows_of:
            text = columns([("by kind of goal", *KIND_HEAD), *rows_of], numbers=(2, 3, 4))
            lines += ["", *(f"    {line}" for line in text)]
    return "\n".join(lines)


def page(study: Study, window: int) -> str:
    """The page as text."""
    about = f"{study.player}: time and failure of each goal, by its number in the trial."
    parts = [
        *(_around(study, after) for after in sorted({a.after for a in study.arms if a.after})),
        _tables(study, window),
    ]
    return html.report("Recovery from perturbations", about, [], parts)


def _around(study: Study, after: int) -> str:
    shown = [arm for arm in study.arms if arm.after in (0, after)]
    colours = dict(zip(shown, [SHADE, "#5f6b7a", *PALETTE], strict=False))
    each = {arm: goals(study.arms[arm], study.most) for arm in shown}
    frames = (
        Frame("Time of each goal", "goal", "s", width=1060, height=280, zero=True),
        Frame("Probability of failing each goal", "goal", width=1060, height=280, zero=True,
              marks=(Mark(0.0),)),
    )  # fmt: skip
    drawings = []
    for frame, key in zip(frames, ("time_s", "failure"), strict=True):
        lines = [_line(arm, each[arm], key, colours[arm]) for arm in shown]
        drawings.append(line_chart(frame, lines))
    whole = ", ".join(f"{sum(t.successes >= study.most for t in study.arms[a])} {a.name}"
                      for a in shown)  # fmt: skip
    about = (
        f"Disturbed after success {after}. Times are means over the trials that reached all"
        f" {study.most} goals ({whole}); failures over all that came to a goal."
    )
    legend = html.key([(arm.name, colours[arm], arm.after == 0) for arm in shown])
    return html.section(f"After success {after}", [legend, html.charts(drawings)], about)


def _line(arm: Arm, results: list[Goal], key: str, colour: str) -> Line:
    estimates: list[Estimate] = [getattr(goal, key) for goal in results]
    points = [(g.number, e.value) for g, e in zip(results, estimates, strict=True)
             if math.isfinite(e.value)]  # fmt: skip
    x, y = [float(n) for n, _ in points], [v for _, v in points]
    return Line(arm.name, x, y, colour, dashed=arm.after == 0)


def _tables(study: Study, window: int) -> str:
    rows = [(f"{c.after}", arm.name, *cells(c)) for arm, c in changes(study, window)]
    about = (
        "Seconds a goal, over the trials that came to the end of the window, the same before and"
        " after; the probability of failing a goal, over all trials that came to it. 95 %"
        " intervals: Student for times, Wilson for failures."
    )
    head = ("around", "arm", *HEAD)
    parts = [html.table(head, rows, 8, sortable=True)]
    by = [(f"{after}", arm.name, *kind_cells(row)) for after, arm, row in kinds(study, window)]
    if by:
        about += (
            " The second table has the goals of the window after, by kind: seconds of those that"
            " were reached, failures of all that were attempted."
        )
        parts.append(html.table(("around", "arm", *KIND_HEAD), by, 3, sortable=True))
    return html.section("Before and after", parts, about)
