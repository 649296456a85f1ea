"""Ctrl-C and SIGTERM: the first lets the iteration finish, to be saved, the second stops at once.

SIGTERM is what a cluster's scheduler sends before it takes a machine away.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

_LINE = b"\nstopping after this iteration, which is then saved; Ctrl-C again stops at once\n"
SIGNALS = (signal.SIGINT, signal.SIGTERM)
_AGAIN_S = 0.05


class Interrupt:
    """`with Interrupt() as stop: ... if stop(): break`.

    Does nothing outside the main thread, nor with a signal that is ignored (SIGINT in a shell's
    background).
    """

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[signal.Signals, signal._HANDLER] = {}
        self._unraisable = sys.unraisablehook

    def __call__(self) -> bool:
        return self.asked

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                before = signal.getsignal(number)
                if before not in (None, signal.SIG_IGN):  # None: not Python's to give back
                    signal.signal(number, self._note)
                    self._before[number] = before
            self._unraisable, sys.unraisablehook = sys.unraisablehook, self._press_again
        return self

    def __exit__(self, *_: object) -> None:
        if threading.current_thread() is threading.main_thread():
            sys.unraisablehook = self._unraisable
        self._restore()

    def _restore(self) -> None:
        while self._before:
            signal.signal(*self._before.popitem())

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        self._restore()
        # A handler may run in the middle of a buffered write, which must not be entered again.
        os.write(2, _LINE)

    def _press_again(self, lost: UnraisableHookArgs, /) -> None:
        """A Ctrl-C in a finalizer is dropped by Python: let it come again, a moment later."""
        if lost.exc_type is KeyboardInterrupt:
            threading.Timer(_AGAIN_S, os.kill, (os.getpid(), signal.SIGINT)).start()
        else:
            self._unraisable(lost)
