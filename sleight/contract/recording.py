"""Recordings of targets and joint angles of a hand, from a log of a rig or from a CSV file."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import DataError, nearest
from ..files import read_text
from .hand_spec import HandSpec

FEWEST = 50
"""Fewest turns of a recording; fewer do not determine the parameters."""


@dataclass(frozen=True)
class Recording:
    """T turns (control steps) of a hand with J joints and A motors, in the order of its spec."""

    source: str
    period_s: float
    """Time over which the hand interpolates to a target."""
    command_s: np.ndarray
    """(T,) time at which each target was sent."""
    target: np.ndarray
    """(T, A) rad."""
    state_s: np.ndarray
    """(T,) time at which the angles were measured, on the same clock."""
    position: np.ndarray
    """(T, J) rad."""
    effort: np.ndarray | None = None
    """(T, A) Nm on the control positions; None if it was not measured."""

    def __post_init__(self) -> None:
        """Raise DataError for too few turns, numbers that are not finite, or decreasing times."""
        turns = len(self.command_s)
        if turns < FEWEST:
            raise DataError(f"{self.source}: got {turns} turns, allowed: {FEWEST} or more")
        for what in ("command_s", "target", "state_s", "position", "effort"):
            values = getattr(self, what)
            if values is not None and not np.isfinite(values).all():
                raise DataError(f"{self.source}: {what}: got a number that is not finite")
        for what in ("command_s", "state_s"):
            if (np.diff(getattr(self, what)) <= 0).any():
                raise DataError(f"{self.source}: {what}: got times that do not rise")


def read_csv(path: Path, spec: HandSpec, at_once: bool = False) -> Recording:
    """Read a CSV table with one row per turn and columns for each joint and motor.

    The columns are `time_s`, `position.JOINT` and `target.MOTOR`; optional are `effort.MOTOR`, and
    `command_s` if targets are sent at other times than the angles are measured. The hand
    interpolates to a target over the time between two targets, or jumps if `at_once`. Raises
    DataError for a missing or unknown column, or a cell that is not a number.
    """
    rows = list(csv.reader(io.StringIO(read_text(path))))
    head = rows[0] if rows else []
    required = ["time_s", *_columns("position", spec.joints), *_columns("target", spec.actuators)]
    efforts = _columns("effort", spec.actuators)
    known = [*required, "command_s", *efforts]
    for name in head:
        if name not in known or head.count(name) > 1:
            why = "twice" if name in known else nearest(name, known)
            raise DataError(f"{path}: column '{name}', {why}")
    has_effort = any(name in head for name in efforts)
    if missing := [n for n in (*required, *(efforts if has_effort else [])) if n not in head]:
        raise DataError(
            f"{path}: got no column {missing[0]}, allowed: one for each joint and motor"
        )
    table = _numbers(path, rows[1:], len(head))

    def take(names: list[str]) -> np.ndarray:
        return table[:, [head.index(name) for name in names]]

    state_s = take(["time_s"])[:, 0]
    command_s = take(["command_s"])[:, 0] if "command_s" in head else state_s
    period_s = 0.0 if at_once or len(command_s) < FEWEST else float(np.median(np.diff(command_s)))
    effort = take(efforts) if has_effort else None
    target = take(_columns("target", spec.actuators))
    position = take(_columns("position", spec.joints))
    return Recording(str(path), period_s, command_s, target, state_s, position, effort)


def write_csv(recording: Recording, spec: HandSpec) -> str:
    """The recording as a table that `read_csv` reads."""
    names = ["time_s", "command_s", *_columns("position", spec.joints)]
    names += _columns("target", spec.actuators)
    parts = [recording.state_s[:, None], recording.command_s[:, None], recording.position]
    parts.append(recording.target)
    if recording.effort is not None:
        names += _columns("effort", spec.actuators)
        parts.append(recording.effort)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(np.concatenate(parts, axis=1).tolist())
    return out.getvalue()


def _columns(what: str, names: tuple[str, ...]) -> list[str]:
    return [f"{what}.{name}" for name in names]


def _numbers(path: Path, rows: list[list[str]], width: int) -> np.ndarray:
    for number, row in enumerate(rows, 2):
        if len(row) != width:
            raise DataError(f"{path}: line {number}: got {len(row)} cells, allowed: {width}")
    try:
        return np.array(rows, dtype=np.float64).reshape(-1, width)
    except ValueError as error:
        raise DataError(f"{path}: {error}, allowed: numbers") from error
