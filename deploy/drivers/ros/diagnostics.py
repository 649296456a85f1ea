"""Motor temperatures from Shadow's `/diagnostics` on ROS 1.

sr_robot_lib names a status `rh SRDMotor FFJ3` and writes `Temperature` in degrees Celsius as text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

KEY = "Temperature"
OLD_S = 10.0
"""Temperatures without an update for this time count as unknown."""


class MotorTemperatures:
    """Collects temperatures from DiagnosticArray messages; each may cover only some motors."""

    def __init__(self, motors: Sequence[str], prefix: str) -> None:
        hand = prefix.rstrip("_")
        self._places = {f"{hand} SRDMotor {motor}": i for i, motor in enumerate(motors)}
        self._latest = [(-math.inf, math.nan)] * len(motors)

    def take(self, message: Any, now_s: float) -> None:
        """Read one message; ignore statuses of other devices and invalid numbers."""
        for status in message.status:
            place = self._places.get(status.name.strip("/"))
            fields = {item.key: item.value for item in status.values}
            value = _number(fields.get(KEY))
            if place is not None and value is not None:
                self._latest[place] = (now_s, value)

    def newest(self, now_s: float) -> Sequence[float]:
        """(A,) degrees Celsius; empty until all are known, and if one is too old."""
        latest = tuple(self._latest)
        if min(time_s for time_s, _ in latest) < now_s - OLD_S:
            return ()
        return tuple(value for _, value in latest)


def _number(text: Any) -> float | None:
    try:
        value = float(text)
    except (TypeError, ValueError):
        return None
    return value if math.isfinite(value) else None
