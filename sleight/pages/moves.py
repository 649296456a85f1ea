"""The moves of a plan for a Rubik's cube, trial by trial, from `result.json` of a run on a hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from . import html
from .show import show

Row = Mapping[str, Any]


def moves_section(result: Row) -> str:
    """A table per trial: each move, its time, and what became of it; empty without a plan."""
    trials = result.get("per_trial")
    tables = [
        part
        for index, trial in enumerate(trials if isinstance(trials, list) else [], 1)
        if isinstance(trial, dict) and isinstance(trial.get("plan"), dict)
        for part in (html.note(_heading(index, trial)), _table(trial))
    ]
    about = "Every goal of the plan, in order; a turn that went wrong leads to a new plan."
    return html.section("Moves", tables, about) if tables else ""


def _heading(index: int, trial: Row) -> str:
    plan = trial["plan"]
    text = f"Trial {index}: {show(plan.get('steps'))} of {show(plan.get('total'))} steps"
    wrong = plan.get("wrong")
    count = len(wrong) if isinstance(wrong, list) else 0
    text += f", {count} wrong" if count else ""
    return f"{text}; {ended(trial)}."


def ended(trial: Row) -> str:
    """How a trial ended, with the reason if it was cut."""
    return ": ".join(str(trial[key]) for key in ("ending", "reason") if trial.get(key))


def _table(trial: Row) -> str:
    head = ("", "move", "time", "what became of it")
    return html.table(head, list(_rows(trial)))


def _rows(trial: Row) -> Iterator[tuple[str, ...]]:
    goals = [goal for goal in trial.get("goals") or () if isinstance(goal, dict)]
    for index, goal in enumerate(goals, 1):
        what = "reached" if goal.get("reached") else str(goal.get("replaced") or ended(trial))
        yield str(index), str(goal.get("move", "")), show(goal.get("duration_s"), " s"), what
