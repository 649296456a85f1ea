"""The watchdog of the policy's process: holds, then relaxes a hand whose control loop is stuck."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Annotated

from ...config import Range
from ...threads import WatchedThread
from .gate import GateState
from .guard import GuardedHand

LOOK_S = 0.02
"""Time between two looks at the loop."""


@dataclass(frozen=True)
class WatchdogConfig:
    """Time limits for the control loop. The hand's side has a watchdog of its own."""

    hold_after_s: Annotated[float, Range(0.01, 60)] = 0.16
    """The hand holds after this time without a sign of life from the loop."""
    relax_after_s: Annotated[float, Range(0.01, 60)] = 1.0
    """A hand that holds relaxes after this time without a sign of life."""


class Watchdog:
    """A thread that holds, then relaxes the hand if the control loop is stuck.

    It also repeats a halt that the driver failed to deliver.
    """

    def __init__(self, hand: GuardedHand, config: WatchdogConfig | None = None) -> None:
        self._hand = hand
        self._config = config or WatchdogConfig()
        self._done = threading.Event()
        self._thread = WatchedThread("watchdog", self._run, self._died)

    def __enter__(self) -> Watchdog:
        self._hand.fed_s = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._done.wait(LOOK_S):
            self.look(time.monotonic())

    def _died(self, failure: str) -> None:
        # The loop sees the stopped gate at its next turn, and ends with this reason.
        self._hand.stop(failure)

    def look(self, now_s: float) -> None:
        """Check the loop once at `now_s`; the thread calls this repeatedly."""
        self._hand.deliver_owed()
        silent_s = now_s - self._hand.fed_s
        reason = f"watchdog: the loop was silent for {silent_s:.2f} s"
        if silent_s > self._config.relax_after_s and self._hand.state is GateState.HOLD:
            self._hand.relax_held(reason)
        elif silent_s > self._config.hold_after_s and self._hand.state is GateState.ARMED:
            self._hand.hold(reason)
