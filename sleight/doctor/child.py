"""Python code in a child process, which may fail in any way, also by a signal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from .. import __file__ as sleight_file

PACKAGES = Path(sleight_file).parent.parent


@dataclass(frozen=True)
class Outcome:
    """How a child process ended."""

    ok: bool
    lines: list[str]
    """What it wrote to stdout."""
    reason: str
    """Why it failed, in one line."""


def run(code: str, *arguments: str, timeout_s: float = 60.0, **environment: str) -> Outcome:
    """Run `python -c code`; the package can be imported there."""
    path = os.pathsep.join([str(PACKAGES), *filter(None, [os.environ.get("PYTHONPATH")])])
    try:
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env={**os.environ, "PYTHONPATH": path, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        return Outcome(False, _lines(late.stdout), f"no answer within {timeout_s:.0f} s")
    except OSError as error:
        return Outcome(False, [], f"python cannot be started: {error.strerror}")
    return Outcome(done.returncode == 0, _lines(done.stdout), _reason(done))


def _reason(done: subprocess.CompletedProcess[bytes]) -> str:
    if done.returncode < 0:
        return f"ended by {signal.Signals(-done.returncode).name}"
    lines = [line for line in _lines(done.stderr) if line[:1].strip()]
    return lines[-1][:300] if lines else f"ended with exit code {done.returncode}"


def _lines(raw: bytes | None) -> list[str]:
    return (raw or b"").decode(errors="replace").splitlines()
