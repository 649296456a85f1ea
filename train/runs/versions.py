"""What a figure depends on: this package, its commit, and the libraries."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

from ... import __version__


def versions() -> dict[str, str]:
    """What a figure depends on: this package and commit, and the libraries."""
    packages = ("mujoco", "torch", "numpy", "gymnasium", "gymnasium-robotics", "onnxruntime")
    return {
        "sleight": __version__,
        "commit": commit(),
        "python": platform.python_version(),
        "machine": platform.machine(),
        **{name: version(name) for name in packages},
    }


def commit() -> str:
    """The commit of the checkout, with + when it was changed; empty outside one."""
    here = Path(__file__).parent
    try:
        completed = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--exclude=*"],
            cwd=here,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return completed.stdout.strip()
