"""The calibration's board and its seat, as they are told; board.py finds and draws it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import numpy as np

from ...config import Range
from ...errors import ConfigError
from ...vision.geometry import Placement, matrix_of
from .excitation import ExcitationConfig, WiggleConfig

Metres = Annotated[float, Range(-10, 10)]
Unit = Annotated[float, Range(-1, 1)]
Squares = Annotated[int, Range(3, 50)]


@dataclass(frozen=True)
class BoardConfig:
    """A board, and the seat on the hand's mount that it is laid into."""

    columns: Squares = 7
    """Squares along its x axis."""
    rows: Squares = 5
    """Squares along its y axis."""
    square_m: Annotated[float, Range(0.001, 1)] = 0.02
    """Edge of a square, as measured on the printed board."""
    marker_m: Annotated[float, Range(0.001, 1)] = 0.015
    """Edge of a marker."""
    dictionary: Literal["4x4_50", "4x4_100", "5x5_100", "6x6_250"] = "4x4_50"
    """OpenCV's dictionary of markers."""
    seat_position_m: tuple[Metres, Metres, Metres] = (-0.07, -0.004, 0.0595)
    """Where the board's origin lies in the seat: board_to_palm."""
    seat_wxyz: tuple[Unit, Unit, Unit, Unit] = (0.1987, -0.9801, 0.0, 0.0)
    """How it lies there. By default it faces up and is tilted by 0.4 rad towards the fingers: a
    board that a camera sees straight on tells least of how the camera is turned."""

    def __post_init__(self) -> None:
        if self.marker_m >= self.square_m:
            raise ConfigError(
                f"marker_m: got {self.marker_m}, allowed: less than square_m {self.square_m}"
            )
        length = float(np.linalg.norm(self.seat_wxyz))
        if abs(length - 1.0) > 1e-3:
            raise ConfigError(f"seat_wxyz: got length {length:.4f}, allowed: 1")

    @property
    def seat(self) -> Placement:
        """board_to_palm."""
        return Placement(np.array(self.seat_position_m), matrix_of(np.array(self.seat_wxyz)))

    @property
    def middle(self) -> np.ndarray:
        """(3,) the board's middle, in its own axes, m."""
        return np.array([self.columns * self.square_m / 2, self.rows * self.square_m / 2, 0.0])


@dataclass(frozen=True)
class CalibrateConfig:
    """`sleight rig calibrate`: pictures of which board, how joints move, where results go."""

    board: BoardConfig = field(default_factory=BoardConfig)
    """The printed board, and its seat on the hand's mount."""
    joints: ExcitationConfig = field(default_factory=ExcitationConfig)
    """How the motors are moved, to see what they are like."""
    wiggle: WiggleConfig = field(default_factory=WiggleConfig)
    """How far `sleight rig wiggle` moves them, to see that their own joints follow."""
    views: Annotated[int, Range(12, 500)] = 25
    """Pictures of the moving board that each camera's intrinsics come from."""
    frames: Annotated[int, Range(1, 1000)] = 30
    """Pictures of the board in its seat that each camera's placement comes from."""
    timeout_s: Annotated[float, Range(1, 3600)] = 180.0
    """Longest time for the pictures of one camera."""
    out: Path = Path("calibration")
    """Folder for NAME.intrinsics.yaml, NAME.extrinsics.yaml and the pages with pictures."""
