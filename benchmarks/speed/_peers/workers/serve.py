"""What every worker shares; it needs only Python, because it runs in every peer's environment.

A worker reads lines such as `4.0 wall` or `4.0 cpu`, works that long by this clock, and answers
with a line of JSON: `steps` (control steps, summed over worlds), `seconds`, `cpu_s` and `memory_mb`
of all its processes, and what else it counted. Its first line says what it is. Answers go to the
file of PEER_ANSWERS, because libraries print to standard output.
"""

import json
import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TextIO


def serve(
    step: Callable[[], int],
    packages: tuple[str, ...],
    counts: Callable[[], dict[str, float]] = dict,
    **about: float | str,
) -> None:
    """Serve until the input ends.

    step: does some control steps and returns their number, summed over worlds. counts: what else
    happened since it was last asked. packages: their versions are told.
    """
    answers = os.fdopen(int(os.environ["PEER_ANSWERS"]), "w")
    _say(answers, {**about, "versions": {name: _version(name) for name in packages}})
    for line in sys.stdin:
        seconds, name = line.split()
        clock = {"wall": time.perf_counter, "cpu": _cpu_s}[name]
        counts()
        steps, began, wall, cpu_s = 0, clock(), time.perf_counter(), _cpu_s()
        while not steps or clock() < began + float(seconds):
            steps += step()
        took = {"seconds": time.perf_counter() - wall, "cpu_s": _cpu_s() - cpu_s}
        _say(answers, {"steps": steps, **took, "memory_mb": _memory_mb(), **counts()})


def _cpu_s() -> float:
    """Processor time of this process and of its children [s]."""
    ticks = 0
    for child in multiprocessing.active_children():
        words = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(words[11]) + int(words[12])
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def _memory_mb() -> float:
    """Resident memory of this process and of its children [MB]."""
    pids = [os.getpid(), *(child.pid for child in multiprocessing.active_children())]
    pages = [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids]
    return sum(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6


def _say(answers: TextIO, answer: dict[str, object]) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"
