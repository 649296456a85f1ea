"""The reports of a simulated smart cube: the angle of each face, at a low rate, late and noisy."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from ...config import Range
from ...envs.cube.cube_geometry import FACES, wrapped
from ...envs.objects.object_spec import OBJECTS


@dataclass(frozen=True)
class SmartCubeConfig:
    """How a cube reports the angles of its faces."""

    rate_hz: Annotated[float, Range(1, 1000)] = 12.5
    """Reports per second of simulated time."""
    noise_rad: Annotated[float, Range(0, 0.5)] = 0.03
    """Standard deviation of the noise of each angle [rad]."""
    delay_s: Annotated[float, Range(0, 1)] = 0.03
    """Time from the measurement of a report to its arrival [s]."""


def reports_faces(name: str) -> bool:
    """Whether the six inner joints of an object are the faces of a cube. Raises ConfigError."""
    return OBJECTS.get(name, "plant.object").joints == tuple(FACES)


class SmartCube:
    """Call `report` at every message; it tells what has arrived by then."""

    def __init__(self, config: SmartCubeConfig, speed: float, rng: np.random.Generator) -> None:
        """speed: simulated seconds per second of the clock."""
        self._period_s, self._delay_s = 1.0 / (config.rate_hz * speed), config.delay_s / speed
        self._noise_rad, self._rng = config.noise_rad, rng
        self._due_s = -np.inf
        self._sent: deque[tuple[float, np.ndarray]] = deque()
        """Reports and when they were measured: the newest that has arrived, then those on their
        way."""

    def report(self, angles_rad: np.ndarray, now_s: float) -> tuple[float, np.ndarray]:
        """Take the true angles (6,); returns the newest report that has arrived.

        Its time of measurement by the clock of `now_s`, and angles (6,) in (-pi, pi]. The first
        report arrives at once.
        """
        if now_s >= self._due_s:
            next_s = self._due_s + self._period_s
            # After a call that was late by a period or more, no report is made up for.
            self._due_s = next_s if next_s > now_s else now_s + self._period_s
            noise = self._noise_rad * self._rng.standard_normal(len(angles_rad))
            self._sent.append((now_s, wrapped(angles_rad + noise)))
        while len(self._sent) > 1 and self._sent[1][0] + self._delay_s <= now_s:
            self._sent.popleft()
        return self._sent[0]
