"""What every worker shares; it needs only Python, because it runs in every peer's environment.

A worker reads a number of seconds per line, works that long, and answers with a line of JSON:
`steps` (control steps, summed over worlds), `seconds`, and what else it counted. Its first line
says what it is. Answers go to the file of PEER_ANSWERS; what libraries print goes elsewhere.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
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
        counts()
        steps, started = 0, time.perf_counter()
        while not steps or time.perf_counter() < started + float(line):
            steps += step()
        seconds = time.perf_counter() - started
        _say(answers, {"steps": steps, "seconds": seconds, **counts()})


def _say(answers: TextIO, answer: dict[str, object]) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"
