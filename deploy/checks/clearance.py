"""Clearance for a hand to move: a check of the same rig within one day, and a confirmation."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from ...errors import ConfigError, DataError
from ...files import read_json, write_json
from ..rig_file import RigConfig

VALID_S = 24 * 3600.0
FOLDER = "checks"


def write_record(config: RigConfig, record: dict[str, Any]) -> Path:
    """Write the record of a check beside the earlier ones. Raises SleightError."""
    # With microseconds: checks of several rigs may end in the same second.
    stamp = datetime.fromtimestamp(record["wall"]).strftime("%Y%m%d-%H%M%S-%f")
    path = config.log.dir / FOLDER / f"{config.rig.name}-{stamp}.json"
    write_json(path, record)
    return path


def find_record(config: RigConfig, digest: str, now_s: float | None = None) -> dict[str, Any]:
    """The newest check with this fingerprint. Raises ConfigError: none, too old, or failed."""
    now_s = time.time() if now_s is None else now_s
    records = [
        record
        for path in (config.log.dir / FOLDER).glob("*.json")
        if (record := _read(path)) is not None and record["fingerprint"] == digest
    ]
    advice = (
        "allowed: one of the last 24 hours; run `sleight rig check` with the same file and flags"
    )
    if not records:
        place = config.log.dir / FOLDER
        line = f"got no check of this rig and policy in {place}"
        raise ConfigError(f"{config.rig.name}: {line}, {advice}")
    newest = max(records, key=lambda record: record["wall"])
    age_s = now_s - newest["wall"]
    if not 0.0 <= age_s <= VALID_S:
        raise ConfigError(f"{config.rig.name}: got a check {age_s / 3600:.1f} hours old, {advice}")
    if newest["ok"] is not True:
        failed = ", ".join(str(name) for name in newest["failed"])
        raise ConfigError(f"{config.rig.name}: got a check that failed ({failed}), {advice}")
    return newest


def confirm(
    config: RigConfig, record: dict[str, Any], yes_sim: bool, ask: Callable[[str], str]
) -> None:
    """Make the operator type the rig's name. Raises ConfigError if it does not match.

    yes_sim: skip this for a rig that is simulated according to its check.
    """
    name, simulated = config.rig.name, record["simulated"] is True
    if yes_sim:
        if not simulated:
            raise ConfigError(f"--yes-sim: got {name}, a real hand, allowed: a simulated one")
        return
    kind = "simulated hand" if simulated else "REAL hand"
    typed = ask(f"{name} is a {kind}, and it will move. Type {name} to arm it: ").strip()
    if typed != name:
        raise ConfigError(f"arming: got {typed!r}, allowed: {name}; nothing has moved")


def _read(path: Path) -> dict[str, Any] | None:
    """The record in a file, or None if the file is not a valid record."""
    try:
        record = read_json(path)
    except DataError:
        return None
    types = {"wall": float, "ok": bool, "fingerprint": str, "failed": list, "simulated": bool}
    if not isinstance(record, dict):
        return None
    valid = all(isinstance(record.get(name), kind) for name, kind in types.items())
    return record if valid and math.isfinite(record["wall"]) else None
