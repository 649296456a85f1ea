"""`DryHand`: a driver for dry runs; it reads the hand and sends nothing that could move it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .hand import Applied, HandDriver, HandMode, HandState, Health

READ_S = 1.0


class DryHand(HandDriver):
    """Passes on the measured states; accepts commands without sending them.

    The joints do not move, so observations are realistic only at the start of a trial. A dry run
    shows rates, ages, timing, the first targets, and how the gate would change them.
    """

    def __init__(self, driver: HandDriver) -> None:
        self._driver = driver
        self._mode = HandMode.READY

    def connect(self, timeout_s: float) -> None:
        """Reach the hand."""
        self._driver.connect(timeout_s)
        self.spec, self.simulated = self._driver.spec, self._driver.simulated

    def arm(self) -> Applied:
        """Pretend to arm; the measured angles count as the target in force."""
        state = self._driver.read(READ_S)
        self._mode = HandMode.ARMED
        return Applied(self.spec.control_position(state.position))

    def read(self, max_age_s: float) -> HandState:
        """The state of the hand; a stop of the hand itself is passed on."""
        state = self._driver.read(max_age_s)
        return state if state.mode is HandMode.STOPPED else replace(state, mode=self._mode)

    def command(self, target: np.ndarray, duration_s: float) -> Applied:
        """Report the target as applied; only send a heartbeat."""
        self._driver.heartbeat()
        return Applied(target)

    def heartbeat(self) -> None:
        """Send a heartbeat."""
        self._driver.heartbeat()

    def hold(self) -> None:
        """Pretend to hold."""
        self._mode = HandMode.HOLD

    def relax(self) -> None:
        """Pretend to relax."""
        self._mode = HandMode.RELAXED

    def stop(self, reason: str) -> None:
        """Pretend to stop: hold."""
        self._mode = HandMode.HOLD

    def health(self) -> Health:
        """Health of the link."""
        return self._driver.health()

    def close(self, timeout_s: float) -> None:
        """End the link."""
        self._driver.close(timeout_s)
