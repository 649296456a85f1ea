"""The operator's stop: a button, a key or another program, on a thread that does nothing else.

- `evdev`: a Linux input device (a USB button is a keyboard to the kernel): any key that goes down.
- `pipe`: a FIFO that another program writes to: any byte, or its end, so that a program that dies
  stops the hand, too.
- `keyboard`: the terminal that the run was started from: the space bar.

An input that vanishes (a button unplugged) is a stop as well. It is a program's stop: behind it
must be the switch of the hand's power supply. No real button was ever connected to this code.
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

EVENT = struct.Struct("@llHHi")
"""Linux's input_event: seconds, microseconds, type, code, value (linux/input.h)."""
EV_KEY = 1
PRESSED = 1
WAKE_S = 0.1


@dataclass(frozen=True)
class EstopConfig:
    """Where the operator's stop comes from."""

    kind: Literal["none", "evdev", "pipe", "keyboard"] = "none"
    """A Linux input device, a FIFO, the space bar of this terminal, or nothing."""
    device: Path | None = None
    """evdev: such as /dev/input/by-id/...; pipe: the FIFO."""

    def __post_init__(self) -> None:
        needed = self.kind in ("evdev", "pipe")
        if needed != (self.device is not None):
            allowed = "a path" if needed else "none"
            raise ConfigError(
                f"estop.device: got {self.device}, allowed: {allowed} for {self.kind}"
            )


@contextmanager
def watch_estop(config: EstopConfig, stop: Callable[[str], None]) -> Iterator[None]:
    """Call `stop(reason)` once, from a thread, when the operator asks for it, while in the block.

    Raises ConfigError before the block when the input cannot be read.
    """
    if config.kind == "none":
        yield
        return
    with _opened(config) as descriptor:
        done = threading.Event()
        asks = {"evdev": _pressed, "pipe": _said, "keyboard": _space}[config.kind]
        where = str(config.device or "keyboard")

        def run() -> None:
            reason = _wait(descriptor, asks, done)
            if reason:
                stop(f"emergency stop: {where}: {reason}")

        thread = threading.Thread(target=run, name="emergency stop", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def _wait(descriptor: int, asks: Callable[[bytes], str], done: threading.Event) -> str:
    """Until the input asks for a stop, or has ended; empty when `done` came first."""
    while not done.is_set():
        ready, _, _ = select.select([descriptor], [], [], WAKE_S)
        if not ready:
            continue
        try:
            data = os.read(descriptor, 64 * EVENT.size)
        except OSError as error:
            return f"it is gone ({error.strerror})"
        if not data:
            return "it has ended"
        if reason := asks(data):
            return reason
    return ""


def _pressed(data: bytes) -> str:
    whole = len(data) // EVENT.size * EVENT.size
    events = EVENT.iter_unpack(data[:whole])
    down = any(kind == EV_KEY and value == PRESSED for _, _, kind, _, value in events)
    return "pressed" if down else ""


def _said(data: bytes) -> str:
    return "asked for"


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
    """Keys at once, not lines; Ctrl-C stays what it is. The terminal is put back at the end."""
    if not sys.stdin.isatty():
        raise ConfigError("estop.kind: got keyboard, allowed: on a terminal only")
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor)
    try:
        yield descriptor
    finally:
        with contextlib.suppress(termios.error):  # the terminal may be the thing that has gone
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
