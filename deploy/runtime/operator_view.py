"""The progress view of a run on a hand: a panel on a terminal, a line every 10 s otherwise."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

LINE_S = 10.0
PANEL_HZ = 4.0
_COLOURS = {"armed": "green", "hold": "yellow", "stopped": "red"}
_KEYS = "Ctrl-C: hold and end; again: end at once"


@dataclass(frozen=True)
class Progress:
    """The state of a run, for the view."""

    rig: str = ""
    seconds: float = 0.0
    trials_done: int = 0
    trials: int = 0
    successes: int = 0
    """Successes of all trials so far."""
    in_trial: int = 0
    """Successes of the present trial."""
    goal_s: float = 0.0
    to_go: str = ""
    """Remaining distance to the goal, with its unit; empty between trials."""
    phase: str = ""
    gate: str = ""
    reason: str = ""
    """Why the gate holds."""
    ticks: int = 0
    late_ticks: int = 0
    """Late turns among the last hundred."""
    lateness_s: float = 0.0
    hand_age_s: float | None = None
    pose_age_s: float | None = None
    holds: int = 0
    gate_hits: Counter[str] = field(default_factory=Counter)
    hottest: tuple[str, float] | None = None
    """The hottest motor [degrees Celsius]; None if the hand reports no temperatures."""
    warn_c: float = float("inf")
    """Temperature from which the view shows a warning [degrees Celsius]."""


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Rich would end the program here; a run on a hand goes on without its view."""
        self.quiet = True


class View:
    """A context manager that owns the terminal; call it at each turn with the progress."""

    def __init__(self, stream: TextIO) -> None:
        self._console = _Console(file=stream, highlight=False)
        self._live: Live | None = None
        self._newest: Progress | None = None
        self._next_s = 0.0

    def __enter__(self) -> View:
        if self._console.is_terminal:
            # A separate thread draws, so that a slow terminal does not delay a turn.
            self._live = Live(
                get_renderable=self._panel,
                console=self._console,
                refresh_per_second=PANEL_HZ,
                transient=True,
            )
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            with contextlib.suppress(OSError):  # the terminal is gone
                self._live.stop()

    def __call__(self, at: Progress) -> None:
        self._newest = at
        now_s = time.monotonic()
        if self._live is None and now_s >= self._next_s:
            self._next_s = now_s + LINE_S
            try:
                self._console.print(line(at), soft_wrap=True)
            except OSError:  # a full disk, a terminal that is gone
                self._console.quiet = True

    def _panel(self) -> Panel | Text:
        return panel(self._newest) if self._newest else Text("connecting")


def line(at: Progress) -> str:
    """The progress as one line of text."""
    return (
        f"{at.seconds:6.1f} s  trial {min(at.trials_done + 1, at.trials)}/{at.trials}"
        f"  {at.phase:6}  successes {at.successes}  goal {at.goal_s:4.1f} s  hand {at.gate}"
        f"  late {at.late_ticks}/{min(at.ticks, 100)}  gate hits {at.gate_hits.total()}"
        + (f"  HOT {_warmth(at)}" if at.hottest and at.hottest[1] >= at.warn_c else "")
    )


def panel(at: Progress) -> Panel:
    """The progress as a panel, with ages, the goal, and the motors that the gate limited."""
    colour = _COLOURS.get(at.gate, "white")
    state = Text(at.gate.upper(), style=f"bold {colour}")
    if at.reason:
        state.append(f"  {at.reason}", style=colour)
    table = Table.grid(padding=(0, 3))
    for _ in range(2):
        table.add_column(style="dim")
        table.add_column(min_width=24)
    goal = f"{at.to_go} to go, {at.goal_s:.1f} s" if at.to_go else ""
    table.add_row("trial", f"{min(at.trials_done + 1, at.trials)} of {at.trials}, {at.phase}",
                  "joint state", _age(at.hand_age_s))  # fmt: skip
    table.add_row("successes", f"{at.in_trial} in this trial, {at.successes} in all",
                  "pose", _age(at.pose_age_s))  # fmt: skip
    table.add_row("goal", goal, "lateness", f"{1e3 * at.lateness_s:.1f} ms")
    table.add_row("time", f"{at.seconds:.0f} s, {at.ticks} turns", "late, holds",
                  f"{at.late_ticks} of {min(at.ticks, 100)}, {at.holds}")  # fmt: skip
    table.add_row("", "", "hottest motor", _warmth(at))
    hits = ", ".join(f"{name} {count}" for name, count in at.gate_hits.most_common(4))
    gate = Text(f"gate hits {at.gate_hits.total()}  {hits}", style="dim", overflow="ellipsis")
    body = Group(state, table, gate)
    return Panel(body, title=at.rig, subtitle=_KEYS, title_align="left", width=96)


def _warmth(at: Progress) -> Text:
    if at.hottest is None:
        return Text("not reported", style="dim")
    name, value_c = at.hottest
    return Text(f"{name} {value_c:.0f} C", style="bold red" if value_c >= at.warn_c else "")


def _age(seconds: float | None) -> str:
    return "none" if seconds is None else f"{1e3 * seconds:.0f} ms old"
