"""`sleight doctor`: prints one table of what was found, what to expect here, and a summary."""

from __future__ import annotations

import argparse
import shutil
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..files import check_file, write_json
from ..flags import Parser
from . import expect, packages, rendering, services, system
from .expect import Expectation, duration
from .finding import WRONG, Finding, State

LOOKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    packages.look, system.look, rendering.look, services.look
)  # fmt: skip
COLOURS = {State.OK: "green", State.OPTIONAL: "dim", State.LIMITED: "yellow"}


def doctor(argv: list[str]) -> int:
    """Check this machine: what is installed, what works, and how long training will take here."""
    parser = _parser()
    parsed = parser.parse_args(argv)
    if parsed.json:
        check_file(parsed.json)
    findings = [finding for look in LOOKS for finding in look()]
    expected = Expectation() if parsed.quick else expect.measure()
    if parsed.json:
        write_json(parsed.json, data(findings, expected))
    _show(findings)
    if not parsed.quick:
        print("\n".join(["", *_expectation(expected)]))
    print("\n".join(["", *summary(findings)]))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="sleight doctor", description=doctor.__doc__)
    parser.add_argument("--quick", action="store_true", help="measure nothing (default: 10 s)")
    parser.add_argument("--json", type=Path, help="also write everything to this JSON file")
    return parser


def data(findings: list[Finding], expected: Expectation) -> dict[str, Any]:
    """What `--json` writes."""
    return {
        "findings": [asdict(finding) for finding in findings],
        "expected": asdict(expected),
        "summary": summary(findings),
    }


def summary(findings: list[Finding]) -> list[str]:
    """What is missing, for what; and what is optional."""
    wrong = [f for f in findings if f.state in WRONG]
    lines = [f"{f.state}: {f.name}, for {f.needed_for or 'every command'}" for f in wrong]
    optional = [f.name for f in findings if f.state is State.OPTIONAL]
    if optional:
        lines.append(f"optional, not in use: {', '.join(optional)}")
    return lines if wrong else ["nothing is missing", *lines]


def _show(findings: list[Finding]) -> None:
    try:
        from rich import box
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text
    except ImportError:
        _show_plain(findings)
        return
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for title in ("", "what", "state", "found; how to mend it"):
        table.add_column(title, overflow="fold")
    area = ""
    for f in findings:
        text = Text(f.text)
        if f.fix and f.state is not State.OK:
            text.append(f"\n-> {f.fix}", style="cyan")
        title = f.area if f.area != area else ""
        area = f.area
        state = Text(f.state, style=COLOURS.get(f.state, "red"))
        table.add_row(Text(title), Text(f.name), state, text)
    Console().print(table)


def _show_plain(findings: list[Finding]) -> None:
    """Without rich, whose absence is among the findings."""
    width = shutil.get_terminal_size().columns
    for f in findings:
        text = f"{f.area}  {f.name}  {f.state}  {f.text}"
        print(textwrap.fill(text, width, subsequent_indent="    ", break_on_hyphens=False))
        if f.fix and f.state is not State.OK:
            print(f"    -> {f.fix}")


def _expectation(expected: Expectation) -> Iterator[str]:
    yield "what to expect here" + (f" ({expected.trouble})" if expected.trouble else "")
    simulated = expected.simulation
    if simulated:
        yield (
            f"  simulation: {simulated['steps_per_s']:,.0f} control steps/s with"
            f" --env.num_worlds {simulated['worlds']} --env.threads {simulated['threads']}"
        )
    for memory, name in (("lstm", "LSTM"), ("none", "feed-forward")):
        if memory in expected.training:
            yield f"  training, {name}: {expected.training[memory]:,.0f} control steps/s"
    if expected.recipes:
        yield "  recipe                      control steps  as it is  --policy.memory none"
    for recipe in expected.recipes:
        times = duration(recipe["seconds"]), duration(recipe["seconds_without_memory"])
        yield f"  {recipe['name']:<26} {recipe['steps']:>14,}  {times[0]:>8}  {times[1]:>8}"
