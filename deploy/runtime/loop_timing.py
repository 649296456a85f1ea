"""Timing statistics of the control loop for `timing.json`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

SPANS = (
    "lateness",
    "policy",
    "sent",
    "command_round_trip",
    "turn",
    "hand_state_age",
    "pose_age",
    "look",
)
"""`look`, from frames to the object's pose, is not in the loop: it runs in its own thread."""


BINS = 40


@dataclass
class Timing:
    """Time spans of every turn; `summary` is written to the file."""

    period_s: float
    late_s: float
    spans_s: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in SPANS})
    """Name of a span -> its durations [s], one per turn."""
    dropped: int = 0
    repeated: int = 0
    held: int = 0

    def note(self, name: str, seconds: float) -> None:
        """Record one span of one turn."""
        self.spans_s[name].append(seconds)

    def newest(self, name: str) -> float | None:
        """The last duration of a span [s]; None if there is none."""
        values = self.spans_s[name]
        return values[-1] if values else None

    @property
    def ticks(self) -> int:
        """Number of turns so far."""
        return len(self.spans_s["lateness"])

    def late(self, window: int | None = None) -> int:
        """Number of late turns among the last `window` turns, or among all."""
        recent = self.spans_s["lateness"][-window:] if window else self.spans_s["lateness"]
        return sum(seconds >= self.late_s for seconds in recent)

    def summary(self) -> dict[str, Any]:
        """Counts, and p50, p99 and max of each span in ms."""
        return {
            "period_s": self.period_s,
            "ticks": self.ticks,
            "late_ticks": self.late(),
            "late_is_s": self.late_s,
            "dropped_ticks": self.dropped,
            "repeated_ticks": self.repeated,
            "held_ticks": self.held,
            **{f"{name}_ms": spread_ms(values) for name, values in self.spans_s.items()},
            "histograms_ms": {name: histogram_ms(v) for name, v in self.spans_s.items() if v},
        }


def spread_ms(values_s: list[float]) -> dict[str, float] | None:
    """p50, p99 and max in ms, or None without values."""
    if not values_s:
        return None
    p50, p99, top = np.percentile(np.array(values_s) * 1e3, [50, 99, 100])
    return {"p50": round(p50, 3), "p99": round(p99, 3), "max": round(top, 3)}


def histogram_ms(values_s: list[float]) -> dict[str, list[float]]:
    """Counts between edges in ms; values above the last edge are in the last bin.

    The last edge is at most ten times the 99th percentile, so that one turn of several seconds
    does not put all other turns into one bin.
    """
    values_ms = np.array(values_s) * 1e3
    top = max(min(values_ms.max(), 10.0 * float(np.percentile(values_ms, 99))), 0.1)
    counts, edges = np.histogram(np.clip(values_ms, 0.0, top), BINS, (0.0, top))
    return {"edges": np.round(edges, 4).tolist(), "counts": counts.tolist()}
