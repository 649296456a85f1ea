"""`Halts`: which halt (hold, relax, stop) a hand should have received, and whether it did."""

from __future__ import annotations

import threading
from enum import IntEnum

from ...threads import attempt
from .hand import DriverGone, HandDriver

DELIVER_WAIT_S = 0.2
"""Longest wait for another halt that is being sent."""


class Halt(IntEnum):
    """Kinds of halts; a later one never weakens an earlier one."""

    NONE = 0
    HOLD = 1
    RELAX = 2
    STOP = 3


class Halts:
    """The strongest halt since the hand was armed, and its delivery.

    `request` and `clear` are called under the latch of the guard; `deliver` calls the driver and
    is called without it.
    """

    def __init__(self, driver: HandDriver) -> None:
        self._driver = driver
        self._lock = threading.Lock()
        self.wanted, self.reason = Halt.NONE, ""
        self.count = 0
        """Number of requests; a caller sees by it that a halt came in between."""
        self.pending = 0
        """Number of requests that are being delivered; until then the hand must not be armed."""
        self.owed = False
        """Whether the driver failed to deliver the halt, although the link is up."""
        self.overtaken = False
        """Whether a halt was sent while another call of the driver was in progress."""

    def request(self, kind: Halt, reason: str) -> None:
        """Note that the hand should halt; it is pending until the caller has delivered it."""
        self.count += 1
        self.pending += 1
        if kind > self.wanted:
            self.wanted, self.reason = kind, reason

    def clear(self) -> None:
        """The hand was armed: nothing is wanted any more."""
        self.wanted, self.reason, self.owed, self.overtaken = Halt.NONE, "", False, False

    def deliver(self) -> None:
        """Send the strongest halt; a driver that fails owes it. Never raises."""
        # Two halts at once would reach the hand in any order. One that hangs must not block a stop.
        locked = self._lock.acquire(timeout=DELIVER_WAIT_S)
        try:
            send = {
                Halt.NONE: lambda: None,
                Halt.HOLD: self._driver.hold,
                Halt.RELAX: self._driver.relax,
                Halt.STOP: lambda: self._driver.stop(self.reason),
            }[self.wanted]
            error = attempt(send)
            # If the link is down, the hand's own watchdog takes over.
            self.owed = error is not None and not isinstance(error, DriverGone)
        finally:
            if locked:
                self._lock.release()
