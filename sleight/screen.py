"""The standard streams of the program: what cannot be shown never stops the work.

A reader that leaves (`| head`), a full disk behind `>`, a terminal that is gone and letters that
the terminal cannot show are all met here. `Screen.lost` then says so to whoever ends the program.
"""

from __future__ import annotations

import codecs
import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast

UNSHOWN = 5
"""Exit code of a command that is done, but whose output could not be shown."""
_ERRORS = "sleight.show"


def _show(error: UnicodeError) -> tuple[str | bytes, int]:
    """A byte of a file's name as it is; another letter that cannot be shown as its number."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    with suppress(UnicodeEncodeError):
        return text.encode("ascii", "surrogateescape"), error.end
    return text.encode("ascii", "backslashreplace").decode("ascii"), error.end


codecs.register_error(_ERRORS, _show)


class Screen:
    """A text stream whose `write` and `flush` do not fail; other attributes are the stream's."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.lost: OSError | None = None
        """Why something was not written; None: everything was."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write, unless something was lost before: half a line is worse than none."""
        if self.lost is None:
            try:
                self._stream.write(text)
            except OSError as error:
                self.lost = error
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write each line."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Flush; what was buffered may be lost only now."""
        if self.lost is None:
            try:
                self._stream.flush()
            except OSError as error:
                self.lost = error

    @property
    def reader_left(self) -> bool:
        """Whether it is a pipe whose reader has closed it."""
        return self.lost is not None and self.lost.errno == errno.EPIPE

    def close_lost(self) -> None:
        """After a loss: what is still buffered goes nowhere, so that the end of Python is quiet."""
        if self.lost is not None:
            with suppress(OSError, ValueError), open(os.devnull, "wb") as nothing:
                os.dup2(nothing.fileno(), self._stream.fileno())


@contextmanager
def safe_screens() -> Iterator[tuple[Screen, Screen]]:
    """Replace stdout and stderr by `Screen`s of them for the time of a command."""
    _open_closed()
    before = sys.stdout, sys.stderr
    screens = _screen(sys.stdout), _screen(sys.stderr)
    sys.stdout, sys.stderr = cast(tuple[TextIO, TextIO], screens)
    try:
        yield screens
    finally:
        for screen in screens:
            screen.flush()
        sys.stdout, sys.stderr = before
        for screen in screens:
            screen.close_lost()


def _open_closed() -> None:
    """Open streams that the caller has closed (`>&-`), or the first file opened takes the number,
    and libraries write their messages into it."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115


def _screen(stream: TextIO) -> Screen:
    if isinstance(stream, Screen):
        stream = stream._stream
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors=_ERRORS)
    return Screen(stream)
