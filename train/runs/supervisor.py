"""A run that goes on by itself: the process that learns is watched, and resumed when it is killed.

Only for a process that was killed or crashed by a signal (out of memory, kill -9, a fault in a
library): errors and Ctrl-C end the run as they do without it.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from ...stop_signals import run_child
from . import checkpoint_files

MARK = "SLEIGHT_SUPERVISED"
"""In the environment of the process that is watched, which must not watch another."""


def supervised() -> bool:
    """Whether this process is watched by another."""
    return MARK in os.environ


def supervise(words: Sequence[str], folder: Path, restarts: int) -> int:
    """Run `sleight train WORDS` up to 1 + `restarts` times; returns its exit code.

    words: of a run whose folder is `folder`, new or resumed.
    """
    for left in range(restarts, -1, -1):
        code, signals = _run(words)
        if code >= 0 or signals or not left:
            break
        name = signal.Signals(-code).name
        sys.stderr.write(f"{folder.name}: killed by {name}; going on, {left} times at most\n")
        if checkpoint_files.complete(folder / "checkpoints"):
            words = ["--resume", str(folder), *_flags(words)]
        else:  # nothing to go on from: the same from the start
            for file in ("config.yaml", "metrics.jsonl"):
                (folder / file).unlink(missing_ok=True)
    return code if code >= 0 else 128 - code


def _flags(words: Sequence[str]) -> Sequence[str]:
    """The fields that were given on the command line of a resumed run; a new one has saved them."""
    return words[2:] if words[:1] == ["--resume"] else []


def _run(words: Sequence[str]) -> tuple[int, bool]:
    """One process in a session of its own, which gets the signals that this one gets.

    Returns its exit code, and whether there were such signals: then it is not to go on.
    """
    command = [sys.executable, "-m", "sleight", "train", *words]
    return run_child(command, {**os.environ, MARK: "1"})
