"""One run of a sweep: `sleight train` in a separate process, which survives the sweep."""

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
from typing import Any

from ... import __file__ as sleight_file
from ...errors import SleightError
from ...files import read_text
from ...pages.show import number
from ..reports.run_data import series
from ..runs import checkpoint_files
from ..runs.folder_lock import FolderLock, holder
from ..runs.metrics import last_rows

TAIL = 0.1
"""A score is the mean of the metric over this last fraction of the steps."""
PATIENCE_S = 60.0
"""Time for a run to save and end [s]; after it the run is killed."""
LOGS = "logs"
PACKAGE_ROOT = Path(sleight_file).resolve().parent.parent


class Trial:
    """A run folder in the sweep's folder, and its process, if there is one.

    The process inherits the lock logs/NAME.lock. After a sweep was killed, the resumed sweep finds
    the lock held and waits for the process instead of starting a second one.
    """

    def __init__(self, sweep: Path, name: str) -> None:
        self.sweep, self.name = sweep, name
        self.folder = sweep / name
        self.log = sweep / LOGS / f"{name}.txt"
        self._process: subprocess.Popen[bytes] | None = None
        self._asked: float | None = None

    def start(self, words: list[str], threads: int = 0) -> None:
        """Start or resume the run; `words` are the arguments of a new run."""
        self._asked = None
        if checkpoint_files.complete(self.folder / "checkpoints"):
            rest = [w for w in words if w.startswith(("--pause_steps=", "--steps="))]
            words = ["train", "--resume", str(self.folder), *rest]
        else:
            shutil.rmtree(
                self.folder, ignore_errors=True
            )  # left by a run that was killed at its start
        self._launch(words, threads)

    def go_on(self, words: list[str], threads: int = 0) -> None:
        """Resume from the newest checkpoint with changed fields."""
        self._asked = None
        self._launch(["train", "--resume", str(self.folder), *words], threads)

    def _launch(self, words: list[str], threads: int) -> None:
        lock = FolderLock(self.log.parent, f"{self.name}.lock")
        lock.note(0)  # no process to signal yet
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
                    # Ctrl-C goes to the sweep, which then stops each run once.
                    start_new_session=True,
                    preexec_fn=_interruptible,
                )
            lock.note(self._process.pid)
        except OSError as error:
            raise SleightError(f"{self.log}: cannot be started: {error.strerror}") from error
        finally:
            lock.close()

    def running(self) -> bool:
        """Whether a process is running, of this sweep or of an earlier one that was killed."""
        if self._process is not None and self._process.poll() is None:
            self._hurry()
            return True
        # The process may have ended after its number was written; the lock shows it.
        if self._process is None and self._holder() is not None:
            self._hurry()
            return True
        return False

    def ask_to_stop(self) -> None:
        """Ask the run to finish its iteration and save."""
        if self._asked is None:
            self._asked = time.monotonic()
            self._signal(signal.SIGINT)

    def kill(self) -> None:
        """Kill the run."""
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
        """Control steps of the newest checkpoint."""
        return checkpoint_files.last_steps(self.folder / "checkpoints")

    def score(self, metric: str, at: int) -> float | None:
        """The metric near `at` control steps; None before the first."""
        return score(self.folder / "metrics.jsonl", metric, at)

    def seen(self) -> int:
        """Control steps of the last line of the metrics."""
        last = next(last_rows(self.folder / "metrics.jsonl"), {})
        return int(last.get("steps", 0))

    def failure(self) -> str:
        """The last line of the log."""
        try:
            lines = [line.strip() for line in read_text(self.log).splitlines() if line.strip()]
        except SleightError:
            lines = []
        last = lines[-1] if lines and not lines[-1].startswith("$ ") else "ended without a message"
        return last.removeprefix("error: ")[:300]

    def killed(self) -> bool:
        """Whether a signal that was not sent here ended the process."""
        code = self._process.returncode if self._process is not None else None
        return self._asked is None and (code is None or code < 0)


def run_name(setting: int, seed: int) -> str:
    """Name of a run's folder in the sweep's folder."""
    return f"t{setting:03d}-s{seed}"


def score(path: Path, metric: str, at: int) -> float | None:
    """Mean of a metric over the last tenth of the steps before `at`, or its last value there."""
    rows: list[dict[str, Any]] = []
    for row in last_rows(path):  # a long run has many before these
        steps, value = number(row.get("steps")), number(row.get(metric))
        if steps is None or value is None or steps > at:
            continue
        rows.append(row)
        if steps <= at * (1 - TAIL):
            break
    x, y = series(rows, "steps", metric)
    before = list(zip(x, y, strict=True))
    near = [b for a, b in before if a > at * (1 - TAIL)] or [b for _, b in before[-1:]]
    return sum(near) / len(near) if near else None


def _interruptible() -> None:
    """Restore the default Ctrl-C handling: background jobs of a shell ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _environment(sweep: str, threads: int) -> dict[str, str]:
    """Environment of the child: path to this package, W&B group, and number of threads."""
    path = [str(PACKAGE_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    shared = {"OMP_NUM_THREADS": str(threads)} if threads else {}
    group = {"WANDB_RUN_GROUP": os.environ.get("WANDB_RUN_GROUP", sweep)}
    return {**os.environ, **group, **shared, "PYTHONPATH": os.pathsep.join(path)}
