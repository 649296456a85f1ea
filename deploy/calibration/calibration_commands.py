"""`sleight rig calibrate cameras | extrinsics`: pictures, files of results, and a page of them."""

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
from .camera_calibration import (
    Standing,
    agreements,
    board_in_camera,
    calibrate_inside,
    calibrate_outside,
)

MOVED_PX = 8.0
"""A board that moved by less since the last picture kept tells nothing new."""
GRAB_S = 20.0
"""Longest wait for a picture."""


Report = Callable[[str], None]


def calibrate_cameras(
    cameras: Sequence[CameraConfig], config: CalibrateConfig, say: Report
) -> list[Intrinsics]:
    """Intrinsics of each camera, from a board that somebody moves before it.

    Raises CameraError, DataError.
    """
    board, found, parts = Board(config.board), [], []
    for entry in cameras:
        with open_camera(entry, GRAB_S) as camera:
            shots = _collect(camera, board, config.views, config.timeout_s, MOVED_PX, say)
        corners = [shot.corners for shot in shots]
        inside, residuals = calibrate_inside(entry.name, entry.size, corners)
        save(inside, config.out / f"{entry.name}.intrinsics.yaml")
        say(f"camera {entry.name}: residual {inside.rms_px:.2f} px of {len(shots)} pictures")
        found.append(inside)
        parts.append(_inside_section(inside, residuals, shots[:6]))
    _write_page(config.out / "intrinsics.html", "Cameras: intrinsics", parts)
    return found


def calibrate_extrinsics(
    cameras: Sequence[CameraConfig], config: CalibrateConfig, say: Report
) -> dict[str, Standing]:
    """Where each camera stands, from the board in its seat. Raises CameraError, DataError."""
    board = Board(config.board)
    insides = {entry.name: intrinsics_of(entry) for entry in cameras}
    shots: dict[str, list[Shot]] = {}
    with ExitStack() as stack:
        for entry in cameras:
            camera = stack.enter_context(open_camera(entry, GRAB_S))
            shots[entry.name] = _collect(camera, board, config.frames, config.timeout_s, 0.0, say)
    found = {}
    for name, inside in insides.items():
        standing = calibrate_outside(inside, config.board, [s.corners for s in shots[name]])
        found[name] = standing
        save(standing.extrinsics, config.out / f"{name}.extrinsics.yaml")
        say(f"camera {name}: residual {standing.extrinsics.rms_px:.2f} px")
    _write_page(
        config.out / "extrinsics.html",
        "Cameras: extrinsics",
        _outside_sections(insides, found, shots),
    )
    return found


@dataclass(frozen=True)
class Shot:
    """A picture with the board in it."""

    frame: Frame
    corners: Corners


def _collect(
    camera: Camera, board: Board, wanted: int, timeout_s: float, moved_px: float, say: Report
) -> list[Shot]:
    """Pictures in which the board has moved by `moved_px` since the last one."""
    shots: list[Shot] = []
    first_s, seq = None, 0
    while len(shots) < wanted:
        frame = camera.after(seq, GRAB_S)
        seq = frame.seq
        first_s = frame.time_s if first_s is None else first_s
        if frame.time_s - first_s > timeout_s:
            raise DataError(
                f"camera {camera.name}: got {len(shots)} pictures with a board in"
                f" {timeout_s:.0f} s, allowed: {wanted}"
            )
        corners = board.find(frame.image)
        if corners is None or (shots and _moved(corners, shots[-1].corners) < moved_px):
            continue
        shots.append(Shot(frame, corners))
        if len(shots) % 10 == 0:
            say(f"camera {camera.name}: {len(shots)} of {wanted} pictures")
    return shots


def _moved(new: Corners, old: Corners) -> float:
    """Mean motion [px] of the corners that both have; without any, the board has moved."""
    both, at, before = np.intersect1d(new.ids, old.ids, return_indices=True)
    if not len(both):
        return float("inf")
    return float(np.linalg.norm(new.pixels[at] - old.pixels[before], axis=1).mean())


def _inside_section(inside: Intrinsics, residuals: np.ndarray, shots: Sequence[Shot]) -> str:
    facts = [
        ("size", f"{inside.size[0]} x {inside.size[1]} px"),
        ("focal length", "{:.1f}, {:.1f} px".format(*inside.focal_px)),
        ("centre", "{:.1f}, {:.1f} px".format(*inside.centre_px)),
        ("distortion k1 k2 p1 p2 k3", ", ".join(f"{v:.4f}" for v in inside.distortion)),
        ("residual", f"{inside.rms_px:.3f} px; worst picture {residuals.max():.3f} px"),
        ("pictures", str(inside.views)),
    ]
    return html.section(
        f"Camera {inside.camera}", [html.facts(facts), html.charts(map(_picture, shots))]
    )


def _outside_sections(
    insides: dict[str, Intrinsics], found: dict[str, Standing], shots: dict[str, list[Shot]]
) -> list[str]:
    rows = []
    for name, standing in found.items():
        at = standing.extrinsics
        place = ", ".join(f"{1e3 * value:.1f}" for value in at.position_m)
        wxyz = ", ".join(f"{value:.4f}" for value in at.wxyz)
        spread = f"{1e3 * standing.spread_m:.2f} mm, {standing.spread_deg:.3f} deg"
        rows.append((name, place, wxyz, f"{at.rms_px:.3f}", spread, str(at.frames)))
    head = ("camera", "x, y, z mm", "wxyz", "residual px", "spread of pictures", "pictures")
    about = "camera_to_palm, OpenCV's axes: x right, y down, z forwards."
    parts: list[str] = [html.section("Placements", [html.table(head, rows, 2)], about)]
    last = {name: kept[-1].corners for name, kept in shots.items()}
    standings = {name: standing.extrinsics.placement for name, standing in found.items()}
    pairs = [
        (f"{pair.first}, {pair.second}", f"{1e3 * pair.away_m:.2f}", f"{pair.away_deg:.3f}",
         f"{pair.reprojected_px:.3f}")
        for pair in agreements(insides, standings, last)
    ]  # fmt: skip
    about = "Where two cameras say that one board lies, and one's board in the other's picture."
    parts.append(
        html.section(
            "Agreement",
            [html.table(("cameras", "board apart mm", "deg", "reprojected px"), pairs, 3)],
            about,
        )
    )
    for name, kept in shots.items():
        parts.append(html.section(f"Camera {name}", [_picture(kept[-1], insides[name])]))
    return parts


def _picture(shot: Shot, inside: Intrinsics | None = None) -> str:
    """The picture with the corners found (green) and, where told, put back (red)."""
    image = shot.frame.image.copy()
    for x, y in shot.corners.pixels:
        cv2.circle(image, (round(float(x)), round(float(y))), 4, (40, 200, 60), 1, cv2.LINE_AA)
    if inside is not None:
        at, _ = board_in_camera(shot.corners, inside)
        rotvec, _ = cv2.Rodrigues(at.rotation)
        axes = np.vstack([np.zeros(3), 0.04 * np.eye(3)])
        ends, _ = cv2.projectPoints(
            axes, rotvec, at.position, inside.pinhole.matrix, np.array(inside.distortion)
        )
        start, *tips = [tuple(map(round, point)) for point in ends.reshape(-1, 2).tolist()]
        for tip, colour in zip(tips, ((220, 60, 60), (60, 180, 60), (60, 90, 220)), strict=True):
            cv2.line(image, start, tip, colour, 2, cv2.LINE_AA)
    _, data = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    label = "corners of the board, seen and put back" if inside else "corners of the board, seen"
    return html.picture(data.tobytes(), label, "png", 320)


def _write_page(path: Path, title: str, parts: Sequence[str]) -> None:
    write_text(path, html.page(title, [html.title(title), *parts]))
