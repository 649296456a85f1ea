"""The operator's emergency stop: a button, a key or another program, watched by its own thread.

- `evdev`: a Linux input device (a USB button is a keyboard to the kernel). Any key press stops.
- `pipe`: a FIFO that another program writes to. Any byte stops, and so does the end of the FIFO:
  a program that dies stops the hand.
- `keyboard`: the terminal of the run. The space bar stops.

An input that disappears (an unplugged button) also stops the hand. This is a stop in software; a
switch in the hand's power supply must back it up. No real button was ever connected to this code.
"""

from __future__ import annotations

import contextlib
import os
import select
import stat
import struct
import sys
import termios
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ...errors import ConfigError
from ...threads import WatchedThread

EVENT = struct.Struct("@llHHi")
"""Linux's input_event: seconds, microseconds, type, code, value (linux/input.h)."""
EV_KEY = 1
PRESSED = 1
WAKE_S = 0.1


@dataclass(frozen=True)
class EstopConfig:
    """Source of the operator's emergency stop."""

    kind: Literal["none", "evdev", "pipe", "keyboard"] = "none"
    """evdev: a Linux input device; pipe: a FIFO; keyboard: the space bar of this terminal."""
    device: Path | None = None
    """evdev: path of the device, such as /dev/input/by-id/...; pipe: path of the FIFO."""

    def __post_init__(self) -> None:
        needed = self.kind in ("evdev", "pipe")
        if needed != (self.device is not None):
            allowed = "a path" if needed else "none"
            raise ConfigError(
                f"estop.device: got {self.device}, allowed: {allowed} for {self.kind}"
            )


@contextmanager
def watch_estop(config: EstopConfig, stop: Callable[[str], None]) -> Iterator[None]:
    """While in the block, call `stop(reason)` once, from a thread, when the operator stops.

    Raises ConfigError before the block if the input cannot be read.
    """
    if config.kind == "none":
        yield
        return
    with _opened(config) as descriptor:
        done = threading.Event()
        detect = {"evdev": _key_press, "pipe": _any_byte, "keyboard": _space}[config.kind]
        where = str(config.device or "keyboard")

        def run() -> None:
            reason = _wait(descriptor, detect, done)
            if reason:
                stop(f"emergency stop: {where}: {reason}")

        # An input that is not watched any more must stop the hand, whatever ended the watch.
        thread = WatchedThread("emergency stop", run, stop)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def _wait(descriptor: int, detect: Callable[[bytes], str], done: threading.Event) -> str:
    """Wait for a stop or the end of the input; returns the reason, or "" once `done` is set."""
    while not done.is_set():
        ready, _, _ = select.select([descriptor], [], [], WAKE_S)
        if not ready:
            continue
        try:
            data = os.read(descriptor, 64 * EVENT.size)
        except OSError as error:
            return f"the device is gone ({error.strerror})"
        if not data:
            return "the input has ended"
        if reason := detect(data):
            return reason
    return ""


def _key_press(data: bytes) -> str:
    whole = len(data) // EVENT.size * EVENT.size
    events = EVENT.iter_unpack(data[:whole])
    pressed = any(kind == EV_KEY and value == PRESSED for _, _, kind, _, value in events)
    return "pressed" if pressed else ""


def _any_byte(data: bytes) -> str:
    return "requested"


def _space(data: bytes) -> str:
    return "space" if b" " in data else ""


@contextmanager
def _opened(config: EstopConfig) -> Iterator[int]:
    if config.kind == "keyboard":
        with _raw_terminal() as descriptor:
            yield descriptor
        return
    assert config.device is not None
    try:
        descriptor = os.open(config.device, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        raise ConfigError(f"estop.device: {config.device}: {error.strerror}") from error
    try:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ConfigError(f"estop.device: got the file {config.device}, allowed: {config.kind}")
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _raw_terminal() -> Iterator[int]:
    """The terminal in a mode without line buffering; Ctrl-C still works. Restored at the end."""
    if not sys.stdin.isatty():
        raise ConfigError("estop.kind: got keyboard, allowed: on a terminal only")
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor)
    try:
        yield descriptor
    finally:
        with contextlib.suppress(termios.error):  # the terminal itself may be gone
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
