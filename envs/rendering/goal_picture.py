"""Data that describes how a task's goal is rendered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class GoalPicture:
    """How the goal of one world is rendered."""

    wxyz: np.ndarray | None = None
    """(4,) orientation of a second object beside the hand."""
    joints: np.ndarray | None = None
    """(K,) observed inner joints of that object, or (P,) coordinates of all its inner joints."""
    label: str = "goal"
    """What stands below it."""
    points: np.ndarray | None = None
    """(F, 3) m, frame palm: one sphere per fingertip, with a line to it."""
