"""What the machine gives to this process: cores and memory, also inside a container.

A container's limits are those of its control groups (Linux, versions 1 and 2); `os.cpu_count` and
`/proc/meminfo` show the whole machine there.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")
UNLIMITED = 1 << 60
"""Version 1 writes a number near 2**63 where there is no limit."""


def usable_cores() -> int:
    """Number of cores that this process may use: its affinity, and the quota of its container."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    quota = cpu_quota()
    return max(1, min(allowed or 1, math.ceil(quota) if quota else allowed or 1))


def cpu_quota(root: Path = CGROUPS, own: Path = OWN) -> float | None:
    """Cores of the tightest quota of this process's control groups; None without a quota."""
    found = []
    for folder in _folders(root, own, "cpu"):
        words = _words(folder / "cpu.max") or [
            *_words(folder / "cpu.cfs_quota_us"),
            *_words(folder / "cpu.cfs_period_us"),
        ]
        if len(words) == 2 and all(word.isdecimal() and int(word) > 0 for word in words):
            found.append(int(words[0]) / int(words[1]))
    return min(found, default=None)


def memory_limit(root: Path = CGROUPS, own: Path = OWN) -> int | None:
    """Bytes of the tightest limit of this process's control groups; None without a limit."""
    found = []
    for folder in _folders(root, own, "memory"):
        words = _words(folder / "memory.max") or _words(folder / "memory.limit_in_bytes")
        if words and words[0].isdecimal() and int(words[0]) < UNLIMITED:
            found.append(int(words[0]))
    return min(found, default=None)


def _folders(root: Path, own: Path, controller: str) -> Iterator[Path]:
    """The control group of this process and those above it, for both versions."""
    for line in _lines(own):
        number, controllers, path = [*line.split(":", 2), "", ""][:3]
        if number == "0":
            base = root
        elif controller in controllers.split(","):
            base = root / controller
        else:
            continue
        folder = base / path.lstrip("/")
        yield folder
        yield from (parent for parent in folder.parents if parent.is_relative_to(base))


def _words(path: Path) -> list[str]:
    return [word for line in _lines(path) for word in line.split()]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []
