"""`sleight train` as a terminal starts it, and waiting for what it does."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PATIENCE_S = 300.0
"""For anything that happens at all; machines that run tests are loaded."""


def program(*words: Any, **env: str) -> subprocess.Popen[str]:
    """In a process group of its own, and this environment besides."""
    return subprocess.Popen(
        [sys.executable, "-m", "sleight", "train", *map(str, words)],
        cwd=ROOT,
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str] | None = None) -> None:
    """Until it holds, while the process, if any, lives."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert process is None or process.poll() is None, process and process.communicate()
        assert time.monotonic() < deadline, "nothing happens"
        time.sleep(0.1)
