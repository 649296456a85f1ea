"""One run of a sweep: `sleight train` in a process of its own, which outlives the sweep."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from ... import __file__ as sleight_file
from ...errors import SleightError
from ...files import read_text
from ..reports.run_data import series
from ..runs import checkpoint
from ..runs.folder_lock import FolderLock, holder
from ..runs.metrics import read_metrics

TAIL = 0.1
"""Of the steps so far: a score is the mean over the metric's last so many."""
PATIENCE_S = 60.0
"""For a run that was asked to stop; then it is killed."""
LOGS = "logs"
PACKAGE_ROOT = Path(sleight_file).resolve().parent.parent


class Trial:
    """A run folder below the sweep's, and the process that works on it if there is one.

    The process holds the lock logs/NAME.lock, which it inherits. A sweep that was killed finds it
    held and waits for the process instead of beginning a second.
    """

    def __init__(self, sweep: Path, name: str) -> None:
        self.sweep, self.name = sweep, name
        self.folder = sweep / name
        self.log = sweep / LOGS / f"{name}.txt"
        self._process: subprocess.Popen[bytes] | None = None
        self._asked: float | None = None

    def start(self, words: list[str], threads: int = 0) -> None:
        """Begin the run, or go on with it: `words` are those of a new one."""
        self._asked = None
        if checkpoint.complete(self.folder / "checkpoints"):
            rest = [w for w in words if w.startswith(("--pause_steps=", "--steps="))]
            words = ["train", "--resume", str(self.folder), *rest]
        else:
            shutil.rmtree(self.folder, ignore_errors=True)  # of a run that was killed at its start
        self._launch(words, threads)

    def go_on(self, words: list[str], threads: int = 0) -> None:
        """Go on from the newest checkpoint, with other fields."""
        self._asked = None
        self._launch(["train", "--resume", str(self.folder), *words], threads)

    def _launch(self, words: list[str], threads: int) -> None:
        lock = FolderLock(self.log.parent, f"{self.name}.lock")
        lock.note(0)  # nobody yet whom one could ask to stop
        try:
            with self.log.open("ab") as log:
                log.write(f"$ sleight {shlex.join(words)}\n".encode())
                log.flush()
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "sleight", *words],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    pass_fds=(lock.descriptor,),
                    env=_environment(self.sweep.name, threads),
                    # Ctrl-C is for the sweep, which then asks each run once.
                    start_new_session=True,
                    preexec_fn=_interruptible,
                )
            lock.note(self._process.pid)
        except OSError as error:
            raise SleightError(f"{self.log}: cannot be started: {error.strerror}") from error
        finally:
            lock.close()

    def running(self) -> bool:
        """Whether a process works on it, this sweep's or that of one that was killed."""
        if self._process is not None and self._process.poll() is None:
            self._hurry()
            return True
        # The process may have ended between a note of its number and here; the lock says so.
        if self._process is None and self._holder() is not None:
            self._hurry()
            return True
        return False

    def ask_to_stop(self) -> None:
        """Let it finish its iteration and save."""
        if self._asked is None:
            self._asked = time.monotonic()
            self._signal(signal.SIGINT)

    def kill(self) -> None:
        """End it at once."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def _hurry(self) -> None:
        if self._asked is not None and time.monotonic() - self._asked > PATIENCE_S:
            self._signal(signal.SIGKILL)

    def _holder(self) -> int | None:
        return holder(self.log.parent, f"{self.name}.lock")

    def _signal(self, number: int) -> None:
        process = self._process.pid if self._process is not None else self._holder()
        if process and (self._process is None or self._process.poll() is None):
            with suppress(ProcessLookupError):
                os.kill(process, number)

    def steps(self) -> int:
        """Of the newest checkpoint."""
        saved = checkpoint.complete(self.folder / "checkpoints")
        return int(saved[-1].name) if saved else 0

    def score(self, metric: str, at: int) -> float | None:
        """The metric near `at` control steps; None before the first."""
        return score(self.folder / "metrics.jsonl", metric, at)

    def seen(self) -> int:
        """Steps of the last line of the metrics."""
        rows = read_metrics(self.folder / "metrics.jsonl")
        return int(rows[-1].get("steps", 0)) if rows else 0

    def failure(self) -> str:
        """What it said last, in one line."""
        try:
            lines = [line.strip() for line in read_text(self.log).splitlines() if line.strip()]
        except SleightError:
            lines = []
        said = lines[-1] if lines and not lines[-1].startswith("$ ") else "ended without a word"
        return said.removeprefix("error: ")[:300]

    def killed(self) -> bool:
        """Whether a signal ended it that nobody here sent."""
        code = self._process.returncode if self._process is not None else None
        return self._asked is None and (code is None or code < 0)


def run_name(setting: int, seed: int) -> str:
    """The folder of a run in the sweep's."""
    return f"t{setting:03d}-s{seed}"


def score(path: Path, metric: str, at: int) -> float | None:
    """Mean of a metric over the last tenth of the steps before `at`, or its last value there."""
    x, y = series(read_metrics(path), "steps", metric)
    before = [(a, b) for a, b in zip(x, y, strict=True) if a <= at]
    near = [b for a, b in before if a > at * (1 - TAIL)] or [b for _, b in before[-1:]]
    return sum(near) / len(near) if near else None


def _interruptible() -> None:
    """A shell's background ignores Ctrl-C, and its children would too."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _environment(sweep: str, threads: int) -> dict[str, str]:
    """This package for the child, the group for W&B, and its share of the cores."""
    path = [str(PACKAGE_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    shared = {"OMP_NUM_THREADS": str(threads)} if threads else {}
    group = {"WANDB_RUN_GROUP": os.environ.get("WANDB_RUN_GROUP", sweep)}
    return {**os.environ, **group, **shared, "PYTHONPATH": os.pathsep.join(path)}
