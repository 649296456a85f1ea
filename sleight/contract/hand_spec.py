"""What describes a hand to training and to a robot alike. Needs numpy alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np


@dataclass(frozen=True)
class HandSpec:
    """What two parties must agree on before a policy may drive a hand. A actuators, J joints."""

    name: str
    joints: tuple[str, ...]
    actuators: tuple[str, ...]
    coupling: np.ndarray = field(repr=False)
    """(A, J): control position = coupling @ joint position."""
    wrist: ClassVar[slice] = slice(0, 2)
    """WRJ2 and WRJ1, which joints and actuators alike begin with."""
    joint_lower: np.ndarray = field(repr=False)
    joint_upper: np.ndarray = field(repr=False)
    """(J,) rad."""
    lower: np.ndarray = field(repr=False)
    upper: np.ndarray = field(repr=False)
    """(A,) rad, limits of the targets."""
    max_speed: np.ndarray = field(repr=False)
    """(A,) rad/s."""
    home: np.ndarray = field(repr=False)
    """(A,) rad: fingers half curled around where an object lies."""
    fingertips: tuple[str, ...] = ()

    def control_position(self, joint_position: np.ndarray) -> np.ndarray:
        """(..., J) joint angles -> (..., A) control positions, rad."""
        return joint_position @ self.coupling.T

    def joint_target(self, target: np.ndarray) -> np.ndarray:
        """(..., A) targets -> (..., J): a coupled sum is split evenly, as by Shadow's driver."""
        share = self.coupling / self.coupling.sum(axis=1, keepdims=True)
        return target @ share
