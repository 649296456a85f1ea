"""`Motion`: the motors of a session for a hand behind a `Face`; it tracks the setpoint."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Callable

from .face import Face, Layout

FREEZE_S = 0.02
"""Duration of the move to the setpoint at which the hand is frozen."""
RELAXED_FORCE = 0.1
"""Share of the force that a relaxed hand keeps."""
RELAX_TIME_S = 0.5
"""Time constant of changes of the force; a slow change does not throw the object."""
STEP_S = 0.1
"""Time between two changes of the force."""


class Motion:
    """Sends targets to a face and computes the setpoint by the same interpolation as the hand.

    Call `step` many times per second.
    """

    def __init__(
        self,
        face: Face,
        layout: Layout,
        force: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._face, self._layout, self._clock = face, layout, clock
        self._full_force = force
        self._share = self._share_goal = force
        self._updated_s = float("-inf")
        self._from: Sequence[float] = []
        self._began_s, self._duration_s = 0.0, 1.0
        self._relaxed = False
        self.target: Sequence[float] = []
        """(A,) rad: the target accepted last."""

    def begin(self, target: Sequence[float]) -> None:
        """Set `target` (A,) as the target in force without sending it."""
        self._from = self.target = list(target)

    @property
    def setpoint(self) -> Sequence[float]:
        """(A,) rad: the interpolated setpoint on the way to the target."""
        done = (self._clock() - self._began_s) / self._duration_s
        share = min(max(done, 0.0), 1.0)
        return [a + share * (b - a) for a, b in zip(self._from, self.target)]

    def move(self, target: Sequence[float], duration_s: float) -> None:
        """Move to `target` (A,) over `duration_s`."""
        self._from, self.target = self.setpoint, list(target)
        self._began_s, self._duration_s = self._clock(), duration_s
        self._face.send(self.target, duration_s)

    def freeze(self, target: Sequence[float] | None = None) -> None:
        """Stay at the current setpoint, or at `target` (A,)."""
        self.begin(self.setpoint if target is None else target)
        self._face.send(self.target, FREEZE_S)

    def relax(self) -> None:
        """Reduce the force gradually."""
        self._relaxed, self._share_goal = True, RELAXED_FORCE * self._full_force

    def tense(self) -> None:
        """Restore the force gradually. The face is set even if the force has not changed."""
        self._relaxed, self._share_goal = False, self._full_force
        if self._face.force_scale:
            self._face.force(self._share)

    def step(self) -> None:
        """Adjust the force, or let the target of a relaxed hand follow its measured angles."""
        now_s = self._clock()
        if now_s - self._updated_s < STEP_S:
            return
        if self._face.force_scale:
            self._fade(min(now_s - self._updated_s, STEP_S))
        elif self._relaxed:
            reading = self._face.reading()
            if reading is not None:
                measured = self._layout.control_position(reading.position)
                self.freeze(self._layout.clip(measured))
        self._updated_s = now_s

    def _fade(self, elapsed_s: float) -> None:
        if self._share == self._share_goal:
            return
        self._share += (self._share_goal - self._share) * elapsed_s / RELAX_TIME_S
        if abs(self._share - self._share_goal) < 0.01:
            self._share = self._share_goal
        self._face.force(self._share)
