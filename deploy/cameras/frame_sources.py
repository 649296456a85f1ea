"""Where frames come from: V4L2 devices and video files through OpenCV, and simulated streams."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from pathlib import Path

import cv2
import numpy as np

from ...errors import ConfigError
from . import picture_stream as camera_wire
from .camera_config import STREAM, CameraConfig
from .camera_threads import Camera, CameraError, CameraGone, FrameSource
from .picture_stream import StreamError

MANUAL_EXPOSURE = 1.0
"""V4L2's menu entry for it, as OpenCV passes it on."""


def open_source(camera: CameraConfig) -> FrameSource:
    """The source that a rig file names, not yet opened. Raises ConfigError."""
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
    """The camera behind its thread, for a `with`. Raises ConfigError."""
    return Camera(camera.name, open_source(camera), timeout_s)


class _OpenCv(FrameSource):
    """What devices and files share."""

    def __init__(self, camera: CameraConfig) -> None:
        self._camera = camera
        self._capture: cv2.VideoCapture | None = None
        # OpenCV's captures are not thread-safe: releasing one that grabs would crash.
        self._lock = threading.Lock()

    def _check_size(self) -> None:
        assert self._capture is not None
        found = tuple(
            int(self._capture.get(key)) for key in (cv2.CAP_PROP_FRAME_WIDTH,
                                                    cv2.CAP_PROP_FRAME_HEIGHT)
        )  # fmt: skip
        if found != self._camera.size:
            raise CameraError(
                f"camera {self._camera.name}: size: got {found} from {self._camera.device},"
                f" allowed: {self._camera.size}, as asked for"
            )

    def close(self) -> None:
        """Release it, once it no longer grabs."""
        with self._lock:
            if self._capture is not None:
                self._capture.release()
                self._capture = None

    def _next(self) -> tuple[np.ndarray, float]:
        with self._lock:
            if self._capture is None:
                raise CameraGone(f"camera {self._camera.name}: closed")
            grabbed = self._capture.grab()
            # The stamp comes before decoding, which takes milliseconds of its own.
            now_s = time.monotonic()
            found, image = self._capture.retrieve() if grabbed else (False, None)
        if not found or image is None:
            raise CameraGone(
                f"camera {self._camera.name}: {self._camera.device} gives no more pictures"
            )
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB), now_s


class V4l2Device(_OpenCv):
    """A camera of Linux. Everything that a device would change by itself is fixed."""

    def open(self, timeout_s: float) -> None:
        """Raises CameraError when it is not there or does not do as it is told."""
        name, device = self._camera.name, self._camera.device
        if not Path(device).exists():
            raise CameraError(f"camera {name}: device: {device} is not there")
        self._capture = cv2.VideoCapture(device, cv2.CAP_V4L2)
        if not self._capture.isOpened():
            raise CameraError(f"camera {name}: device: {device} cannot be opened as a camera")
        for key, value in self._settings():
            self._capture.set(key, value)
        self._check_size()
        self._check_exposure()

    def grab(self) -> tuple[np.ndarray, float]:
        """The next picture, stamped when the driver hands it over."""
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
    """A film in place of a camera, at its own speed, once."""

    def open(self, timeout_s: float) -> None:
        """Raises CameraError when it is no film, or one of another size."""
        self._capture = cv2.VideoCapture(self._camera.device, cv2.CAP_FFMPEG)
        if not self._capture.isOpened():
            raise CameraError(f"camera {self._camera.name}: {self._camera.device} is no film")
        self._check_size()
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        self._period_s = 1.0 / fps if fps > 0 else 1.0 / self._camera.fps
        self._due_s = time.monotonic()

    def grab(self) -> tuple[np.ndarray, float]:
        """The next picture, when it is due."""
        time.sleep(max(self._due_s - time.monotonic(), 0.0))
        self._due_s = max(self._due_s, time.monotonic() - self._period_s) + self._period_s
        return self._next()


class RigStream(FrameSource):
    """One stream of a simulated rig (camera_wire.py), stamped by the rig on the same machine."""

    def __init__(self, camera: CameraConfig, host: str, port: int, stream: str) -> None:
        self._camera, self._address, self._stream = camera, (host, port), stream
        self._socket: socket.socket | None = None

    def open(self, timeout_s: float) -> None:
        """Raises CameraError when nobody listens, or nobody has this camera."""
        name, where = self._camera.name, f"{self._address[0]}:{self._address[1]}"
        try:
            self._socket = link = socket.create_connection(self._address, timeout_s)
            hello = camera_wire.receive(link, "hello_cameras")
            self._check(hello)
            link.sendall(camera_wire.encode("watch", camera=self._stream))
        except OSError as error:
            why = error.strerror or "no answer in time"
            raise CameraError(f"camera {name}: {where}: cannot connect: {why}") from error
        except StreamError as error:
            raise CameraError(f"camera {name}: {where}: {error}") from error

    def grab(self) -> tuple[np.ndarray, float]:
        """The next picture that arrives."""
        link = self._socket
        if link is None:
            raise CameraGone(f"camera {self._camera.name}: closed")
        width, height = self._camera.size
        try:
            picture = camera_wire.receive(link, "picture")
            pixels = np.frombuffer(camera_wire.read(link, width * height * 3), np.uint8)
        except (OSError, StreamError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise CameraGone(f"camera {self._camera.name}: {why}") from error
        return pixels.reshape(height, width, 3), picture["time_s"]

    def close(self) -> None:
        """End the link."""
        link, self._socket = self._socket, None
        if link is not None:
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
            link.close()

    def _check(self, hello: dict) -> None:
        if hello["protocol"] != camera_wire.PROTOCOL:
            raise StreamError(f"protocol: got {hello['protocol']}, allowed: {camera_wire.PROTOCOL}")
        if self._stream not in hello["names"]:
            raise StreamError(
                f"got no camera {self._stream}, allowed: {', '.join(map(str, hello['names']))}"
            )
        found = (hello["width"], hello["height"])
        if found != self._camera.size:
            raise StreamError(f"size: got {found}, allowed: {self._camera.size}, as asked for")
