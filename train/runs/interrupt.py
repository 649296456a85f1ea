"""Ctrl-C, SIGTERM and SIGHUP: the first lets the iteration finish, to be saved, the second stops at
once; a second hang-up does not, because one often comes twice.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING

from ...stop_signals import Stopped, heeded, ignore_hang_ups

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

_LINE = b"\nstopping after this iteration, which is then saved; Ctrl-C again stops at once\n"
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
            for number in heeded():
                self._before[number] = signal.getsignal(number)
                signal.signal(number, self._note)
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
        ignore_hang_ups()
        # A handler may run in the middle of a buffered write, which must not be entered again.
        with suppress(OSError):  # nobody reads any more
            os.write(2, _LINE)

    def _press_again(self, lost: UnraisableHookArgs, /) -> None:
        """A Ctrl-C in a finalizer is dropped by Python: let it come again, a moment later."""
        if issubclass(lost.exc_type, KeyboardInterrupt):
            again = signal.SIGTERM if isinstance(lost.exc_value, Stopped) else signal.SIGINT
            threading.Timer(_AGAIN_S, os.kill, (os.getpid(), again)).start()
        else:
            self._unraisable(lost)
