"""The table of fitted parameters: name, unit, start, bounds, and step size.

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
    """Step of finite differences, and scale of the optimizer."""
    max_half: float
    """A value whose interval has a larger half width counts as not identified."""
    what: str
    shared: bool = False
    """One value for the whole hand."""
    coupled: bool = False
    """Only motors that move two joints have a value; it is zero for the others."""

    @property
    def motors(self) -> tuple[int, ...]:
        """Indices of the motors with a value; the first index for a shared row."""
        if self.shared:
            return (0,)
        rows = enumerate(ACTUATORS)
        return tuple(i for i, row in rows if len(row.joints) > 1 or not self.coupled)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the motors with a value, or `hand`."""
        return ("hand",) if self.shared else tuple(MOTORS[i] for i in self.motors)

    def everywhere(self, value: float) -> np.ndarray:
        """(1, A), or (1, 1) for a shared row: `value` for motors with a value, otherwise zero."""
        values = np.zeros((1, 1 if self.shared else len(MOTORS)))
        values[0, self.motors] = value
        return values


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
