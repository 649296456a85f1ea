"""The signals that ask a program to end."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

STOPS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
"""Ctrl-C; what a scheduler sends before it takes a machine away; a terminal that hangs up."""
HANGS_UP = getattr(signal, "SIGHUP", None)


def heeded() -> list[signal.Signals]:
    """Those that are not ignored: a shell's background ignores SIGINT, `nohup` SIGHUP."""
    ignored = (None, signal.SIG_IGN)  # None: not Python's to give back
    return [number for number in STOPS if signal.getsignal(number) not in ignored]


class Stopped(KeyboardInterrupt):
    """SIGTERM or SIGHUP, where nothing else handles it: the command unwinds as after Ctrl-C."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


@contextmanager
def stops_unwind() -> Iterator[None]:
    """SIGTERM and SIGHUP raise `Stopped`, so that a command removes what is half done."""

    def stop(number: int, frame: FrameType | None) -> None:
        ignore_hang_ups()
        raise Stopped(number)

    before = {}
    for number in heeded():
        if number != signal.SIGINT:
            with suppress(ValueError):  # not the main thread
                before[number] = signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def ignore_hang_ups() -> None:
    """A hang-up comes twice, from the kernel and from the shell, and after SIGTERM from systemd:
    the second is not the wish to end at once that a second Ctrl-C is."""
    if HANGS_UP is not None:
        signal.signal(HANGS_UP, signal.SIG_IGN)


@contextmanager
def children_outlive_hang_ups() -> Iterator[None]:
    """Processes that are started here do not get SIGHUP: a terminal sends it to a whole group, and
    workers are needed until their parent has saved."""
    if HANGS_UP is None:
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {HANGS_UP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def run_child(command: Sequence[str], env: Mapping[str, str] | None = None) -> tuple[int, bool]:
    """Run a command that gets the signals which this process gets, and wait for its end.

    It has a session of its own: a terminal sends its signals to a whole group, and the child must
    get each once. Returns its exit code, and whether there were such signals.
    """
    signals: list[int] = []
    child: subprocess.Popen[bytes] | None = None

    def hand_on(number: int, frame: FrameType | None) -> None:
        signals.append(number)
        if child is not None:
            child.send_signal(number)

    before = {number: signal.signal(number, hand_on) for number in heeded()}
    try:
        child = subprocess.Popen(command, env=env, start_new_session=True)
        if signals:  # while it was being started
            child.send_signal(signals[0])
        return child.wait(), bool(signals)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
