"""How well the loop kept its time: numbers for `timing.json`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass
class Timing:
    """Durations of every turn; `summary` is what is written."""

    period_s: float
    late_s: float
    lateness_s: list[float]
    policy_s: list[float]
    command_s: list[float]
    turn_s: list[float]
    state_age_s: list[float]
    pose_age_s: list[float]
    dropped: int = 0
    repeated: int = 0
    held: int = 0

    @staticmethod
    def empty(period_s: float, late_s: float) -> Timing:
        """No turns yet."""
        return Timing(period_s, late_s, [], [], [], [], [], [])

    def summary(self) -> dict[str, Any]:
        """Counts, and p50, p99 and max of each duration in ms."""
        lateness = np.array(self.lateness_s)
        return {
            "period_s": self.period_s,
            "ticks": len(self.lateness_s),
            "late_ticks": int((lateness >= self.late_s).sum()),
            "late_is_s": self.late_s,
            "dropped_ticks": self.dropped,
            "repeated_ticks": self.repeated,
            "held_ticks": self.held,
            "lateness_ms": spread_ms(self.lateness_s),
            "policy_ms": spread_ms(self.policy_s),
            "command_round_trip_ms": spread_ms(self.command_s),
            "turn_ms": spread_ms(self.turn_s),
            "hand_state_age_ms": spread_ms(self.state_age_s),
            "pose_age_ms": spread_ms(self.pose_age_s),
        }


def spread_ms(values_s: list[float]) -> dict[str, float] | None:
    """p50, p99 and max in ms, or None without values."""
    if not values_s:
        return None
    p50, p99, top = np.percentile(np.array(values_s) * 1e3, [50, 99, 100])
    return {"p50": round(p50, 3), "p99": round(p99, 3), "max": round(top, 3)}
