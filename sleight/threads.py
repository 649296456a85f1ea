"""Threads and foreign code whose failures are seen, instead of a thread that dies silently.

This module needs only Python 3.8 and the standard library: it also runs beside a hand.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from pathlib import Path

from .errors import SleightError


def describe(error: BaseException) -> str:
    """An error as one line: our own by their message, others with their type and place."""
    text = " ".join(str(error).split())
    if isinstance(error, SleightError):
        return text
    steps = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(steps[-1].filename).name}:{steps[-1].lineno})" if steps else ""
    return f"{type(error).__name__}: {text}{where}" if text else f"{type(error).__name__}{where}"


def attempt(call: Callable[[], object]) -> BaseException | None:
    """Run `call`, which may be a plug-in's code; returns what it raised, None if nothing.

    This is the one place where every error is caught, except a KeyboardInterrupt. It is for code
    that must go on whatever happens: a watchdog, an emergency stop, the end of a thread.
    """
    try:
        call()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - plug-ins and OpenCV raise anything
        return error
    return None


class WatchedThread(threading.Thread):
    """A daemon thread that says why it died.

    If `work` raises, `failure` becomes one line and `died(failure)` is called on this thread, to
    wake those who wait for it; they raise it as an error of theirs.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], object],
        died: Callable[[str], object] = lambda failure: None,
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._work, self._died = work, died
        self.failure = ""
        """Why the thread died; empty while it runs and after a regular end."""

    def run(self) -> None:
        """Run the work; on the thread."""
        error = attempt(self._work)
        if error is not None:
            self.failure = f"the thread '{self.name}' died: {describe(error)}"
            self._died(self.failure)
