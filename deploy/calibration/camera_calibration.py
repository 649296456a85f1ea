"""Intrinsics and extrinsics of cameras from images of a ChArUco board. Pure functions.

Fixed cameras and a fixed mount need no hand-eye calibration: a board in a seat on the mount, at a
known pose, gives the placement of each camera directly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np

from ...errors import DataError
from ...vision.geometry import Placement, angle_between, turn, wxyz_of
from ..cameras.camera_config import Extrinsics, Intrinsics
from .board import Corners
from .board_config import BoardConfig

MIN_VIEWS = 12
"""Fewest images for the intrinsics; fewer do not separate focal length from distance."""
MAX_RMS_PX = 1.0
"""Largest residual; a worse one means that the board is not flat or has another size."""
FLAGS = cv2.CALIB_FIX_K3 | cv2.CALIB_FIX_ASPECT_RATIO
"""Square pixels, no sixth-order distortion: boards seldom reach the corners of the image, and an
undetermined parameter would bias the focal length."""
FOCAL_WIDTHS = (0.3, 10.0)
"""Plausible focal lengths, in image widths."""
MAX_FOCAL_ERROR = 0.01
"""Largest relative standard error of the focal length; equal tilts of the board make it large."""


def estimate_intrinsics(
    camera: str, size: tuple[int, int], views: Sequence[Corners]
) -> tuple[Intrinsics, np.ndarray]:
    """Intrinsics from images of a board at any poses, and the residual of each image, (n,) px.

    Zhang 2000, by OpenCV. Raises DataError if the images are not sufficient.
    """
    if len(views) < MIN_VIEWS:
        raise DataError(
            f"camera {camera}: got {len(views)} images with a board, allowed: {MIN_VIEWS} or more"
        )
    points = [corners.points for corners in views]
    pixels = [corners.pixels for corners in views]
    rms, matrix, distortion, turns, shifts, errors, _, _ = cv2.calibrateCameraExtended(
        points, pixels, size, np.eye(3), np.zeros(5), flags=FLAGS
    )
    focal_px = float(matrix[0, 0])
    _check_focal(camera, focal_px / size[0], float(np.ravel(errors)[0] / focal_px))
    residuals = []
    for corners, rotvec, shift in zip(views, turns, shifts, strict=True):
        projected, _ = cv2.projectPoints(corners.points, rotvec, shift, matrix, distortion)
        error = np.linalg.norm(projected.reshape(-1, 2) - corners.pixels, axis=1)
        residuals.append(float(np.sqrt((error**2).mean())))
    if rms > MAX_RMS_PX:
        raise DataError(
            f"camera {camera}: residual: got {rms:.2f} px, allowed: {MAX_RMS_PX} px;"
            " is the board flat, and is square_m the size of its squares?"
        )
    k1, k2, p1, p2, k3 = (float(value) for value in np.ravel(distortion)[:5])
    intrinsics = Intrinsics(
        camera=camera,
        size=size,
        focal_px=(float(matrix[0, 0]), float(matrix[1, 1])),
        centre_px=(float(matrix[0, 2]) + 0.5, float(matrix[1, 2]) + 0.5),
        distortion=(k1, k2, p1, p2, k3),
        rms_px=float(rms),
        views=len(views),
    )
    return intrinsics, np.array(residuals)


def _check_focal(camera: str, widths: float, error: float) -> None:
    low, high = FOCAL_WIDTHS
    if not (low <= widths <= high and error <= MAX_FOCAL_ERROR):
        raise DataError(
            f"camera {camera}: focal length: got {widths:.1f} image widths"
            f" +- {100 * error:.1f} %,"
            f" allowed: {low} to {high:.0f} +- {100 * MAX_FOCAL_ERROR:.0f} %;"
            " tilt the board more between images"
        )


def board_in_camera(corners: Corners, intrinsics: Intrinsics) -> tuple[Placement, float]:
    """board_to_camera from one image, and its residual [px]. Raises DataError."""
    matrix, distortion = intrinsics.pinhole.matrix, np.array(intrinsics.distortion)
    solved, rotvec, shift = cv2.solvePnP(
        corners.points, corners.pixels, matrix, distortion, flags=cv2.SOLVEPNP_IPPE
    )
    if not solved:
        raise DataError(f"camera {intrinsics.camera}: no pose of the board fits its corners")
    rotvec, shift = cv2.solvePnPRefineLM(
        corners.points, corners.pixels, matrix, distortion, rotvec, shift
    )
    at = Placement(np.ravel(shift), turn(np.ravel(rotvec)))
    return at, residual_px(corners, intrinsics, at)


def residual_px(corners: Corners, intrinsics: Intrinsics, board_to_camera: Placement) -> float:
    """Root mean square reprojection error of the corners for a placement [px]."""
    rotvec, _ = cv2.Rodrigues(board_to_camera.rotation)
    projected, _ = cv2.projectPoints(
        corners.points,
        rotvec,
        board_to_camera.position,
        intrinsics.pinhole.matrix,
        np.array(intrinsics.distortion),
    )
    error = projected.reshape(-1, 2) - corners.pixels
    return float(np.sqrt((error**2).sum(axis=1).mean()))


@dataclass(frozen=True)
class ExtrinsicsEstimate:
    """Extrinsics of a camera from many images of the board in its seat, with their errors."""

    extrinsics: Extrinsics
    residuals_px: np.ndarray
    """(n,) residual of each image."""
    spread_m: float
    """Root mean square distance of the results of single images from their mean."""
    spread_deg: float


def estimate_extrinsics(
    intrinsics: Intrinsics, board: BoardConfig, views: Sequence[Corners]
) -> ExtrinsicsEstimate:
    """Extrinsics from images of the board in its seat. Raises DataError."""
    if not views:
        raise DataError(f"camera {intrinsics.camera}: got no image of the board in its seat")
    single, residuals = [], []
    for corners in views:
        at, residual = board_in_camera(corners, intrinsics)
        single.append(board.seat.after(at.inverse()))
        residuals.append(residual)
    mean = mean_placement(single)
    if np.mean(residuals) > MAX_RMS_PX:
        raise DataError(
            f"camera {intrinsics.camera}: residual: got {np.mean(residuals):.2f} px,"
            f" allowed: {MAX_RMS_PX} px; do the intrinsics belong to this camera?"
        )
    errors = np.array([at.distances(mean) for at in single])
    spread_m, spread_rad = np.sqrt((errors**2).mean(axis=0))
    x, y, z = map(float, mean.position)
    w, i, j, k = map(float, wxyz_of(mean.rotation))
    rms_px = float(np.mean(residuals))
    extrinsics = Extrinsics(intrinsics.camera, (x, y, z), (w, i, j, k), rms_px, len(views))
    return ExtrinsicsEstimate(
        extrinsics, np.array(residuals), float(spread_m), float(np.degrees(spread_rad))
    )


def mean_placement(placements: Sequence[Placement]) -> Placement:
    """The mean of placements that are close to each other (chordal, Hartley et al. 2013)."""
    position = np.mean([at.position for at in placements], axis=0)
    u, _, v = np.linalg.svd(np.mean([at.rotation for at in placements], axis=0))
    return Placement(position, u @ np.diag([1.0, 1.0, np.linalg.det(u @ v)]) @ v)


@dataclass(frozen=True)
class Agreement:
    """Difference between the poses of one board in two cameras."""

    first: str
    second: str
    away_m: float
    away_deg: float
    reprojected_px: float
    """Error of the first camera's board, reprojected into the second camera."""


def agreements(
    intrinsics: dict[str, Intrinsics],
    placements: dict[str, Placement],
    views: dict[str, Corners],
) -> list[Agreement]:
    """The differences for every pair of cameras that see one board at the same time."""
    pairs = []
    boards = {
        name: placements[name].after(board_in_camera(corners, intrinsics[name])[0])
        for name, corners in views.items()
    }
    for first, second in combinations(boards, 2):
        away_m = float(np.linalg.norm(boards[first].position - boards[second].position))
        away_rad = angle_between(boards[first].rotation, boards[second].rotation)
        in_second = placements[second].inverse().after(boards[first])
        error_px = residual_px(views[second], intrinsics[second], in_second)
        pairs.append(Agreement(first, second, away_m, float(np.degrees(away_rad)), error_px))
    return pairs
