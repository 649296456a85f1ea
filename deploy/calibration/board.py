"""The ChArUco board of the calibration: what it is, finding it in a picture, drawing it.

A chessboard whose white squares carry markers (Garrido-Jurado et al. 2014): its corners have
numbers, so that a board that is half hidden counts too. Its own axes: x along the longer side, y
along the shorter one downwards, z into the board, as OpenCV has them; the origin is a corner.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ...vision.geometry import Placement
from ..cameras.camera_config import Intrinsics
from .board_config import BoardConfig

MIN_CORNERS = 6
"""Fewer in a picture are not trusted."""
WINDOW = 0.1
"""Half the window in which a corner is refined, in squares."""


@dataclass(frozen=True)
class Corners:
    """A board in one picture."""

    ids: np.ndarray
    """(n,)"""
    pixels: np.ndarray
    """(n, 2) float32, OpenCV's: integers are the middles of pixels."""
    points: np.ndarray
    """(n, 3) float32 m, in the board's axes."""


class Board:
    """Finds and draws the board of a config."""

    def __init__(self, config: BoardConfig) -> None:
        self.config = config
        kind = getattr(cv2.aruco, f"DICT_{config.dictionary.upper()}")
        self._board = cv2.aruco.CharucoBoard(
            (config.columns, config.rows),
            config.square_m,
            config.marker_m,
            cv2.aruco.getPredefinedDictionary(kind),
        )
        self._detector = cv2.aruco.CharucoDetector(self._board)
        self._points = np.asarray(self._board.getChessboardCorners(), np.float32)

    def find(self, image: np.ndarray) -> Corners | None:
        """The board in a picture (H, W, 3); None where it is not, or hardly, to be seen."""
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        pixels, ids, _, _ = self._detector.detectBoard(grey)
        if ids is None or len(ids) < MIN_CORNERS:
            return None
        numbers = np.asarray(ids).ravel()
        points = self._points[numbers]
        found = np.asarray(pixels, np.float32).reshape(-1, 2)
        if np.linalg.matrix_rank(points[:, :2] - points[0, :2], tol=1e-6) < 2:
            return None  # All in one line: no pose follows from them.
        return Corners(numbers, self._refined(grey, found, points), points)

    def _refined(self, grey: np.ndarray, pixels: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Corners (n, 2) once more, in windows that reach no marker's edge, which would pull."""
        steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
        scale = float(np.median(np.linalg.norm(np.diff(pixels, axis=0), axis=1) / steps))
        half = max(2, int(WINDOW * scale * self.config.square_m))
        stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 40, 1e-3)
        found = cv2.cornerSubPix(
            grey, pixels.reshape(-1, 1, 2).copy(), (half, half), (-1, -1), stop
        )
        return np.asarray(found, np.float32).reshape(-1, 2)

    def draw(
        self, intrinsics: Intrinsics, board_to_camera: Placement, oversample: int = 4
    ) -> np.ndarray:
        """What a camera without distortion sees of it on grey: uint8 (H, W, 3)."""
        square_px = 40
        size = (self.config.columns * square_px, self.config.rows * square_px)
        flat = self._board.generateImage(size, marginSize=0)
        scale = self.config.square_m / square_px
        # Pixel (i + 0.5) of the flat picture lies at (i + 0.5) * scale on the board.
        to_board = np.array([[scale, 0, 0.5 * scale], [0, scale, 0.5 * scale], [0, 0, 1]])
        r, t = board_to_camera.rotation, board_to_camera.position
        (fx, fy), (cx, cy) = intrinsics.focal_px, intrinsics.centre_px
        k = oversample
        camera = np.array([[k * fx, 0, k * cx - 0.5], [0, k * fy, k * cy - 0.5], [0, 0, 1.0]])
        homography = camera @ np.column_stack([r[:, 0], r[:, 1], t]) @ to_board
        width, height = intrinsics.size
        large = cv2.warpPerspective(
            flat, homography, (k * width, k * height), flags=cv2.INTER_LINEAR, borderValue=128
        )
        small = cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA)
        return np.repeat(small[..., None], 3, axis=2)
