"""Readings of a hand from JointState messages of ROS 1 or ROS 2; joints are matched by name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ...link.face import Layout, Reading, if_measured

RESTARTED_S = 1.0
"""A clock that jumps back by more than this means that the hand was restarted."""


class JointReader:
    """Reads messages with any joints in any order; keeps the newest reading of this hand."""

    def __init__(self, layout: Layout, prefix: str) -> None:
        self._layout = layout
        self._wanted = [prefix + joint for joint in layout.joints]
        self._names: Sequence[str] = []
        self._places: list[int] = []
        self._seq = 0
        self.reading: Reading | None = None
        self.problem = "no joint states"
        """Why there is no reading or no newer one; empty if the last message was valid."""

    def take(self, message: Any, time_s: float, received_s: float) -> bool:
        """Read one message with the hand's time stamp (0: none); returns whether it is new.

        An invalid message, or one whose clock has not advanced, does not replace a good reading;
        the age of that reading then grows.
        """
        time_s = time_s or received_s
        if list(message.name) != self._names and not self._match(list(message.name)):
            return False
        before = self.reading
        if before is not None and 0.0 <= before.time_s - time_s < RESTARTED_S:
            self.problem = "joint states with a clock that does not advance"
            return False
        values = self._pick(message)
        if values is None:
            return False
        self._seq += 1
        self.reading = Reading(*values, time_s, received_s, self._seq)
        self.problem = ""
        return True

    def _match(self, names: Sequence[str]) -> bool:
        places = {name: place for place, name in enumerate(names)}
        missing = [name for name in self._wanted if name not in places]
        if missing:
            # A message of another device on the same topic, which is common, or the wrong hand.
            self.problem = f"joint states without {', '.join(missing[:3])}"
            return False
        self._names, self._places = names, [places[name] for name in self._wanted]
        return True

    def _pick(self, message: Any) -> tuple[list[float], list[float], Sequence[float]] | None:
        """Position and velocity, which are needed, and effort, which few hands measure."""
        needed = []
        for quantity in ("position", "velocity"):
            values = getattr(message, quantity)
            try:
                needed.append([values[place] for place in self._places])
            except IndexError:
                self.problem = (
                    f"joint states with {len(values)} numbers of {quantity} for"
                    f" {len(self._names)} joints"
                )
                return None
            for joint, value in zip(self._wanted, needed[-1]):
                if not math.isfinite(value):
                    self.problem = f"joint states in which the {quantity} of {joint} is {value}"
                    return None
        return needed[0], needed[1], self._effort(message.effort)

    def _effort(self, values: Sequence[float]) -> Sequence[float]:
        """Of each motor; empty unless all joints have one: ros2_control sends NaN or nothing."""
        if len(values) < len(self._names):
            return ()
        picked = [values[place] for place in self._places]
        return self._layout.driven_by(picked) if if_measured(picked, len(picked)) else ()
