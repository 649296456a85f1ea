"""A JointState message of ROS 1 or ROS 2 -> a hand's reading, by names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ...link.face import Layout, Reading

RESTARTED_S = 1.0
"""A hand's clock that goes back by more belongs to a hand that was started anew."""


class JointReader:
    """Takes messages about any joints in any order; keeps the newest reading of this hand's."""

    def __init__(self, layout: Layout, prefix: str) -> None:
        self._layout = layout
        self._wanted = [prefix + joint for joint in layout.joints]
        self._names: Sequence[str] = []
        self._places: list[int] = []
        self._seq = 0
        self.reading: Reading | None = None
        self.problem = "no joint states"
        """Why there is no reading, or no newer one; empty when the last message was good."""

    def take(self, message: Any, time_s: float, received_s: float) -> bool:
        """One message, stamped `time_s` by the hand (0: not stamped). Whether it is news.

        A bad message does not replace a good one: it leaves it to grow old. So does one whose
        clock stands still.
        """
        time_s = time_s or received_s
        if list(message.name) != self._names and not self._find(list(message.name)):
            return False
        before = self.reading
        if before is not None and 0.0 <= before.time_s - time_s < RESTARTED_S:
            self.problem = "joint states whose clock stands still"
            return False
        values = self._pick(message)
        if values is None:
            return False
        self._seq += 1
        self.reading = Reading(*values, time_s, received_s, self._seq)
        self.problem = ""
        return True

    def _find(self, names: Sequence[str]) -> bool:
        places = {name: place for place, name in enumerate(names)}
        missing = [name for name in self._wanted if name not in places]
        if missing:
            # Another device's message on the same topic, which is usual, or the wrong hand.
            self.problem = f"joint states without {', '.join(missing[:3])}"
            return False
        self._names, self._places = names, [places[name] for name in self._wanted]
        return True

    def _pick(self, message: Any) -> tuple[list[float], list[float], list[float]] | None:
        try:
            position = [message.position[place] for place in self._places]
            velocity = [message.velocity[place] for place in self._places]
            effort = [message.effort[place] for place in self._places] if message.effort else []
        except IndexError:
            self.problem = "joint states with fewer numbers than names"
            return None
        if not all(map(math.isfinite, position + velocity + effort)):
            self.problem = "joint states that are not finite"
            return None
        return position, velocity, self._layout.driven_by(effort) if effort else []
