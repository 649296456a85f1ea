"""Who may let a hand move: a check of the same rig within the last day, and a typed word."""

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
    """Keep the record of a check, beside those before it. Raises SleightError."""
    # To the microsecond: checks of several rigs may end in the same second.
    stamp = datetime.fromtimestamp(record["wall"]).strftime("%Y%m%d-%H%M%S-%f")
    path = config.log.dir / FOLDER / f"{config.rig.name}-{stamp}.json"
    write_json(path, record)
    return path


def find_record(config: RigConfig, print_: str, now_s: float | None = None) -> dict[str, Any]:
    """The newest check of what has this fingerprint. Raises ConfigError: none, old, or failed."""
    now_s = time.time() if now_s is None else now_s
    found = [
        record
        for path in (config.log.dir / FOLDER).glob("*.json")
        if (record := _read(path)) is not None and record["fingerprint"] == print_
    ]
    advice = (
        "allowed: one of the last 24 hours, by `sleight rig check` with the same file and flags"
    )
    if not found:
        place = config.log.dir / FOLDER
        line = f"got no check of this rig and policy in {place}"
        raise ConfigError(f"{config.rig.name}: {line}, {advice}")
    newest = max(found, key=lambda record: record["wall"])
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
    """Let the operator type the rig's name. Raises ConfigError when it is not that.

    yes_sim: no word is needed for a rig that its check found to be simulated.
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
    """A record, or None for a file that is none."""
    try:
        record = read_json(path)
    except DataError:
        return None
    wanted = {"wall": float, "ok": bool, "fingerprint": str, "failed": list, "simulated": bool}
    if not isinstance(record, dict):
        return None
    whole = all(isinstance(record.get(name), kind) for name, kind in wanted.items())
    return record if whole and math.isfinite(record["wall"]) else None
