"""`HandSide`: the hand's side of a link for a `Face`: session, motion, and detection of faults."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .face import Face, Layout, Reading
from .hand_session import Log, Session
from .motion import Motion

HAND_SILENT_S = 0.2
"""A hand counts as lost after this time without a reading."""


@dataclass(frozen=True)
class Watch:
    """Time limits of the watchdog, and the meaning of a hold (hand_session.py)."""

    hold_after_s: float = 0.2
    relax_after_s: float = 2.0
    hold: str = "target"


class HandSide:
    """Runs a session on a face. Not thread-safe; call `step` at about 100 Hz."""

    def __init__(self, face: Face, layout: Layout, watch: Watch, force: float, log: Log) -> None:
        self._face, self._layout = face, layout
        self.motion = Motion(face, layout, force)
        self.session = Session(layout, watch, self.motion, self._measured, log)
        # The target in force is unknown, so the hand is armed at its measured angles.
        self.session.lost("no joint states yet", 0.0)

    def begin(self) -> None:
        """Call this once the face is open: the measured angles become the target in force."""
        self.motion.begin(self._layout.clip(self._measured()))

    def step(self, now_s: float) -> Reading | None:
        """Check that the hand is reachable, adjust the force; returns the newest reading."""
        reading = self._face.reading()
        silent_s = now_s - reading.received_s if reading else math.inf
        fault = ""
        if silent_s > HAND_SILENT_S:
            why = self._face.unread()
            fault = f"no joint states for {silent_s:.2f} s" + (f": {why}" if why else "")
        fault = fault or self._face.deaf()
        if fault:
            self.session.lost(fault, now_s)
        else:
            self.session.found()
        self.motion.step()
        return reading

    def _measured(self) -> list[float]:
        reading = self._face.reading()
        assert reading is not None, "the face opens only after a reading"
        return self._layout.control_position(reading.position)
