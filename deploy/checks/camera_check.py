"""The part of `sleight rig check` that looks at cameras: alive, fast enough, and not swapped."""

from __future__ import annotations

import math
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import ConfigError, DataError
from ..calibration.board import Board
from ..cameras.camera_config import STREAM, CameraConfig, extrinsics_of, intrinsics_of
from ..cameras.camera_threads import Camera, CameraError, CameraGone, Frame
from ..cameras.frame_sources import open_camera
from ..cameras.pose_sources import PoseSource
from ..cameras.pose_thread import CameraPoses
from .camera_places import judge_block, judge_board
from .rig_check import Check

WATCH_S = 2.0
"""How long pictures are watched."""
DEVICE_SHARE = 0.8
"""A device must give this share of the pictures that it was asked for."""


def check_cameras(check: Check, stack: ExitStack, read: bool) -> dict[str, Camera] | None:
    """Open all cameras together, as a run does, and judge each; None when one is not fit.

    read: whether the object's pose comes from them.
    """
    watched = [_open(check, stack, entry, read) for entry in check.config.cameras]
    cameras = {one.entry.name: one.camera for one in watched if one.camera is not None}
    if cameras:
        time.sleep(WATCH_S)
    fit = [check.look(f"camera {one.entry.name}", one.judge) for one in watched]
    return cameras if all(fit) else None


def check_places(check: Check, cameras: dict[str, Camera], poses: PoseSource | None) -> None:
    """Whether the cameras are those of their calibrations, where that is to be seen."""
    known = [entry for entry in check.config.cameras if entry.intrinsics and entry.extrinsics]
    if len(known) < 2:
        return

    def places() -> str:
        insides = {entry.name: intrinsics_of(entry) for entry in known}
        outsides = {entry.name: extrinsics_of(entry) for entry in known}
        board = Board(check.config.calibrate.board)
        pictures = {entry.name: cameras[entry.name].newest(math.inf).image for entry in known}
        found = {name: board.find(image) for name, image in pictures.items()}
        seen = {name: corners for name, corners in found.items() if corners is not None}
        if len(seen) > 1:
            return judge_board(insides, outsides, seen)
        if isinstance(poses, CameraPoses):
            return judge_block(poses)
        return "not told: no board is to be seen by two cameras"

    check.look("camera places", places)


@dataclass(frozen=True)
class _Watched:
    """A camera, and the picture with which watching began."""

    entry: CameraConfig
    floor_hz: float
    """The lowest rate that will do."""
    camera: Camera | None = None
    first: Frame | None = None
    error: CameraError | ConfigError | None = None
    began_s: float = 0.0

    def judge(self) -> str:
        """Raises CameraError, DataError."""
        if self.error is not None:
            raise self.error
        assert self.camera is not None and self.first is not None
        if gone := self.camera.health().gone:
            raise CameraGone(gone)
        first, frame = self.first, self.camera.newest(math.inf)
        rate_hz = (frame.seq - first.seq) / (time.monotonic() - self.began_s)
        if rate_hz < self.floor_hz or frame.seq == first.seq:
            got = f"got {rate_hz:.1f} pictures a second"
            raise DataError(f"{got}, allowed: {self.floor_hz:.1f} or more")
        if frame.time_s == first.time_s or np.array_equal(frame.image, first.image):
            raise DataError("got the same picture again and again, allowed: a live camera")
        width, height = self.entry.size
        return f"{width} x {height}, {rate_hz:.1f} Hz, age {1e3 * frame.age_s:.0f} ms"


def _open(check: Check, stack: ExitStack, entry: CameraConfig, read: bool) -> _Watched:
    device = not entry.device.startswith(STREAM) and not Path(entry.device).is_file()
    needed_hz = 1.0 / check.config.poses.frame_max_age_s if read else 0.0
    floor_hz = max(needed_hz, DEVICE_SHARE * entry.fps if device else 0.0)
    try:
        camera = open_camera(entry, check.config.poses.open_timeout_s)
        stack.enter_context(camera)
    except (CameraError, ConfigError) as error:
        return _Watched(entry, floor_hz, error=error)
    return _Watched(entry, floor_hz, camera, camera.newest(math.inf), None, time.monotonic())
