"""Checks of a pose: finite, inside the workspace, consistent views, no jump; and their config."""

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
    """Limits for accepting a pose."""

    workspace_low_m: Corner = (-0.15, -0.22, -0.15)
    """Lowest corner of the box for the object's centre, frame palm; below the drop height."""
    workspace_high_m: Corner = (0.15, 0.10, 0.20)
    """Highest corner of this box."""
    max_speed_m_s: Positive = 2.0
    """Largest speed of the object between two poses."""
    max_turn_rad_s: Positive = 25.0
    """Largest angular speed of the object between two poses."""
    slack_m: Positive = 0.02
    """Position tolerance on top of the motion that the largest speed allows."""
    slack_rad: Positive = 0.5
    """Angle tolerance on top of the rotation that the largest angular speed allows."""
    again: Annotated[int, Range(1, 100)] = 3
    """A jump is accepted after this many consistent poses in a row."""

    def __post_init__(self) -> None:
        if not np.all(np.array(self.workspace_low_m) < self.workspace_high_m):
            raise ConfigError(
                f"workspace_low_m: got {self.workspace_low_m},"
                f" allowed: below workspace_high_m {self.workspace_high_m}"
            )


@dataclass(frozen=True)
class CameraPosesConfig:
    """How camera frames become poses."""

    frame_max_age_s: Seconds = 0.06
    """Largest age of a frame that is used."""
    skew_max_s: Seconds = 0.04
    """Largest time difference between the frames of one pose."""
    open_timeout_s: Seconds = 10.0
    """Time limit for the first image of a camera."""
    doubt: Annotated[float, Range(0.1, 100)] = 1.0
    """Factor on the bundle's limits for the predicted errors of a pose."""
    checks: PoseCheckConfig = field(default_factory=PoseCheckConfig)
    """Limits for accepting a pose."""


class PoseChecks:
    """Checks a sequence of poses."""

    def __init__(self, config: PoseCheckConfig) -> None:
        self._config = config
        self._low = np.array(config.workspace_low_m)
        self._high = np.array(config.workspace_high_m)
        self._last: tuple[float, np.ndarray, np.ndarray] | None = None
        self._jumped: list[tuple[float, np.ndarray, np.ndarray]] = []
        self.refused: Counter[str] = Counter()
        """Reason for a rejection -> number of poses."""

    def judge(
        self, time_s: float, position: np.ndarray, wxyz: np.ndarray, doubt: float = 0.0
    ) -> str:
        """The reason to reject the pose (3,), (4,); empty if it is accepted.

        doubt: uncertainty that the source reports; above 1 the pose is rejected.
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
        pose = (time_s, position, canonical(wxyz))
        if self._last is None or self._near(pose, self._last):
            self._last, self._jumped = pose, []
            return ""
        # The last pose may have been wrong, or the object was placed again.
        consistent = not self._jumped or self._near(pose, self._jumped[-1])
        self._jumped = [*self._jumped, pose] if consistent else [pose]
        if len(self._jumped) >= self._config.again:
            self._last, self._jumped = pose, []
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
