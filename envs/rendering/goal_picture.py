"""How a task's goal is drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class GoalPicture:
    """How the goal of one world is drawn."""

    wxyz: np.ndarray | None = None
    """(4,) of a second object beside the hand."""
    joints: np.ndarray | None = None
    """(K,) its inner joints."""
    points: np.ndarray | None = None
    """(F, 3) m, frame palm: one sphere for each fingertip, tied to it."""
