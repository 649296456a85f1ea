"""`HandSpec`: the description of a hand that training and the robot share. Needs only numpy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np


@dataclass(frozen=True)
class HandSpec:
    """Names, limits and coupling of a hand with A actuators and J joints."""

    name: str
    joints: tuple[str, ...]
    actuators: tuple[str, ...]
    coupling: np.ndarray = field(repr=False)
    """(A, J): control position = coupling @ joint position."""
    wrist: ClassVar[slice] = slice(0, 2)
    """WRJ2 and WRJ1: the first two of both the joints and the actuators."""
    joint_lower: np.ndarray = field(repr=False)
    joint_upper: np.ndarray = field(repr=False)
    """(J,) rad: limits of the joints."""
    lower: np.ndarray = field(repr=False)
    upper: np.ndarray = field(repr=False)
    """(A,) rad: limits of the targets."""
    max_speed: np.ndarray = field(repr=False)
    """(A,) rad/s: rated speed of the actuators."""
    home: np.ndarray = field(repr=False)
    """(A,) rad: fingers half curled around the place of the object."""
    fingertips: tuple[str, ...] = ()

    def control_position(self, joint_position: np.ndarray) -> np.ndarray:
        """(..., J) joint angles -> (..., A) control positions, rad."""
        return joint_position @ self.coupling.T

    def joint_target(self, target: np.ndarray) -> np.ndarray:
        """(..., A) targets -> (..., J): a coupled sum is split evenly, as in Shadow's driver."""
        share = self.coupling / self.coupling.sum(axis=1, keepdims=True)
        return target @ share
