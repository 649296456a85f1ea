"""Where cameras stand and how they see, from pictures of a ChArUco board. Pure functions.

Three fixed cameras and a fixed mount need no hand-eye solution: a board in a seat on the mount, of
known place, gives each camera's placement by itself.
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
"""Fewer pictures of the board do not tell focal length from distance."""
MAX_RMS_PX = 1.0
"""A calibration that is worse is refused: the board is not flat, or not the one that was told."""
FLAGS = cv2.CALIB_FIX_K3 | cv2.CALIB_FIX_ASPECT_RATIO
"""Square pixels, and no sixth power in the distortion: boards seldom reach a picture's corners, and
what is not determined would be paid for in focal length."""
FOCAL_WIDTHS = (0.3, 10.0)
"""Focal lengths of any lens that sees a hand, in widths of the picture."""
MAX_FOCAL_ERROR = 0.01
"""Largest relative standard error of the focal length, which boards that all face the camera alike
leave open."""


def calibrate_inside(
    camera: str, size: tuple[int, int], seen: Sequence[Corners]
) -> tuple[Intrinsics, np.ndarray]:
    """Intrinsics from pictures of a board held anyhow, and each picture's residual (n,) px.

    Zhang 2000, by OpenCV. Raises DataError when the pictures do not suffice.
    """
    if len(seen) < MIN_VIEWS:
        raise DataError(
            f"camera {camera}: got {len(seen)} pictures with a board, allowed: {MIN_VIEWS} or more"
        )
    points = [one.points for one in seen]
    pixels = [one.pixels for one in seen]
    rms, matrix, distortion, turns, shifts, errors, _, _ = cv2.calibrateCameraExtended(
        points, pixels, size, np.eye(3), np.zeros(5), flags=FLAGS
    )
    focal_px = float(matrix[0, 0])
    _check_focal(camera, focal_px / size[0], float(np.ravel(errors)[0] / focal_px))
    residuals = []
    for one, rotvec, shift in zip(seen, turns, shifts, strict=True):
        back, _ = cv2.projectPoints(one.points, rotvec, shift, matrix, distortion)
        away = np.linalg.norm(back.reshape(-1, 2) - one.pixels, axis=1)
        residuals.append(float(np.sqrt((away**2).mean())))
    if rms > MAX_RMS_PX:
        raise DataError(
            f"camera {camera}: residual: got {rms:.2f} px, allowed: {MAX_RMS_PX} px;"
            " is the board flat, and its squares as large as told?"
        )
    k1, k2, p1, p2, k3 = (float(value) for value in np.ravel(distortion)[:5])
    found = Intrinsics(
        camera=camera,
        size=size,
        focal_px=(float(matrix[0, 0]), float(matrix[1, 1])),
        centre_px=(float(matrix[0, 2]) + 0.5, float(matrix[1, 2]) + 0.5),
        distortion=(k1, k2, p1, p2, k3),
        rms_px=float(rms),
        views=len(seen),
    )
    return found, np.array(residuals)


def _check_focal(camera: str, widths: float, error: float) -> None:
    low, high = FOCAL_WIDTHS
    if not (low <= widths <= high and error <= MAX_FOCAL_ERROR):
        raise DataError(
            f"camera {camera}: focal length: got {widths:.1f} picture widths"
            f" +- {100 * error:.1f} %,"
            f" allowed: {low} to {high:.0f} +- {100 * MAX_FOCAL_ERROR:.0f} %;"
            " tilt the board more between pictures"
        )


def board_in_camera(corners: Corners, inside: Intrinsics) -> tuple[Placement, float]:
    """board_to_camera from one picture, and its residual [px]. Raises DataError."""
    matrix, distortion = inside.pinhole.matrix, np.array(inside.distortion)
    solved, rotvec, shift = cv2.solvePnP(
        corners.points, corners.pixels, matrix, distortion, flags=cv2.SOLVEPNP_IPPE
    )
    if not solved:
        raise DataError(f"camera {inside.camera}: no pose of the board fits its corners")
    rotvec, shift = cv2.solvePnPRefineLM(
        corners.points, corners.pixels, matrix, distortion, rotvec, shift
    )
    at = Placement(np.ravel(shift), turn(np.ravel(rotvec)))
    return at, residual_px(corners, inside, at)


def residual_px(corners: Corners, inside: Intrinsics, board_to_camera: Placement) -> float:
    """Root mean square distance of the corners from where a placement puts them [px]."""
    rotvec, _ = cv2.Rodrigues(board_to_camera.rotation)
    back, _ = cv2.projectPoints(
        corners.points,
        rotvec,
        board_to_camera.position,
        inside.pinhole.matrix,
        np.array(inside.distortion),
    )
    away = back.reshape(-1, 2) - corners.pixels
    return float(np.sqrt((away**2).sum(axis=1).mean()))


@dataclass(frozen=True)
class Standing:
    """Where a camera stands by many pictures of the seated board."""

    extrinsics: Extrinsics
    residuals_px: np.ndarray
    """(n,)"""
    spread_m: float
    """Root mean square distance of the single pictures' results from their mean."""
    spread_deg: float


def calibrate_outside(inside: Intrinsics, board: BoardConfig, seen: Sequence[Corners]) -> Standing:
    """Extrinsics from pictures of the board in its seat. Raises DataError."""
    if not seen:
        raise DataError(f"camera {inside.camera}: the board is not to be seen in its seat")
    single, residuals = [], []
    for corners in seen:
        at, residual = board_in_camera(corners, inside)
        single.append(board.seat.after(at.inverse()))
        residuals.append(residual)
    mean = mean_placement(single)
    if np.mean(residuals) > MAX_RMS_PX:
        raise DataError(
            f"camera {inside.camera}: residual: got {np.mean(residuals):.2f} px,"
            f" allowed: {MAX_RMS_PX} px; do the intrinsics belong to this camera?"
        )
    away = np.array([at.distances(mean) for at in single])
    spread_m, spread_rad = np.sqrt((away**2).mean(axis=0))
    x, y, z = map(float, mean.position)
    w, i, j, k = map(float, wxyz_of(mean.rotation))
    found = Extrinsics(inside.camera, (x, y, z), (w, i, j, k), float(np.mean(residuals)), len(seen))
    return Standing(found, np.array(residuals), float(spread_m), float(np.degrees(spread_rad)))


def mean_placement(placements: Sequence[Placement]) -> Placement:
    """The mean of placements that are near each other (chordal, Hartley et al. 2013)."""
    position = np.mean([at.position for at in placements], axis=0)
    u, _, v = np.linalg.svd(np.mean([at.rotation for at in placements], axis=0))
    return Placement(position, u @ np.diag([1.0, 1.0, np.linalg.det(u @ v)]) @ v)


@dataclass(frozen=True)
class Agreement:
    """Two cameras that look at one board: where each says that it lies."""

    first: str
    second: str
    away_m: float
    away_deg: float
    reprojected_px: float
    """The second camera's corners against the first one's board."""


def agreements(
    insides: dict[str, Intrinsics],
    standings: dict[str, Placement],
    seen: dict[str, Corners],
) -> list[Agreement]:
    """Every pair of cameras that saw the same board at the same time, wherever it lay."""
    found = []
    boards = {
        name: standings[name].after(board_in_camera(corners, insides[name])[0])
        for name, corners in seen.items()
    }
    for first, second in combinations(boards, 2):
        away_m = float(np.linalg.norm(boards[first].position - boards[second].position))
        away_rad = angle_between(boards[first].rotation, boards[second].rotation)
        across = standings[second].inverse().after(boards[first])
        pixels = residual_px(seen[second], insides[second], across)
        found.append(Agreement(first, second, away_m, float(np.degrees(away_rad)), pixels))
    return found
