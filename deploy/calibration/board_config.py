"""Config of the calibration: the board, its seat on the hand's mount, and the motions."""

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
Dictionary = Literal["4x4_50", "4x4_100", "5x5_100", "6x6_250"]
Pattern = Literal["auto", "new", "legacy"]


@dataclass(frozen=True)
class BoardConfig:
    """A calibration board, and its seat on the hand's mount."""

    columns: Squares = 7
    """Number of squares along the x axis."""
    rows: Squares = 5
    """Number of squares along the y axis."""
    square_m: Annotated[float, Range(0.001, 1)] = 0.02
    """Edge length of a square, measured on the printed board."""
    marker_m: Annotated[float, Range(0.001, 1)] = 0.015
    """Edge length of a marker."""
    dictionary: Dictionary = "4x4_50"
    """OpenCV's marker dictionary."""
    pattern: Pattern = "auto"
    """Where the markers begin on a board with an even number of rows. new: OpenCV 4.6 and later;
    legacy: before that, and calib.io; auto: both are tried."""
    seat_position_m: tuple[Metres, Metres, Metres] = (-0.07, -0.004, 0.0595)
    """Position of the board's origin in its seat: board_to_palm."""
    seat_wxyz: tuple[Unit, Unit, Unit, Unit] = (0.1987, -0.9801, 0.0, 0.0)
    """Orientation of the board in its seat: board_to_palm. The default faces up and is tilted by
    0.4 rad towards the fingers, because a frontal view determines the camera's rotation badly."""

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
        """(3,) m: the centre of the board in its own axes."""
        return np.array([self.columns * self.square_m / 2, self.rows * self.square_m / 2, 0.0])


@dataclass(frozen=True)
class CalibrateConfig:
    """`sleight rig calibrate`: the board, the motions, and the folder for results."""

    board: BoardConfig = field(default_factory=BoardConfig)
    """The printed board, and its seat on the hand's mount."""
    joints: ExcitationConfig = field(default_factory=ExcitationConfig)
    """Motion of the motors for the calibration of joints."""
    wiggle: WiggleConfig = field(default_factory=WiggleConfig)
    """Motion and limits of `sleight rig wiggle`."""
    views: Annotated[int, Range(12, 500)] = 25
    """Number of images of the moving board for the intrinsics of each camera."""
    frames: Annotated[int, Range(1, 1000)] = 30
    """Number of images of the board in its seat for the extrinsics of each camera."""
    timeout_s: Annotated[float, Range(1, 3600)] = 180.0
    """Time limit for the images of one camera."""
    out: Path = Path("calibration")
    """Folder for NAME.intrinsics.yaml, NAME.extrinsics.yaml and the report pages."""
