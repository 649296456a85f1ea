"""The hand's side of a link, for a hand behind a `Face`: session, motion, and whether it lives."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .face import Face, Layout, Reading
from .hand_session import Log, Session
from .motion import Motion

HAND_SILENT_S = 0.2
"""A hand that measures nothing for this long is not there to be commanded."""


@dataclass(frozen=True)
class Watch:
    """When the hand's side gives up on its client, and what holding means (rig_session.py)."""

    hold_after_s: float = 0.2
    relax_after_s: float = 2.0
    hold: str = "target"


class HandSide:
    """Puts a session over a face. Not thread-safe; call `step` about a hundred times a second."""

    def __init__(self, face: Face, layout: Layout, watch: Watch, force: float, log: Log) -> None:
        self._face, self._layout = face, layout
        self.motion = Motion(face, layout, force)
        self.session = Session(layout, watch, self.motion, self._measured, log)
        # What target the hand has in force is not known: it is armed where it is.
        self.session.lost("no joint states yet", 0.0)

    def begin(self) -> None:
        """Once the face is open: the measured angles count as the target in force."""
        self.motion.begin(self._layout.clip(self._measured()))

    def step(self, now_s: float) -> Reading | None:
        """See whether the hand is there, and let forces fade; returns the newest reading."""
        reading = self._face.reading()
        silent_s = now_s - reading.received_s if reading else math.inf
        why = f"no joint states for {silent_s:.2f} s" if silent_s > HAND_SILENT_S else ""
        why = why or self._face.deaf()
        if why:
            self.session.lost(why, now_s)
        else:
            self.session.found()
        self.motion.step()
        return reading

    def _measured(self) -> list[float]:
        reading = self._face.reading()
        assert reading is not None, "the face is open only once there is one"
        return self._layout.control_position(reading.position)
