"""Whether to believe a pose: finite, inside the workspace, agreed on by the views, and no jump."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np

from ...config import Range
from ...contract.quaternions import canonical, distance
from ...errors import ConfigError

Metres = Annotated[float, Range(-10, 10)]
Positive = Annotated[float, Range(0, 1e6, open_low=True)]
Seconds = Annotated[float, Range(1e-3, 60)]
Corner = tuple[Metres, Metres, Metres]


@dataclass(frozen=True)
class PoseCheckConfig:
    """Limits of a pose that is believed."""

    workspace_low_m: Corner = (-0.15, -0.22, -0.15)
    """Lowest corner of where the object's centre may be, frame palm; below the drop height."""
    workspace_high_m: Corner = (0.15, 0.10, 0.20)
    """Highest corner."""
    max_speed_m_s: Positive = 2.0
    """Fastest that the object moves."""
    max_turn_rad_s: Positive = 25.0
    """Fastest that it turns."""
    slack_m: Positive = 0.02
    """Besides, two looks at one pose may differ by this much,"""
    slack_rad: Positive = 0.5
    """and by this much."""
    again: Annotated[int, Range(1, 100)] = 3
    """A pose far from the last one is believed when it came this many times in a row."""

    def __post_init__(self) -> None:
        if not np.all(np.array(self.workspace_low_m) < self.workspace_high_m):
            raise ConfigError(
                f"workspace_low_m: got {self.workspace_low_m},"
                f" allowed: below workspace_high_m {self.workspace_high_m}"
            )


@dataclass(frozen=True)
class CameraPosesConfig:
    """How frames become poses."""

    frame_max_age_s: Seconds = 0.06
    """Older frames are not used."""
    skew_max_s: Seconds = 0.04
    """Frames of one look lie no further apart."""
    open_timeout_s: Seconds = 10.0
    """Longest wait for a camera's first picture."""
    doubt: Annotated[float, Range(0.1, 100)] = 1.0
    """Factor on the bundle's limit of how far the views may disagree."""
    checks: PoseCheckConfig = field(default_factory=PoseCheckConfig)
    """Which poses are believed."""


class PoseChecks:
    """Judges one pose after the other."""

    def __init__(self, config: PoseCheckConfig) -> None:
        self._config = config
        self._low = np.array(config.workspace_low_m)
        self._high = np.array(config.workspace_high_m)
        self._last: tuple[float, np.ndarray, np.ndarray] | None = None
        self._stray: list[tuple[float, np.ndarray, np.ndarray]] = []
        self.refused: Counter[str] = Counter()
        """Why poses were not believed -> how often."""

    def judge(
        self, time_s: float, position: np.ndarray, wxyz: np.ndarray, doubt: float = 0.0
    ) -> str:
        """Why the pose (3,), (4,) is not to be believed; empty when it is.

        doubt: of its source, 1 at the limit of what it is to be believed with.
        """
        reason = self._reason(time_s, position, wxyz, doubt)
        if reason:
            self.refused[reason] += 1
        return reason

    def _reason(self, time_s: float, position: np.ndarray, wxyz: np.ndarray, doubt: float) -> str:
        if not (np.isfinite(position).all() and np.isfinite(wxyz).all() and np.isfinite(doubt)):
            return "not finite"
        if abs(float(np.linalg.norm(wxyz)) - 1.0) > 1e-2:
            return "norm"
        if doubt > 1.0:
            return "confidence"
        if np.any(position < self._low) or np.any(position > self._high):
            return "workspace"
        look = (time_s, position, canonical(wxyz))
        if self._last is None or self._near(look, self._last):
            self._last, self._stray = look, []
            return ""
        # It may be the last pose that was wrong, or the object was laid in anew.
        consistent = not self._stray or self._near(look, self._stray[-1])
        self._stray = [*self._stray, look] if consistent else [look]
        if len(self._stray) >= self._config.again:
            self._last, self._stray = look, []
            return ""
        return "jump"

    def _near(
        self,
        new: tuple[float, np.ndarray, np.ndarray],
        old: tuple[float, np.ndarray, np.ndarray],
    ) -> bool:
        c, elapsed_s = self._config, max(new[0] - old[0], 0.0)
        moved = float(np.linalg.norm(new[1] - old[1]))
        turned = distance(new[2], old[2])
        return (
            moved <= c.slack_m + c.max_speed_m_s * elapsed_s
            and turned <= c.slack_rad + c.max_turn_rad_s * elapsed_s
        )
