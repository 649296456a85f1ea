"""One command line of `sleight` in a forked child: fast, and whatever happens there stays there."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

MOST_MEMORY = 12 << 30
MOST_FILE = 1 << 30
LATE = -1
"""The code of a command that was ended because it still ran."""


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    words: tuple[str, ...]
    code: int
    out: str
    err: str

    @property
    def late(self) -> bool:
        """Whether it still ran at the end of its time."""
        return self.code == LATE


def run(words: tuple[str, ...], folder: Path, limit_s: float) -> Outcome:
    """`sleight WORDS` with `folder` as its working directory; its streams go to files beside it."""
    out, err = folder.with_suffix(".out"), folder.with_suffix(".err")
    child = os.fork()
    if child == 0:
        _child(words, folder, out, err)
    status = _wait(child, limit_s)
    texts = (path.read_text(errors="replace") for path in (out, err))
    return Outcome(words, status, *texts)


def _child(words: tuple[str, ...], folder: Path, out: Path, err: Path) -> None:
    """Runs the command and ends this process."""
    code = 70
    with contextlib.suppress(BaseException):
        os.setsid()
        os.chdir(folder)
        for number, path in ((0, os.devnull), (1, out), (2, err)):
            flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            os.dup2(os.open(path, flags, 0o600), number)
        for stream, number in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
            setattr(sys, stream, os.fdopen(number, "r" if number == 0 else "w", closefd=False))
        os.environ.update(HOME=str(folder / "home"), TMPDIR=str(folder / "tmp"))
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
        resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_FILE, MOST_FILE))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        code = _code(words)
    with contextlib.suppress(BaseException):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _code(words: tuple[str, ...]) -> int:
    import traceback

    from sleight.cli import main

    try:
        return main(list(words))
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001  # as Python itself would show it
        traceback.print_exc()
        return 1


def _wait(child: int, limit_s: float) -> int:
    deadline = time.monotonic() + limit_s
    pause_s = 0.002
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            _end_group(child)
            return os.waitstatus_to_exitcode(status)
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, 0.05)
    _end_group(child)
    os.waitpid(child, 0)
    return LATE


def _end_group(child: int) -> None:
    """End the processes that the command started, too."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
