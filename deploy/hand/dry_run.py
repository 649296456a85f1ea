"""A hand that is only looked at: everything of a run, but nothing that could move it is sent."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .hand import Applied, HandDriver, HandMode, HandState, Health

READ_S = 1.0


class DryHand(HandDriver):
    """Passes on what is measured; takes commands as if they had been followed.

    The joints stay where they are, so what a policy sees is true only of its first moments: a dry
    run shows rates, ages, lateness, first targets, and what the gate would change of them.
    """

    def __init__(self, driver: HandDriver) -> None:
        self._driver = driver
        self._mode = HandMode.READY

    def connect(self, timeout_s: float) -> None:
        """Reach the hand."""
        self._driver.connect(timeout_s)
        self.spec, self.simulated = self._driver.spec, self._driver.simulated

    def arm(self) -> Applied:
        """Pretend: the measured angles count as the target in force."""
        state = self._driver.read(READ_S)
        self._mode = HandMode.ARMED
        return Applied(self.spec.control_position(state.position))

    def read(self, max_age_s: float) -> HandState:
        """What the hand measures; its own stop is not hidden."""
        state = self._driver.read(max_age_s)
        return state if state.mode is HandMode.STOPPED else replace(state, mode=self._mode)

    def command(self, target: np.ndarray, duration_s: float) -> Applied:
        """Say that it was followed."""
        self._driver.heartbeat()
        return Applied(target)

    def heartbeat(self) -> None:
        """Keep the link."""
        self._driver.heartbeat()

    def hold(self) -> None:
        """Pretend."""
        self._mode = HandMode.HOLD

    def relax(self) -> None:
        """Pretend."""
        self._mode = HandMode.RELAXED

    def stop(self, reason: str) -> None:
        """Pretend."""
        self._mode = HandMode.HOLD

    def health(self) -> Health:
        """Of the link."""
        return self._driver.health()

    def close(self, timeout_s: float) -> None:
        """End the link."""
        self._driver.close(timeout_s)
