"""The errors that reach a user: each is one line and has an exit code."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SleightError(Exception):
    """Base of the package's own errors; the message is one line and says what is allowed."""

    exit_code = 2


class ConfigError(SleightError):
    """A config file or flag: unknown field, wrong type, value out of range."""


class CheckpointError(SleightError):
    """A checkpoint that is missing, truncated, or belongs to another policy."""


class BundleError(SleightError):
    """A bundle that is incomplete, modified, or made for another hand."""


class DataError(SleightError):
    """A data file (log, state, image, result) with invalid contents."""


class ConnectError(SleightError):
    """The hand, a camera or a port could not be reached."""

    exit_code = 3


class SafetyStop(SleightError):
    """The safety gate stopped the hand."""

    exit_code = 4


MOST_NAMES = 24
"""A hint lists the names only up to this many; a longer list would hide the nearest one."""


def nearest(name: str, names: Iterable[str]) -> str:
    """A hint for a misspelt name: the nearest valid name, if any, and the available names."""
    names = list(names)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if not close:
        return f"available: {', '.join(names) or 'none'}"
    hint = f"did you mean '{close[0]}'?"
    return hint if len(names) > MOST_NAMES else f"{hint} available: {', '.join(names)}"
