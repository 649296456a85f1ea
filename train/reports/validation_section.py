"""The part of the run page about a validation set of hard cases."""

from __future__ import annotations

from dataclasses import replace

from ...pages import html
from ...pages.colours import BLUE, ORANGE
from ...pages.figure import Frame, Mark
from ...pages.show import pair, short
from ..analysis.dots import Dot, named_chart
from ..validation.set_result import CaseResult, SetResult

_TIED = "\N{NO-BREAK SPACE}"
_COLUMN = 56.0
"""Width of a case in the chart [px]."""


def validation_section(result: SetResult | None) -> str:
    """How many cases are passed, the mean of each, and a table; empty without a result."""
    if result is None:
        return ""
    key = html.key([("passed", BLUE, False), ("failed", ORANGE, False)])
    about = (
        "Hard cases: worlds and starts that a search found, each tried several times with other"
        f" goals and noise. A case is passed with a mean of {short(result.pass_mark)} successes or"
        " more, the dotted line; bars are 95 % intervals."
    )
    parts = [
        html.cards(_numbers(result)), key, html.charts([_chart(result)]),
        html.note(_beside(result)), _table(result),
    ]  # fmt: skip
    return html.section("Validation set", parts, about)


def _numbers(result: SetResult) -> list[tuple[str, str]]:
    numbers = [
        (f"{result.passes} of {len(result.cases)}", "cases passed"),
        (pair(result.mean, result.standard_error), "successes, mean of the cases ± standard error"),
    ]
    if against := result.against:
        names = ", ".join(name.replace(" ", _TIED) for name in against.regressions)
        numbers.append((str(len(against.regressions)), f"regressions{names and ': '}{names}"))
    return numbers


def _beside(result: SetResult) -> str:
    """What the numbers are to be compared with."""
    text = (
        f"Found with {result.found_by}, which has {result.explored_mean:.2f} successes in worlds of"
        " the same ranges that nothing had selected."
    )
    if against := result.against:
        mean = pair(against.mean, against.standard_error)
        text += (
            f" Before: {against.player}, which passed {against.passed}, with {mean} successes; a"
            " regression is a case that it passed and that is failed now, with fewer successes"
            " beyond chance (p below 0.05, adjusted for the number of cases)."
        )
    return text


def _chart(result: SetResult) -> str:
    dots = [
        Dot(
            index,
            # A mean of counts is not below zero, whatever Student's interval says.
            replace(case.estimate, low=max(0.0, case.estimate.low)),
            f"{case.name}: {case.estimate.text()}, {len(case.successes)} tries",
            BLUE if result.passed(case) else ORANGE,
        )
        for index, case in enumerate(result.cases)
    ]
    names = [case.name.removeprefix("case ") for case in result.cases]
    width = min(1040.0, max(338.0, _COLUMN * len(names)))
    frame = Frame("Successes in each case", "case", width=width, height=240,
                  marks=(Mark(0.0), Mark(result.pass_mark)))  # fmt: skip
    return named_chart(frame, names, dots)


def _table(result: SetResult) -> str:
    head = [
        "case",
        "farthest from nominal",
        "verdict",
        "successes",
        "found with",
        "drops",
        "timeouts",
    ]
    before = {change.name: change for change in result.against.changes} if result.against else {}
    if before:
        head += ["before", "p"]
    rows = []
    for case in result.cases:
        change = before.get(case.name)
        verdict = change.verdict if change else _verdict(result, case)
        row = [
            case.name, case.extremes, verdict,
            pair(case.mean, case.standard_error).replace(" ", _TIED),
            f"{case.found_with:.2f}", str(case.drops), str(case.timeouts),
        ]  # fmt: skip
        if before:
            row += [f"{change.before:.2f}" if change else "", _p(change.p if change else None)]
        rows.append(row)
    return html.table(head, rows, len(head) - 3, sortable=True)


def _verdict(result: SetResult, case: CaseResult) -> str:
    return "passed" if result.passed(case) else "failed"


def _p(value: float | None) -> str:
    return "" if value is None else f"{value:.2g}"
