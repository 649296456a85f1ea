"""Recordings of targets and joint angles of a hand, from a log of a rig or from a CSV file."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..errors import DataError, nearest
from .hand_spec import HandSpec
from .spreadsheet import read_table

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
    """Read a table with one row per turn and columns for each joint and motor (spreadsheet.py).

    The columns are `time_s`, `position.JOINT` and `target.MOTOR`; optional are `effort.MOTOR`, and
    `command_s` if targets are sent at other times than the angles are measured. Names may have a
    prefix, as in `position.rh_FFJ3`. The hand interpolates to a target over the time between two
    targets, or jumps if `at_once`. Raises DataError for a missing or unknown column, or a cell that
    is not a number.
    """
    table = read_table(path)
    head = _without_prefix(path, table.names, spec)
    table = replace(table, names=head)
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
    state_s = table.take(["time_s"])[:, 0]
    command_s = table.take(["command_s"])[:, 0] if "command_s" in head else state_s
    period_s = 0.0 if at_once or len(command_s) < FEWEST else float(np.median(np.diff(command_s)))
    effort = table.take_if_complete(efforts) if has_effort else None
    target = table.take(_columns("target", spec.actuators))
    position = table.take(_columns("position", spec.joints))
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


def _without_prefix(path: Path, head: list[str], spec: HandSpec) -> list[str]:
    """Names without what ROS puts before those of joints and motors, such as `rh_`."""
    found = {what: _prefix(head, what, spec) for what in ("position", "target", "effort")}
    if left := next((p for p in found.values() if p.startswith("lh")), ""):
        raise DataError(f"{path}: columns: got the prefix '{left}', allowed: a right hand's")
    return [
        f"{what}.{rest.removeprefix(found.get(what, ''))}" if rest else what
        for what, _, rest in (column.partition(".") for column in head)
    ]


def _prefix(head: list[str], what: str, spec: HandSpec) -> str:
    """What stands before the name of a joint or motor in every column `what.NAME`."""
    rests = [column.partition(".")[2] for column in head if column.startswith(f"{what}.")]
    known = {*spec.joints, *spec.actuators}
    prefixes = {rest.removesuffix(name) for rest in rests for name in known if rest.endswith(name)}
    one = prefixes.pop() if len(prefixes) == 1 else ""
    return one if all(rest.startswith(one) for rest in rests) else ""
