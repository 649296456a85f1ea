"""`Camera`: a thread that keeps the newest frame of a source, with its time.

A `FrameSource` (frame_sources.py) is a V4L2 device, a video file, or a stream of the simulated rig.
Times are on this machine's monotonic clock.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass

import numpy as np

from ...errors import ConnectError
from ...threads import WatchedThread
from ..hand.hand import HandError


class CameraError(ConnectError):
    """A camera cannot be opened with the configured settings."""


class CameraGone(CameraError):
    """A camera has stopped to deliver images."""


class StaleFrame(HandError):
    """No frame is recent enough."""


@dataclass(frozen=True)
class Frame:
    """One image of a camera."""

    image: np.ndarray
    """uint8 (H, W, 3) RGB, read-only."""
    time_s: float
    """Time of capture, as far as it is known."""
    seq: int
    """Number of the frame, from 1."""
    age_s: float = 0.0
    """Age at the time of the request."""


@dataclass(frozen=True)
class CameraHealth:
    """Rate and age of the frames of a camera."""

    rate_hz: float
    age_s: float
    frames: int
    gone: str
    """Why the camera has stopped; empty while it delivers images."""


class FrameSource(ABC):
    """One kind of camera; a single thread opens, grabs and closes it."""

    @abstractmethod
    def open(self, timeout_s: float) -> None:
        """Open the camera. Raises CameraError."""

    @abstractmethod
    def grab(self) -> tuple[np.ndarray, float]:
        """Wait for the next image: uint8 (H, W, 3) RGB, and its time of capture.

        Raises CameraGone.
        """

    @abstractmethod
    def close(self) -> None:
        """Close the camera; from another thread, this ends a waiting `grab`. Never raises."""


class Camera:
    """A thread that reads a source; a context manager."""

    def __init__(self, name: str, source: FrameSource, timeout_s: float = 5.0) -> None:
        self.name = name
        self._source, self._timeout_s = source, timeout_s
        self._arrival = threading.Condition()
        self._frame: Frame | None = None
        self._arrivals: deque[float] = deque(maxlen=100)
        self._error: CameraError | None = None
        self._opened = False
        self._closing = threading.Event()
        self._thread = WatchedThread(f"camera {name}", self._run, self._died)

    def __enter__(self) -> Camera:
        """Open the source and wait for the first image. Raises CameraError."""
        self._thread.start()
        with self._arrival:
            self._arrival.wait_for(lambda: self._frame or self._error, self._timeout_s)
            if self._frame is None:
                what = "it opened, but no image arrived" if self._opened else "it did not open"
                error = self._error or CameraError(
                    f"camera {self.name}: {what} within {self._timeout_s:.0f} s"
                )
                self._closing.set()
                self._source.close()
                raise error
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def newest(self, max_age_s: float) -> Frame:
        """The newest frame, without waiting. Raises StaleFrame, CameraGone."""
        with self._arrival:
            frame, error = self._frame, self._error
        now_s = time.monotonic()
        assert frame is not None
        age_s = now_s - frame.time_s
        if age_s <= max_age_s:
            return Frame(frame.image, frame.time_s, frame.seq, age_s)
        if error is not None:
            raise CameraGone(str(error))
        raise StaleFrame(
            f"camera {self.name}: got an age of {age_s:.3f} s, allowed: {max_age_s:.3f} s"
        )

    def after(self, seq: int, timeout_s: float) -> Frame:
        """Wait for a frame later than `seq`. Raises StaleFrame, CameraGone."""
        with self._arrival:
            self._arrival.wait_for(lambda: self._seq > seq or self._error, timeout_s)
            frame, error = self._frame, self._error
        if frame is not None and frame.seq > seq:
            return Frame(frame.image, frame.time_s, frame.seq, time.monotonic() - frame.time_s)
        if error is not None:
            raise CameraGone(str(error))
        raise StaleFrame(f"camera {self.name}: no image for {timeout_s:.2f} s")

    def health(self) -> CameraHealth:
        """Rate over the last frames, and age of the newest. Never raises."""
        with self._arrival:
            arrivals, frame, error = list(self._arrivals), self._frame, self._error
        span_s = arrivals[-1] - arrivals[0] if len(arrivals) > 1 else 0.0
        return CameraHealth(
            rate_hz=(len(arrivals) - 1) / span_s if span_s else 0.0,
            age_s=time.monotonic() - frame.time_s if frame else float("inf"),
            frames=frame.seq if frame else 0,
            gone=str(error) if error else "",
        )

    def close(self, timeout_s: float = 2.0) -> None:
        """End the thread; may be called twice."""
        self._closing.set()
        self._source.close()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    @property
    def _seq(self) -> int:
        return self._frame.seq if self._frame else 0

    def _run(self) -> None:
        try:
            self._source.open(self._timeout_s)
            self._opened = True
            while not self._closing.is_set():
                image, time_s = self._source.grab()
                self._take(image, time_s)
        except CameraError as error:
            self._end(error)
        finally:
            self._source.close()

    def _died(self, failure: str) -> None:
        self._end(CameraGone(f"camera {self.name}: {failure}"))

    def _end(self, error: CameraError) -> None:
        with self._arrival:
            self._error = self._error or error
            self._arrival.notify_all()

    def _take(self, image: np.ndarray, time_s: float) -> None:
        image.setflags(write=False)
        with self._arrival:
            self._frame = Frame(image, time_s, self._seq + 1)
            self._arrivals.append(time.monotonic())
            self._arrival.notify_all()
