"""`sleight rig calibrate cameras | extrinsics`: takes images, writes results and a report page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ...config import save
from ...errors import DataError
from ...files import write_text
from ...pages import html
from ..cameras.camera_config import CameraConfig, Intrinsics, intrinsics_of
from ..cameras.camera_threads import Camera, Frame
from ..cameras.frame_sources import open_camera
from .board import Board, Corners
from .board_config import CalibrateConfig
from .board_hints import why_no_board
from .camera_calibration import (
    ExtrinsicsEstimate,
    agreements,
    board_in_camera,
    estimate_extrinsics,
    estimate_intrinsics,
)

MOVED_PX = 8.0
"""Least mean motion of the board between two images; less adds no information."""
GRAB_S = 20.0
"""Longest wait for an image."""


Report = Callable[[str], None]


def calibrate_cameras(
    cameras: Sequence[CameraConfig], config: CalibrateConfig, say: Report
) -> list[Intrinsics]:
    """Intrinsics of each camera, from a board that a person moves in front of it.

    Raises CameraError, DataError.
    """
    board, results, parts = Board(config.board), [], []
    for entry in cameras:
        with open_camera(entry, GRAB_S) as camera:
            shots = _collect(camera, board, config.views, config.timeout_s, MOVED_PX, say)
        corners = [shot.corners for shot in shots]
        intrinsics, residuals = estimate_intrinsics(entry.name, entry.size, corners)
        save(intrinsics, config.out / f"{entry.name}.intrinsics.yaml")
        say(f"camera {entry.name}: residual {intrinsics.rms_px:.2f} px, {len(shots)} images")
        results.append(intrinsics)
        parts.append(_intrinsics_section(intrinsics, residuals, shots[:6]))
    _write_page(config.out / "intrinsics.html", "Cameras: intrinsics", parts)
    return results


def calibrate_extrinsics(
    cameras: Sequence[CameraConfig], config: CalibrateConfig, say: Report
) -> dict[str, ExtrinsicsEstimate]:
    """Extrinsics of each camera, from the board in its seat. Raises CameraError, DataError."""
    board = Board(config.board)
    intrinsics = {entry.name: intrinsics_of(entry) for entry in cameras}
    shots: dict[str, list[Shot]] = {}
    with ExitStack() as stack:
        for entry in cameras:
            camera = stack.enter_context(open_camera(entry, GRAB_S))
            shots[entry.name] = _collect(camera, board, config.frames, config.timeout_s, 0.0, say)
    results = {}
    for name, inside in intrinsics.items():
        result = estimate_extrinsics(inside, config.board, [s.corners for s in shots[name]])
        results[name] = result
        save(result.extrinsics, config.out / f"{name}.extrinsics.yaml")
        say(f"camera {name}: residual {result.extrinsics.rms_px:.2f} px")
    _write_page(
        config.out / "extrinsics.html",
        "Cameras: extrinsics",
        _extrinsics_sections(intrinsics, results, shots),
    )
    return results


@dataclass(frozen=True)
class Shot:
    """A frame with a detected board."""

    frame: Frame
    corners: Corners


def _collect(
    camera: Camera, board: Board, count: int, timeout_s: float, moved_px: float, say: Report
) -> list[Shot]:
    """Collect `count` images; the board has moved by `moved_px` or more between two of them."""
    shots: list[Shot] = []
    first_s, seq, seen = None, 0, 0
    while len(shots) < count:
        frame = camera.after(seq, GRAB_S)
        seq = frame.seq
        first_s = frame.time_s if first_s is None else first_s
        corners = board.find(frame.image)
        seen += corners is not None
        if frame.time_s - first_s > timeout_s:
            raise DataError(
                f"camera {camera.name}: got {len(shots)} images with a board in"
                f" {timeout_s:.0f} s, allowed: {count}; {_hint(frame, seen, seq, board)}"
            )
        if corners is None or (shots and _moved(corners, shots[-1].corners) < moved_px):
            continue
        shots.append(Shot(frame, corners))
        if len(shots) % 10 == 0:
            say(f"camera {camera.name}: {len(shots)} of {count} images")
    return shots


def _hint(frame: Frame, seen: int, images: int, board: Board) -> str:
    """What the images of a time-out say of its cause."""
    if seen:
        return f"a board was seen in {seen} of {images} images: move it more, keep it in view"
    return f"in the last image {why_no_board(frame.image, board.config)}"


def _moved(new: Corners, old: Corners) -> float:
    """Mean motion [px] of the common corners; infinite if there are none."""
    both, at, before = np.intersect1d(new.ids, old.ids, return_indices=True)
    if not len(both):
        return float("inf")
    return float(np.linalg.norm(new.pixels[at] - old.pixels[before], axis=1).mean())


def _intrinsics_section(
    intrinsics: Intrinsics, residuals: np.ndarray, shots: Sequence[Shot]
) -> str:
    facts = [
        ("size", f"{intrinsics.size[0]} x {intrinsics.size[1]} px"),
        ("focal length", "{:.1f}, {:.1f} px".format(*intrinsics.focal_px)),
        ("centre", "{:.1f}, {:.1f} px".format(*intrinsics.centre_px)),
        ("distortion k1 k2 p1 p2 k3", ", ".join(f"{v:.4f}" for v in intrinsics.distortion)),
        ("residual", f"{intrinsics.rms_px:.3f} px; worst image {residuals.max():.3f} px"),
        ("images", str(intrinsics.views)),
    ]
    return html.section(
        f"Camera {intrinsics.camera}", [html.facts(facts), html.charts(map(_picture, shots))]
    )


def _extrinsics_sections(
    intrinsics: dict[str, Intrinsics],
    results: dict[str, ExtrinsicsEstimate],
    shots: dict[str, list[Shot]],
) -> list[str]:
    rows = []
    for name, result in results.items():
        at = result.extrinsics
        position = ", ".join(f"{1e3 * value:.1f}" for value in at.position_m)
        wxyz = ", ".join(f"{value:.4f}" for value in at.wxyz)
        spread = f"{1e3 * result.spread_m:.2f} mm, {result.spread_deg:.3f} deg"
        rows.append((name, position, wxyz, f"{at.rms_px:.3f}", spread, str(at.frames)))
    head = ("camera", "x, y, z mm", "wxyz", "residual px", "spread of images", "images")
    about = "camera_to_palm, OpenCV's axes: x right, y down, z forwards."
    parts: list[str] = [html.section("Poses of the cameras", [html.table(head, rows, 2)], about)]
    last = {name: kept[-1].corners for name, kept in shots.items()}
    placements = {name: result.extrinsics.placement for name, result in results.items()}
    pairs = [
        (f"{pair.first}, {pair.second}", f"{1e3 * pair.away_m:.2f}", f"{pair.away_deg:.3f}",
         f"{pair.reprojected_px:.3f}")
        for pair in agreements(intrinsics, placements, last)
    ]  # fmt: skip
    about = "Distance of one board in two cameras; reprojection of it into the other's image."
    parts.append(
        html.section(
            "Agreement",
            [html.table(("cameras", "distance mm", "deg", "reprojected px"), pairs, 3)],
            about,
        )
    )
    for name, kept in shots.items():
        parts.append(html.section(f"Camera {name}", [_picture(kept[-1], intrinsics[name])]))
    return parts


def _picture(shot: Shot, intrinsics: Intrinsics | None = None) -> str:
    """The image as HTML, with the detected corners and, given intrinsics, the axes of the board."""
    image = shot.frame.image.copy()
    for x, y in shot.corners.pixels:
        cv2.circle(image, (round(float(x)), round(float(y))), 4, (40, 200, 60), 1, cv2.LINE_AA)
    if intrinsics is not None:
        at, _ = board_in_camera(shot.corners, intrinsics)
        rotvec, _ = cv2.Rodrigues(at.rotation)
        axes = np.vstack([np.zeros(3), 0.04 * np.eye(3)])
        ends, _ = cv2.projectPoints(
            axes,
            rotvec,
            at.position,
            intrinsics.pinhole.matrix,
            np.array(intrinsics.distortion),
        )
        start, *tips = [tuple(map(round, point)) for point in ends.reshape(-1, 2).tolist()]
        for tip, colour in zip(tips, ((220, 60, 60), (60, 180, 60), (60, 90, 220)), strict=True):
            cv2.line(image, start, tip, colour, 2, cv2.LINE_AA)
    _, data = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    label = "detected corners and axes of the board" if intrinsics else "detected corners"
    return html.picture(data.tobytes(), label, "png", 320)


def _write_page(path: Path, title: str, parts: Sequence[str]) -> None:
    write_text(path, html.page(title, [html.title(title), *parts]))
