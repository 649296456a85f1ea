"""Which code a process runs: workers of another version would train another policy, quietly."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from ... import __version__
from ...errors import ConfigError
from ..runs.versions import commit


def identity() -> dict[str, str]:
    """Version, commit, and a digest of the package's sources, which is what decides."""
    root = Path(__file__).resolve().parents[2]
    digest = hashlib.sha256()
    for folder in ("adr", "envs", "policies", "train", "vision"):
        for path in sorted((root / folder).rglob("*.py")):
            digest.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return {"sleight": __version__, "commit": commit(), "code": digest.hexdigest()[:12]}


def process() -> dict[str, str]:
    """`identity`, and the process, by which an operator finds it."""
    return {**identity(), "pid": str(os.getpid())}


def check_identity(got: dict[str, str], allowed: dict[str, str], who: str) -> None:
    """Raise ConfigError unless both are the same code."""
    if got.get("code") != allowed["code"]:
        raise ConfigError(
            f"{who}: got {_text(got)}, allowed: {_text(allowed)}, as in the process that learns;"
            " install one version on every machine"
        )


def _text(process: dict[str, str]) -> str:
    commit = f", commit {process['commit']}" if process.get("commit") else ""
    version, code = (process.get(name, "unknown") for name in ("sleight", "code"))
    return f"sleight {version}{commit}, code {code}"
