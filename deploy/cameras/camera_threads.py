"""Cameras: one thread each, which keeps the newest frame with the time at which it was taken.

A `FrameSource` (camera_sources.py) is a V4L2 device, a video file, or a stream of the simulated
rig; a `Camera` is one behind a thread. Times are this machine's monotonic clock.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass

import numpy as np

from ...errors import ConnectError
from ..hand.hand import HandError


class CameraError(ConnectError):
    """A camera that cannot be opened as it was asked for."""


class CameraGone(CameraError):
    """A camera that gave pictures and gives none any more."""


class StaleFrame(HandError):
    """No frame that is new enough."""


@dataclass(frozen=True)
class Frame:
    """One picture."""

    image: np.ndarray
    """uint8 (H, W, 3) RGB; not to be written to."""
    time_s: float
    """When it was taken, as far as it is known."""
    seq: int
    """Counts the camera's frames from 1."""
    age_s: float = 0.0
    """How old it was when it was asked for."""


@dataclass(frozen=True)
class CameraHealth:
    """How well a camera does."""

    rate_hz: float
    age_s: float
    frames: int
    gone: str
    """Why it gives no pictures any more; empty while it does."""


class FrameSource(ABC):
    """One kind of camera. One thread opens, grabs and closes."""

    @abstractmethod
    def open(self, timeout_s: float) -> None:
        """Raises CameraError."""

    @abstractmethod
    def grab(self) -> tuple[np.ndarray, float]:
        """Wait for the next picture: uint8 (H, W, 3) RGB, and when it was taken.

        Raises CameraGone.
        """

    @abstractmethod
    def close(self) -> None:
        """Also from another thread, to end a `grab` that waits. Never raises."""


class Camera:
    """A source behind a thread; use it in a `with`."""

    def __init__(self, name: str, source: FrameSource, timeout_s: float = 5.0) -> None:
        self.name = name
        self._source, self._timeout_s = source, timeout_s
        self._news = threading.Condition()
        self._frame: Frame | None = None
        self._arrivals: deque[float] = deque(maxlen=100)
        self._error: CameraError | None = None
        self._opened = False
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"camera {name}", daemon=True)

    def __enter__(self) -> Camera:
        """Open it and wait for a first picture. Raises CameraError."""
        self._thread.start()
        with self._news:
            self._news.wait_for(lambda: self._frame or self._error, self._timeout_s)
            if self._frame is None:
                error = self._error or CameraError(f"{self.name}: no picture in time")
                self._closing.set()
                self._source.close()
                raise error
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def newest(self, max_age_s: float) -> Frame:
        """The newest frame, which does not wait. Raises StaleFrame, CameraGone."""
        with self._news:
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
        """The newest frame later than `seq`, waiting for it. Raises StaleFrame, CameraGone."""
        with self._news:
            self._news.wait_for(lambda: self._seq > seq or self._error, timeout_s)
            frame, error = self._frame, self._error
        if frame is not None and frame.seq > seq:
            return Frame(frame.image, frame.time_s, frame.seq, time.monotonic() - frame.time_s)
        if error is not None:
            raise CameraGone(str(error))
        raise StaleFrame(f"camera {self.name}: no picture for {timeout_s:.2f} s")

    def health(self) -> CameraHealth:
        """Rate over the last frames, age of the newest. Never raises."""
        with self._news:
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
            while not self._closing.is_set():
                image, time_s = self._source.grab()
                self._take(image, time_s)
        except CameraError as error:
            with self._news:
                self._error = error
                self._news.notify_all()
        finally:
            self._source.close()

    def _take(self, image: np.ndarray, time_s: float) -> None:
        image.setflags(write=False)
        with self._news:
            self._frame = Frame(image, time_s, self._seq + 1)
            self._arrivals.append(time.monotonic())
            self._news.notify_all()
