"""Python environments of the peers, in the user's cache, made at first use."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

from sleight.errors import ConfigError

from .table import Peer

REQUIREMENTS = Path(__file__).parent / "requirements"


def python_of(peer: Peer) -> Path:
    """The Python that runs a peer, installed if it is missing. Raises ConfigError if that fails."""
    if not peer.requirements:
        return Path(sys.executable)
    pins = REQUIREMENTS / f"{peer.requirements}.txt"
    folder = _folder(pins, peer.on_ours)
    python, ready = folder / "bin" / "python", folder / ".installed"
    if not ready.exists():
        print(f"{peer.title}: installing its environment in {folder}", flush=True)
        venv.create(folder, with_pip=True, clear=True)
        if peer.on_ours:
            _see_ours(folder)
        _install(python, pins, folder / "pip.log")
        ready.touch()
    return python


def _folder(pins: Path, on_ours: bool) -> Path:
    """A folder for these pins; over our environment also for that."""
    told = pins.read_bytes() + (sys.prefix.encode() if on_ours else b"")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "sleight" / "peers" / f"{pins.stem}-{hashlib.sha256(told).hexdigest()[:12]}"


def _see_ours(folder: Path) -> None:
    """Let an environment import what this one has; what is installed into it comes first."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    site = folder / "lib" / version / "site-packages"
    ours = sysconfig.get_paths()
    (site / "ours.pth").write_text(f"{ours['purelib']}\n{ours['platlib']}\n")


def _install(python: Path, pins: Path, log: Path) -> None:
    pip = [str(python), "-m", "pip", "install", "--disable-pip-version-check"]
    with log.open("w") as said:
        done = subprocess.run(
            [*pip, "-r", str(pins)], stdout=said, stderr=subprocess.STDOUT, check=False
        )
    if done.returncode:
        errors = [line for line in log.read_text().splitlines() if line.startswith("ERROR:")]
        why = errors[0].removeprefix("ERROR:").strip() if errors else "pip failed"
        raise ConfigError(f"{pins.name}: cannot be installed: {why} (all of it: {log})")
