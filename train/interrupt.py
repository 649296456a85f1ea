"""Ctrl-C: the first lets the iteration finish so that it can be saved, the second stops at once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType

_LINE = b"\nstopping after this iteration, which is then saved; Ctrl-C again stops at once\n"


class Interrupt:
    """`with Interrupt() as stop: ... if stop(): break`.

    Does nothing outside the main thread, and where the signal is ignored (a shell's background).
    """

    def __init__(self) -> None:
        self.asked = False
        self._restore: Callable[[], object] = lambda: None

    def __call__(self) -> bool:
        return self.asked

    def __enter__(self) -> Interrupt:
        before = signal.getsignal(signal.SIGINT)
        main = threading.current_thread() is threading.main_thread()
        if main and callable(before):
            signal.signal(signal.SIGINT, self._note)
            self._restore = lambda: signal.signal(signal.SIGINT, before)
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        self._restore()
        # A handler may run in the middle of a buffered write, which must not be entered again.
        os.write(2, _LINE)
