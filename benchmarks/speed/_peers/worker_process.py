"""The process of a peer, which works for as long as it is told."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sleight.errors import ConnectError

from .environment import python_of
from .table import Peer

WORKERS = Path(__file__).parent / "workers"
CHECKOUT = WORKERS.parents[3]
GRACE_S = 10.0
CLOCKS = ("wall", "cpu")
NO_GPU = {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass(frozen=True)
class Turn:
    """What a peer did in one turn."""

    steps: int
    """Control steps, summed over its worlds."""
    seconds: float
    cpu_s: float
    """Processor time of all its processes."""
    memory_mb: float
    """Their resident memory at the end."""
    counts: dict[str, float]
    """What else it counted, for example successes."""

    def time_s(self, clock: str) -> float:
        """Its time by one of `CLOCKS` [s]."""
        return self.cpu_s if clock == "cpu" else self.seconds


class Worker:
    """A started peer. `close` ends it."""

    def __init__(self, peer: Peer, arguments: Sequence[str], threads: int, wait_s: float) -> None:
        """arguments: of the worker after its variant. wait_s: for its first word.

        Raises SleightError.
        """
        self._title = peer.title
        self._said = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115 (see `close`)
        command = [str(python_of(peer)), "-W", "ignore", str(WORKERS / f"{peer.worker}.py")]
        given = dict.fromkeys(THREADS, str(threads)) | NO_GPU
        given["PYTHONPATH"] = str(CHECKOUT) if peer.own or peer.on_ours else ""
        read, write = os.pipe()  # not standard output: libraries print there
        self._answers = os.fdopen(read)
        self._process = subprocess.Popen(
            [*command, peer.variant, *arguments],
            stdin=subprocess.PIPE,
            stdout=self._said,
            stderr=self._said,
            text=True,
            pass_fds=[write],
            env={**os.environ, **given, "PEER_ANSWERS": str(write)},
            start_new_session=True,  # so that its processes can be counted, and ended
        )
        os.close(write)
        self.about = self._answer(wait_s)
        """What it says of itself: `period_s` between control steps, and versions."""

    def work(self, seconds: float, clock: str, wait_s: float) -> Turn:
        """Let it work for at least this time of a clock and one step, within `wait_s`.

        Raises ConnectError when it dies.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{seconds} {clock}\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._failed(f"exit code {self._process.wait()}") from None
        answer = self._answer(wait_s)
        known = ("steps", "seconds", "cpu_s", "memory_mb")
        return Turn(*(answer.pop(name) for name in known), counts=answer)

    def close(self) -> None:
        """Let it end by itself for a moment, then end all its processes."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._answers.close()
        self._said.close()

    def _answer(self, wait_s: float) -> dict[str, Any]:
        if not select.select([self._answers], [], [], wait_s)[0]:
            raise self._failed(f"no answer within {wait_s:.0f} s")
        line = self._answers.readline()
        if not line:
            raise self._failed(f"exit code {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _failed(self, how: str) -> ConnectError:
        """The last line that it wrote, which with Python is the error."""
        self._said.seek(0)
        lines = [line.strip() for line in self._said.read().splitlines() if line.strip()]
        self.close()
        return ConnectError(f"{self._title}: {how}: {lines[-1] if lines else 'without a word'}")
