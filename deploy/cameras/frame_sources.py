"""Sources of frames: V4L2 devices and video files (through OpenCV), streams of a simulated rig."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from pathlib import Path

import cv2
import numpy as np

from ...errors import ConfigError
from . import picture_stream
from .camera_config import STREAM, CameraConfig
from .camera_threads import Camera, CameraError, CameraGone, FrameSource
from .picture_stream import StreamError

MANUAL_EXPOSURE = 1.0
"""V4L2's menu entry for manual exposure, as OpenCV passes it on."""


def open_source(camera: CameraConfig) -> FrameSource:
    """The source of a camera, not opened yet. Raises ConfigError."""
    if camera.device.startswith(STREAM):
        address, _, stream = camera.device.removeprefix(STREAM).partition("/")
        host, _, port = address.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise ConfigError(
                f"cameras: {camera.name}: device: got {camera.device},"
                " allowed: rig:HOST:PORT or rig:HOST:PORT/STREAM"
            )
        return RigStream(camera, host, int(port), stream or camera.name)
    if Path(camera.device).is_file():
        return VideoFile(camera)
    return V4l2Device(camera)


def open_camera(camera: CameraConfig, timeout_s: float) -> Camera:
    """The camera as a context manager. Raises ConfigError."""
    return Camera(camera.name, open_source(camera), timeout_s)


class _OpenCv(FrameSource):
    """The common part of devices and files."""

    def __init__(self, camera: CameraConfig) -> None:
        self._camera = camera
        self._capture: cv2.VideoCapture | None = None
        # OpenCV's captures are not thread-safe: a release during a grab would crash.
        self._lock = threading.Lock()

    def _check_size(self) -> None:
        assert self._capture is not None
        size = tuple(
            int(self._capture.get(key)) for key in (cv2.CAP_PROP_FRAME_WIDTH,
                                                    cv2.CAP_PROP_FRAME_HEIGHT)
        )  # fmt: skip
        if size != self._camera.size:
            raise CameraError(
                f"camera {self._camera.name}: size: got {size} from {self._camera.device},"
                f" allowed: {self._camera.size}, as configured"
            )

    def close(self) -> None:
        """Release the capture, after a running grab."""
        with self._lock:
            if self._capture is not None:
                self._capture.release()
                self._capture = None

    def _next(self) -> tuple[np.ndarray, float]:
        with self._lock:
            if self._capture is None:
                raise CameraGone(f"camera {self._camera.name}: closed")
            grabbed = self._capture.grab()
            # Take the time before decoding, which takes milliseconds.
            now_s = time.monotonic()
            decoded, image = self._capture.retrieve() if grabbed else (False, None)
        if not decoded or image is None:
            raise CameraGone(
                f"camera {self._camera.name}: {self._camera.device} delivers no more images"
            )
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB), now_s


class V4l2Device(_OpenCv):
    """A Linux camera; all automatic adjustments are switched off."""

    def open(self, timeout_s: float) -> None:
        """Raises CameraError if the device is missing or does not accept its settings."""
        name, device = self._camera.name, self._camera.device
        if not Path(device).exists():
            raise CameraError(f"camera {name}: device: {device} does not exist")
        self._capture = cv2.VideoCapture(device, cv2.CAP_V4L2)
        if not self._capture.isOpened():
            raise CameraError(f"camera {name}: device: {device} cannot be opened as a camera")
        for key, value in self._settings():
            self._capture.set(key, value)
        self._check_size()
        self._check_exposure()

    def grab(self) -> tuple[np.ndarray, float]:
        """The next image, with the time of its delivery by the driver."""
        return self._next()

    def _settings(self) -> list[tuple[int, float]]:
        c = self._camera
        settings = [
            (cv2.CAP_PROP_FOURCC, float(cv2.VideoWriter.fourcc(*c.fourcc))),
            (cv2.CAP_PROP_FRAME_WIDTH, float(c.size[0])),
            (cv2.CAP_PROP_FRAME_HEIGHT, float(c.size[1])),
            (cv2.CAP_PROP_FPS, c.fps),
            (cv2.CAP_PROP_BUFFERSIZE, 1.0),
            (cv2.CAP_PROP_AUTO_EXPOSURE, MANUAL_EXPOSURE),
            (cv2.CAP_PROP_EXPOSURE, c.exposure),
            (cv2.CAP_PROP_AUTO_WB, 0.0),
            (cv2.CAP_PROP_WB_TEMPERATURE, c.white_balance_k),
            (cv2.CAP_PROP_AUTOFOCUS, 0.0),
        ]
        return [*settings, *([(cv2.CAP_PROP_GAIN, c.gain)] if c.gain is not None else [])]

    def _check_exposure(self) -> None:
        assert self._capture is not None
        mode = self._capture.get(cv2.CAP_PROP_AUTO_EXPOSURE)
        got = self._capture.get(cv2.CAP_PROP_EXPOSURE)
        if mode != MANUAL_EXPOSURE or abs(got - self._camera.exposure) > 1.0:
            raise CameraError(
                f"camera {self._camera.name}: exposure: got {got:g} (mode {mode:g}),"
                f" allowed: {self._camera.exposure:g}, fixed"
            )


class VideoFile(_OpenCv):
    """A video file in place of a camera; plays once in real time."""

    def open(self, timeout_s: float) -> None:
        """Raises CameraError if the file is not a video or has another size."""
        self._capture = cv2.VideoCapture(self._camera.device, cv2.CAP_FFMPEG)
        if not self._capture.isOpened():
            raise CameraError(f"camera {self._camera.name}: {self._camera.device} is not a video")
        self._check_size()
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        self._period_s = 1.0 / fps if fps > 0 else 1.0 / self._camera.fps
        self._due_s = time.monotonic()

    def grab(self) -> tuple[np.ndarray, float]:
        """The next image, at its time."""
        time.sleep(max(self._due_s - time.monotonic(), 0.0))
        self._due_s = max(self._due_s, time.monotonic() - self._period_s) + self._period_s
        return self._next()


class RigStream(FrameSource):
    """A stream of a simulated rig (picture_stream.py); the rig on this machine sets the times."""

    def __init__(self, camera: CameraConfig, host: str, port: int, stream: str) -> None:
        self._camera, self._address, self._stream = camera, (host, port), stream
        self._socket: socket.socket | None = None

    def open(self, timeout_s: float) -> None:
        """Raises CameraError if the rig is not reachable or does not have this camera."""
        name, where = self._camera.name, f"{self._address[0]}:{self._address[1]}"
        try:
            self._socket = link = socket.create_connection(self._address, timeout_s)
            hello = picture_stream.receive(link, "hello_cameras")
            self._check(hello)
            link.sendall(picture_stream.encode("watch", camera=self._stream))
        except OSError as error:
            why = error.strerror or "no answer in time"
            raise CameraError(f"camera {name}: {where}: cannot connect: {why}") from error
        except StreamError as error:
            raise CameraError(f"camera {name}: {where}: {error}") from error

    def grab(self) -> tuple[np.ndarray, float]:
        """The next image that arrives."""
        link = self._socket
        if link is None:
            raise CameraGone(f"camera {self._camera.name}: closed")
        width, height = self._camera.size
        try:
            picture = picture_stream.receive(link, "picture")
            pixels = np.frombuffer(picture_stream.read(link, width * height * 3), np.uint8)
        except (OSError, StreamError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise CameraGone(f"camera {self._camera.name}: {why}") from error
        return pixels.reshape(height, width, 3), picture["time_s"]

    def close(self) -> None:
        """Close the link."""
        link, self._socket = self._socket, None
        if link is not None:
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
            link.close()

    def _check(self, hello: dict) -> None:
        if hello["protocol"] != picture_stream.PROTOCOL:
            raise StreamError(
                f"protocol: got {hello['protocol']}, allowed: {picture_stream.PROTOCOL}"
            )
        if self._stream not in hello["names"]:
            raise StreamError(
                f"got no camera {self._stream}, allowed: {', '.join(map(str, hello['names']))}"
            )
        size = (hello["width"], hello["height"])
        if size != self._camera.size:
            raise StreamError(f"size: got {size}, allowed: {self._camera.size}, as configured")
