"""Real-time scheduling, if the system grants it, so that turns do not wait for other programs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

PRIORITY = 10
"""Priority from 1 to 99: above every ordinary process, below the kernel's own threads."""


@contextmanager
def realtime(wanted: bool = True) -> Iterator[bool]:
    """Run the block, and the threads that it starts, under SCHED_RR; yields whether it was granted.

    Linux grants it to root and to users with an `rtprio` limit; for others nothing changes.
    """
    granted = wanted and hasattr(os, "sched_setscheduler")
    previous = os.sched_getscheduler(0) if granted else 0
    if granted:
        try:
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(PRIORITY))
        except PermissionError:
            granted = False
    try:
        yield granted
    finally:
        if granted:
            os.sched_setscheduler(0, previous, os.sched_param(0))


def ordinary() -> None:
    """Give the calling thread ordinary scheduling, also one that `realtime` started."""
    if hasattr(os, "sched_setscheduler"):
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
