"""Where a hand's setpoint is on its way: the session's motors, for a hand behind a `Face`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Callable

from .face import Face, Layout

FREEZE_S = 0.02
"""How long a hand may take to reach the setpoint at which it is frozen."""
RELAXED_FORCE = 0.1
"""Share of the force that is left to a relaxed hand."""
RELAX_TIME_S = 0.5
"""Time constant with which the force changes, so that nothing is thrown."""
STEP_S = 0.1
"""Between two changes of the force."""


class Motion:
    """Sends targets to a face, and knows what the hand was told: it interpolates as the hand does.

    Call `step` many times a second.
    """

    def __init__(
        self,
        face: Face,
        layout: Layout,
        force: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._face, self._layout, self._clock = face, layout, clock
        self._full = force
        self._share = self._share_goal = force
        self._told_s = float("-inf")
        self._from: Sequence[float] = []
        self._began_s, self._duration_s = 0.0, 1.0
        self._relaxed = False
        self.target: Sequence[float] = []
        """(A,) rad, the last one accepted."""

    def begin(self, target: Sequence[float]) -> None:
        """Take `target` (A,) for the one in force, and send nothing."""
        self._from = self.target = list(target)

    @property
    def setpoint(self) -> Sequence[float]:
        """(A,) rad, on its way to the target."""
        done = (self._clock() - self._began_s) / self._duration_s
        share = min(max(done, 0.0), 1.0)
        return [a + share * (b - a) for a, b in zip(self._from, self.target)]

    def move(self, target: Sequence[float], duration_s: float) -> None:
        """Go to `target` (A,) over `duration_s`."""
        self._from, self.target = self.setpoint, list(target)
        self._began_s, self._duration_s = self._clock(), duration_s
        self._face.send(self.target, duration_s)

    def freeze(self, target: Sequence[float] | None = None) -> None:
        """Stay at the present setpoint, or at `target` (A,)."""
        self.begin(self.setpoint if target is None else target)
        self._face.send(self.target, FREEZE_S)

    def relax(self) -> None:
        """Let the force fade."""
        self._relaxed, self._share_goal = True, RELAXED_FORCE * self._full

    def tense(self) -> None:
        """Let it come back. The face is told even when this knows of no change."""
        self._relaxed, self._share_goal = False, self._full
        if self._face.force_scale:
            self._face.force(self._share)

    def step(self) -> None:
        """Change the force a little, or let a relaxed hand that has no such knob follow itself."""
        now_s = self._clock()
        if now_s - self._told_s < STEP_S:
            return
        if self._face.force_scale:
            self._fade(min(now_s - self._told_s, STEP_S))
        elif self._relaxed:
            reading = self._face.reading()
            if reading is not None:
                measured = self._layout.control_position(reading.position)
                self.freeze(self._layout.clip(measured))
        self._told_s = now_s

    def _fade(self, elapsed_s: float) -> None:
        if self._share == self._share_goal:
            return
        self._share += (self._share_goal - self._share) * elapsed_s / RELAX_TIME_S
        if abs(self._share - self._share_goal) < 0.01:
            self._share = self._share_goal
        self._face.force(self._share)
