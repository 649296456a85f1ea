"""One row of the table: what was looked at, what was found, and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Of something that was looked at."""

    OK = "ok"
    MISSING = "missing"
    BROKEN = "broken"
    LIMITED = "limited"
    OPTIONAL = "optional"
    """Not there, and only some commands need it."""


WRONG = (State.MISSING, State.BROKEN, State.LIMITED)


@dataclass(frozen=True)
class Finding:
    """One row of the table."""

    area: str
    name: str
    state: State
    text: str
    fix: str = ""
    """The package to install, or the command to run."""
    needed_for: str = ""
    """What does not work, or works worse, without it."""
