"""What is fitted: name, unit, start, bounds, and the size of a step that shows.

Each row holds for the whole hand, or has one value for each motor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...envs.hands.shadow import ACTUATORS

MOTORS = tuple(row.name for row in ACTUATORS)


@dataclass(frozen=True)
class Row:
    """One kind of parameter."""

    name: str
    unit: str
    start: float
    low: float
    high: float
    step: float
    """Of finite differences, and the scale of the optimizer."""
    told: float
    """Half an interval that is wider than this tells nothing."""
    what: str
    shared: bool = False
    """One value for the whole hand."""
    coupled: bool = False
    """Of motors that move two joints alone; zero for others."""

    @property
    def motors(self) -> tuple[int, ...]:
        """Which motors have a value of their own; the first place for a shared row."""
        if self.shared:
            return (0,)
        rows = enumerate(ACTUATORS)
        return tuple(i for i, row in rows if len(row.joints) > 1 or not self.coupled)

    @property
    def names(self) -> tuple[str, ...]:
        """Whose values they are."""
        return ("hand",) if self.shared else tuple(MOTORS[i] for i in self.motors)

    def everywhere(self, value: float) -> np.ndarray:
        """(1, A), or (1, 1) for a shared row: `value` where it has one, else zero."""
        found = np.zeros((1, 1 if self.shared else len(MOTORS)))
        found[0, self.motors] = value
        return found


ROWS: tuple[Row, ...] = (
    Row("gain", "x", 1.0, 0.1, 5.0, 0.03, 0.2, "stiffness of each motor"),
    Row("damping", "x", 1.0, 0.02, 10.0, 0.03, 0.3, "damping of each motor's joints"),
    Row("friction", "Nm", 0.004, 0.0, 0.2, 5e-4, 0.003, "dry friction of each motor's joints"),
    Row("lag", "s", 0.04, 1e-3, 0.4, 3e-3, 0.015, "time constant with which each motor follows"),
    Row(
        "slack", "rad", 0.01, 0.0, 0.2, 2e-3, 0.01, "motion that each motor loses when it reverses"
    ),
    Row(
        "deadband", "rad", 0.005, 0.0, 0.1, 1e-3, 0.005, "error at which the controller rests", True
    ),
    Row("latency", "s", 0.01, -0.01, 0.2, 3e-3, 0.01, "delay of every target", True),
    Row("spring", "Nm/rad", 0.005, 0.0, 0.5, 1e-3, 0.02, "springs of coupled joints", coupled=True),
)
BY_NAME = {row.name: row for row in ROWS}

Values = Mapping[str, np.ndarray]
"""Name of a row -> (N, A) values of N candidate hands; (N, 1) for a shared row."""
