"""The camera checks of `sleight rig check`: live images, sufficient rate, no swapped cameras."""

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
"""Duration of the observation of images."""
DEVICE_SHARE = 0.8
"""A device must deliver at least this share of the configured frame rate."""


def check_cameras(check: Check, stack: ExitStack, read: bool) -> dict[str, Camera] | None:
    """Open all cameras together, as a run does, and check each; None if one fails.

    read: whether the object's pose comes from the cameras.
    """
    watched = [_open(check, stack, entry, read) for entry in check.config.cameras]
    cameras = {each.entry.name: each.camera for each in watched if each.camera is not None}
    if cameras:
        time.sleep(WATCH_S)
    passed = [check.look(f"camera {each.entry.name}", each.judge) for each in watched]
    return cameras if all(passed) else None


def check_places(check: Check, cameras: dict[str, Camera], poses: PoseSource | None) -> None:
    """Check that each camera belongs to its calibration, if a board or the block is visible."""
    calibrated = [entry for entry in check.config.cameras if entry.intrinsics and entry.extrinsics]
    if len(calibrated) < 2:
        return

    def places() -> str:
        intrinsics = {entry.name: intrinsics_of(entry) for entry in calibrated}
        extrinsics = {entry.name: extrinsics_of(entry) for entry in calibrated}
        board = Board(check.config.calibrate.board)
        images = {entry.name: cameras[entry.name].newest(math.inf).image for entry in calibrated}
        detections = {name: board.find(image) for name, image in images.items()}
        boards = {name: corners for name, corners in detections.items() if corners is not None}
        if len(boards) > 1:
            return judge_board(intrinsics, extrinsics, boards)
        if isinstance(poses, CameraPoses):
            return judge_block(poses)
        return "not checked: no two cameras see a board"

    check.look("camera places", places)


@dataclass(frozen=True)
class _Watched:
    """A camera, and the first frame of the observation."""

    entry: CameraConfig
    min_rate_hz: float
    """The lowest acceptable frame rate."""
    camera: Camera | None = None
    first: Frame | None = None
    error: CameraError | ConfigError | None = None
    start_s: float = 0.0

    def judge(self) -> str:
        """A summary of the images. Raises CameraError, DataError."""
        if self.error is not None:
            raise self.error
        assert self.camera is not None and self.first is not None
        if gone := self.camera.health().gone:
            raise CameraGone(gone)
        first, frame = self.first, self.camera.newest(math.inf)
        rate_hz = (frame.seq - first.seq) / (time.monotonic() - self.start_s)
        if rate_hz < self.min_rate_hz or frame.seq == first.seq:
            got = f"got {rate_hz:.1f} images per second"
            raise DataError(f"{got}, allowed: {self.min_rate_hz:.1f} or more")
        if frame.time_s == first.time_s or np.array_equal(frame.image, first.image):
            raise DataError("got the same image repeatedly, allowed: a live camera")
        width, height = self.entry.size
        return f"{width} x {height}, {rate_hz:.1f} Hz, age {1e3 * frame.age_s:.0f} ms"


def _open(check: Check, stack: ExitStack, entry: CameraConfig, read: bool) -> _Watched:
    device = not entry.device.startswith(STREAM) and not Path(entry.device).is_file()
    needed_hz = 1.0 / check.config.poses.frame_max_age_s if read else 0.0
    min_rate_hz = max(needed_hz, DEVICE_SHARE * entry.fps if device else 0.0)
    try:
        camera = open_camera(entry, check.config.poses.open_timeout_s)
        stack.enter_context(camera)
    except (CameraError, ConfigError) as error:
        return _Watched(entry, min_rate_hz, error=error)
    return _Watched(entry, min_rate_hz, camera, camera.newest(math.inf), None, time.monotonic())
