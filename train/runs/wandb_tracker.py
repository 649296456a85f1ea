"""Weights & Biases, kept apart: a process of its own reads what a run writes and sends it on.

Nothing of W&B runs in the process that trains: a server that is slow, dead or wrong costs the run
the start of a process, and at its end a bounded wait. What cannot be sent stays on the disk, where
`wandb sync` finds it.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from ... import __file__ as sleight_file
from ...files import is_utf8
from ...missing_packages import missing_package

CLOSE_S = 15.0
"""How long the end of a run waits for W&B; after that its process goes on alone."""
LOG = "wandb/tracking.txt"
_ROOT = Path(sleight_file).resolve().parent.parent


class Tracker:
    """The process that follows a run folder; modes: auto, offline, off."""

    def __init__(self, mode: str, folder: Path) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        if (mode := resolved(mode)) != "off":
            self._process = _start(folder, ["follow", str(folder), mode])

    def close(self) -> None:
        """Let it send the rest."""
        if self._process is not None:
            _end(self._process, b"")


def record(mode: str, folder: Path, job: dict[str, Any]) -> None:
    """An evaluation or an export, as a W&B run of its own; `folder` takes its files.

    job: kind ("eval" or "export"), uses (a checkpoint or bundle), and result or bundle.
    """
    if (mode := resolved(mode)) != "off":
        process = _start(folder, ["record", str(folder), mode])
        if process is not None:
            _end(process, json.dumps(job).encode())


def resolved(mode: str) -> str:
    """online, offline or off. WANDB_MODE and WANDB_DISABLED count, as they do for W&B."""
    asked = os.environ.get("WANDB_MODE", "").lower()
    if mode == "off" or asked == "disabled" or _disabled():
        return "off"
    if mode == "offline" or asked in ("offline", "dryrun"):
        return "offline"
    return "online" if os.environ.get("WANDB_API_KEY") or _netrc() else "offline"


def _disabled() -> bool:
    return os.environ.get("WANDB_DISABLED", "").lower() in ("1", "true")


def _netrc() -> bool:
    path = Path(os.environ.get("NETRC", Path.home() / ".netrc"))
    try:
        return "wandb" in path.read_text(errors="replace")
    except OSError:
        return False


def _start(folder: Path, words: list[str]) -> subprocess.Popen[bytes] | None:
    """None where it cannot be started: a run goes on without."""
    if why := _obstacle(folder):
        sys.stderr.write(f"nothing is logged: {why}\n")
        return None
    path = os.pathsep.join([str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    log = folder / LOG
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as file:
            return subprocess.Popen(
                [sys.executable, "-m", "sleight.train.runs.wandb_tracker", *words],
                stdin=subprocess.PIPE,  # its end tells that this process has ended, however
                stdout=file,
                stderr=subprocess.STDOUT,
                env={**_folders(folder), **os.environ, "PYTHONPATH": path, "WANDB_SILENT": "true"},
                start_new_session=True,  # Ctrl-C is for the run
            )
    except OSError:
        return None


def _folders(folder: Path) -> dict[str, str]:
    """Where W&B keeps what is not sent yet: in the run's folder, not in the user's home."""
    home = (folder / LOG).parent.resolve()
    return {f"WANDB_{what}_DIR": str(home / what.lower()) for what in ("CACHE", "DATA")}


def _obstacle(folder: Path) -> str:
    """Why nothing can be logged; empty: it can."""
    if not _installed():
        return missing_package(ModuleNotFoundError(name="wandb"))
    place = folder.resolve()
    return "" if is_utf8(place) else f"{place} is not UTF-8, and W&B takes no such path"


def _installed() -> bool:
    try:
        return importlib.util.find_spec("wandb") is not None
    except ValueError:  # loaded, or kept from being loaded, without a spec
        return sys.modules.get("wandb") is not None


def _end(process: subprocess.Popen[bytes], last: bytes) -> None:
    with suppress(OSError, subprocess.TimeoutExpired):
        process.communicate(last, timeout=CLOSE_S)


def supervise(words: list[str]) -> int:
    """`follow` or `record`, FOLDER, MODE: what fails online, in whatever way, is kept offline.

    Each attempt is a fresh process: one whose first attempt at W&B failed cannot make a second
    (wandb issue 9865).
    """
    kind, folder, mode = words
    job = sys.stdin.buffer.read() if kind == "record" else None
    for attempt in ("online", "offline") if mode == "online" else ("offline",):
        process = subprocess.run(
            [sys.executable, "-m", "sleight.train.runs.wandb_follower", kind, folder, attempt],
            input=job,
            check=False,
        )
        if process.returncode == 0:
            return 0
    return 1


if __name__ == "__main__":
    sys.exit(supervise(sys.argv[1:]))
