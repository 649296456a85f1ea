"""The ChArUco board of the calibration: detects it in an image and draws it.

A ChArUco board is a chessboard with markers in its white squares (Garrido-Jurado et al. 2014). Its
corners have numbers, so that a partly hidden board is usable. Axes of the board as in OpenCV: x
along the longer side, y down along the shorter side, z into the board; the origin is a corner.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ...vision.geometry import Placement
from ..cameras.camera_config import Intrinsics
from .board_config import BoardConfig

MIN_CORNERS = 6
"""Fewest detected corners of a usable image."""
WINDOW = 0.1
"""Half the size of the window for refining a corner, in squares."""


@dataclass(frozen=True)
class Corners:
    """The detected corners of a board in one image."""

    ids: np.ndarray
    """(n,) numbers of the corners."""
    pixels: np.ndarray
    """(n, 2) float32, OpenCV's convention: integers are pixel centres."""
    points: np.ndarray
    """(n, 3) float32 m, in the board's axes."""


class Board:
    """Detects and draws the board of a config."""

    def __init__(self, config: BoardConfig) -> None:
        self.config = config
        patterns = [config.pattern] if config.pattern != "auto" else ["new", "legacy"]
        boards = [_board(config, pattern == "legacy") for pattern in patterns]
        # The two patterns are the same board where the number of rows is odd.
        self._boards = boards if config.rows % 2 == 0 else boards[:1]
        self._detectors = [cv2.aruco.CharucoDetector(board) for board in self._boards]
        # The numbers and places of the corners do not depend on the pattern.
        self._points = np.asarray(boards[0].getChessboardCorners(), np.float32)

    def find(self, image: np.ndarray) -> Corners | None:
        """The board in an image (H, W, 3); None if it is not sufficiently visible."""
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        for detector in tuple(self._detectors):
            if (corners := self._corners(grey, detector)) is not None:
                self._detectors.sort(key=lambda each: each is not detector)  # the next one first
                return corners
        return None

    def _corners(self, grey: np.ndarray, detector: cv2.aruco.CharucoDetector) -> Corners | None:
        pixels, ids, _, _ = detector.detectBoard(grey)
        if ids is None or len(ids) < MIN_CORNERS:
            return None
        numbers = np.asarray(ids).ravel()
        points = self._points[numbers]
        corners = np.asarray(pixels, np.float32).reshape(-1, 2)
        if np.linalg.matrix_rank(points[:, :2] - points[0, :2], tol=1e-6) < 2:
            return None  # Collinear corners do not determine a pose.
        return Corners(numbers, self._refined(grey, corners, points), points)

    def _refined(self, grey: np.ndarray, pixels: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Refine corners (n, 2) in windows without edges of markers, which would bias them."""
        steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
        scale = float(np.median(np.linalg.norm(np.diff(pixels, axis=0), axis=1) / steps))
        half = max(2, int(WINDOW * scale * self.config.square_m))
        stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 40, 1e-3)
        refined = cv2.cornerSubPix(
            grey, pixels.reshape(-1, 1, 2).copy(), (half, half), (-1, -1), stop
        )
        return np.asarray(refined, np.float32).reshape(-1, 2)

    def draw(
        self, intrinsics: Intrinsics, board_to_camera: Placement, oversample: int = 4
    ) -> np.ndarray:
        """The image of a camera without distortion, on grey background: uint8 (H, W, 3)."""
        square_px = 40
        size = (self.config.columns * square_px, self.config.rows * square_px)
        flat = self._boards[0].generateImage(size, marginSize=0)
        scale = self.config.square_m / square_px
        # Pixel (i + 0.5) of the flat image lies at (i + 0.5) * scale on the board.
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


def _board(config: BoardConfig, legacy: bool) -> cv2.aruco.CharucoBoard:
    size = (config.columns, config.rows)
    dictionary = _dictionary(config.dictionary)
    board = cv2.aruco.CharucoBoard(size, config.square_m, config.marker_m, dictionary)
    board.setLegacyPattern(legacy)
    return board


def _dictionary(name: str) -> cv2.aruco.Dictionary:
    return cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, f"DICT_{name.upper()}"))


def markers_in(image: np.ndarray, dictionary: str) -> int:
    """Number of markers of a dictionary in an image (H, W, 3), whatever board they belong to."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    _, ids, _ = cv2.aruco.ArucoDetector(_dictionary(dictionary)).detectMarkers(grey)
    return 0 if ids is None else len(ids)
