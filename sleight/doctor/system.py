"""The machine: cores, memory, disk, shared memory, real-time scheduling, a screen."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from ..machine import cpu_quota, memory_limit, usable_cores
from . import child
from .finding import Finding, State

GIB = 1 << 30
LEAST_MEMORY = 4 * GIB
LEAST_DISK = 5 * GIB
LEAST_SHARED = GIB // 4
"""Ray's object store of one machine, `ray.store_mb`, lies in shared memory."""
REALTIME = """
from sleight.deploy.runtime.realtime import realtime
with realtime() as granted:
    print(granted)
"""


def look() -> Iterator[Finding]:
    """One finding for each."""
    yield _cores()
    yield from _memory()
    yield _disk()
    yield from _shared_memory()
    yield _realtime()
    yield _screen()


def _cores() -> Finding:
    usable, quota = usable_cores(), cpu_quota()
    text = f"{usable} of {os.cpu_count()} for this process, {_processor()}"
    if quota:
        text += f"; its control group may use {quota:g}"
    return Finding("machine", "cores", State.OK, text)


def _processor() -> str:
    for line in _text("/proc/cpuinfo").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return platform.processor() or platform.machine()


def _memory() -> Iterator[Finding]:
    sizes = {}
    for line in _text("/proc/meminfo").splitlines():
        name, _, value = line.partition(":")
        words = value.split()
        if words and words[0].isdecimal():
            sizes[name] = int(words[0]) * 1024
    if "MemTotal" not in sizes:
        return
    whole = min(sizes["MemTotal"], memory_limit() or sizes["MemTotal"])
    free = min(sizes.get("MemAvailable", whole), whole)
    text = f"{whole / GIB:.1f} GiB, {free / GIB:.1f} GiB available"
    fix = "end other programs; fewer worlds (--env.num_worlds) need less"
    yield _enough("memory", free >= LEAST_MEMORY, text, fix, "training at the default sizes")


def _disk() -> Finding:
    try:
        free = shutil.disk_usage(Path.cwd()).free
    except OSError as error:
        return Finding("machine", "disk", State.BROKEN, f"this folder: {error.strerror}")
    text = f"{free / GIB:.1f} GiB free in this folder"
    fix = "free some space, or choose another folder (--runs)"
    return _enough("disk", free >= LEAST_DISK, text, fix, "checkpoints and videos of long runs")


def _shared_memory() -> Iterator[Finding]:
    path = Path("/dev/shm")
    if not path.is_dir():
        return
    free = shutil.disk_usage(path).free
    text = f"{free / GIB:.2f} GiB free in {path}"
    fix = "docker run --shm-size=1g"
    yield _enough("shared memory", free >= LEAST_SHARED, text, fix, "Ray's object store")


def _enough(what: str, enough: bool, text: str, fix: str, needed_for: str) -> Finding:
    """A quantity of the machine; the fix and what lacks it are named where it is too small."""
    if enough:
        return Finding("machine", what, State.OK, text, "", "")
    return Finding("machine", what, State.LIMITED, text, fix, needed_for)


def _realtime() -> Finding:
    what = "a real hand, without turns that wait for other programs"
    if not hasattr(os, "sched_setscheduler"):
        text = f"{sys.platform} has no SCHED_RR"
        return Finding("machine", "real time", State.LIMITED, text, "use Linux", what)
    outcome = child.run(REALTIME)
    kernel = "real-time kernel" if _text("/sys/kernel/realtime").strip() == "1" else "usual kernel"
    if outcome.ok and outcome.lines == ["True"]:
        return Finding("machine", "real time", State.OK, f"SCHED_RR granted, {kernel}")
    text = "SCHED_RR not granted" if outcome.ok else outcome.reason
    fix = (
        'echo "$USER - rtprio 20" | sudo tee /etc/security/limits.d/sleight.conf, log in again;'
        " docker run --cap-add SYS_NICE"
    )
    return Finding("machine", "real time", State.LIMITED, f"{text}, {kernel}", fix, what)


def _screen() -> Finding:
    for name in ("WAYLAND_DISPLAY", "DISPLAY"):
        if os.environ.get(name):
            return Finding("machine", "screen", State.OK, f"{name}={os.environ[name]}")
    if sys.platform != "linux":
        return Finding("machine", "screen", State.OK, f"the windows of {sys.platform}")
    return Finding(
        "machine", "screen", State.OPTIONAL, "no DISPLAY, no WAYLAND_DISPLAY",
        "sleight play --browser or --video need none", "the window of `sleight play`",
    )  # fmt: skip


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
