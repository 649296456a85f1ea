"""Logs camera images as JPEG at a low rate, on a separate thread."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import cv2
import numpy as np

from ...threads import WatchedThread
from ..cameras.camera_threads import Camera
from ..runtime.realtime import ordinary
from .run_log import LogError, RunLog


class FrameLog:
    """A thread that compresses the newest frame of each camera and queues it for the log.

    It has normal priority even if the loop has real-time scheduling: on a busy machine, images are
    late or missing, not control steps.
    """

    def __init__(
        self, cameras: Iterable[Camera], log: RunLog, images_hz: float, quality: int
    ) -> None:
        self._cameras, self._log = tuple(cameras), log
        self._period_s, self._quality = 1.0 / images_hz, quality
        self._logged: dict[str, int] = {}
        self._done = threading.Event()
        self._thread = WatchedThread("frame log", self._run, log.fail)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """End the thread; it still queues the image in progress."""
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        ordinary()
        # The loop reports a failed log.
        with contextlib.suppress(LogError):
            due_s = time.monotonic()
            while not self._done.is_set():
                for camera in self._cameras:
                    self._take(camera)
                due_s = max(due_s + self._period_s, time.monotonic())
                self._done.wait(due_s - time.monotonic())

    def _take(self, camera: Camera) -> None:
        """Log the newest frame of a camera, unless it is already logged."""
        frame = camera.newest(math.inf)
        if frame.seq == self._logged.get(camera.name):
            return
        self._logged[camera.name] = frame.seq
        jpeg = compressed(frame.image, self._quality)
        self._log.image(camera.name, jpeg, time.monotonic() - frame.time_s)


def compressed(image: np.ndarray, quality: int) -> bytes:
    """uint8 (H, W, 3) RGB -> JPEG."""
    _, data = cv2.imencode(
        ".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), (cv2.IMWRITE_JPEG_QUALITY, quality)
    )
    return data.tobytes()


@contextmanager
def frame_log(
    cameras: Iterable[Camera], log: RunLog, images_hz: float, quality: int
) -> Iterator[None]:
    """Log images while the block runs."""
    thread = FrameLog(cameras, log, images_hz, quality)
    thread.start()
    try:
        yield
    finally:
        thread.close()
