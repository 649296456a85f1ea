"""Shadow's `/diagnostics` of ROS 1 -> the motors' temperatures.

sr_robot_lib names a status `rh SRDMotor FFJ3` and writes `Temperature` in degrees Celsius as text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

KEY = "Temperature"
OLD_S = 10.0
"""Temperatures that nobody has told for this long are not known any more."""


class MotorTemperatures:
    """Takes DiagnosticArray messages, of which each may tell of some motors only."""

    def __init__(self, motors: Sequence[str], prefix: str) -> None:
        hand = prefix.rstrip("_")
        self._places = {f"{hand} SRDMotor {motor}": i for i, motor in enumerate(motors)}
        self._found = [(-math.inf, math.nan)] * len(motors)

    def take(self, message: Any, now_s: float) -> None:
        """One message; statuses of other devices, and numbers that are none, are passed over."""
        for status in message.status:
            place = self._places.get(status.name.strip("/"))
            told = {item.key: item.value for item in status.values}
            value = _number(told.get(KEY))
            if place is not None and value is not None:
                self._found[place] = (now_s, value)

    def newest(self, now_s: float) -> Sequence[float]:
        """(A,) degrees Celsius; empty until all are known, and when one has grown old."""
        found = tuple(self._found)
        if min(time_s for time_s, _ in found) < now_s - OLD_S:
            return ()
        return tuple(value for _, value in found)


def _number(text: Any) -> float | None:
    try:
        value = float(text)
    except (TypeError, ValueError):
        return None
    return value if math.isfinite(value) else None
