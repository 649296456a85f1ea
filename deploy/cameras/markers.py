"""The object's pose from markers that a motion-capture program tracks and sends over TCP.

The original rig tracked LEDs on the object, the hand's base and the fingertips (Learning Dexterous
In-Hand Manipulation, appendix B). Any tracking program can be a source: it is a TCP server that
sends one JSON object per line, in UTF-8, for each of its frames:

    {"time_s": 12.345, "markers": {"palm1": [x, y, z], "cube3": [x, y, z], ...}}

`time_s` is on the program's own clock; positions are metres in any fixed frame; markers that are
not visible are omitted. The rig file has the positions of the markers on the object and on the
palm; the best rigid fit of each (Umeyama 1991) gives object_to_palm. A fit needs at least three
markers that are not collinear.
"""

from __future__ import annotations

import contextlib
import json
import math
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np

from ...config import Range
from ...errors import ConfigError, ConnectError
from ...threads import WatchedThread
from ...vision.geometry import Placement, wxyz_of
from ..hand.hand import DriverGone
from ..link.peer_clock import ClockOffset
from .pose_checks import PoseCheckConfig, PoseChecks
from .pose_sources import ObjectPose, PoseSource

Metres = Annotated[float, Range(-10, 10)]
Place = tuple[Metres, Metres, Metres]
Positive = Annotated[float, Range(0, 1e6, open_low=True)]
MAX_LINE = 64 * 1024
MIN_MARKERS = 3
COLLINEAR_M = 1e-3
"""Markers with a smaller spread about a line count as collinear."""


@dataclass(frozen=True)
class MarkersConfig:
    """A tracking program, and the positions of its markers."""

    host: str = "127.0.0.1"
    """Address of the tracking program."""
    port: Annotated[int, Range(1, 65535)] = 7414
    """TCP port of the tracking program."""
    object: dict[str, Place] = field(default_factory=dict)
    """Marker -> position [m] on the object, in the object's frame."""
    palm: dict[str, Place] = field(default_factory=dict)
    """Marker -> position [m] on the hand's mount, in the palm's frame."""
    residual_m: Positive = 0.004
    """Largest residual (root mean square) of a fit; worse poses are rejected."""

    def __post_init__(self) -> None:
        for name in ("object", "palm"):
            places = getattr(self, name)
            if places and not _spans(np.array(list(places.values()))):
                raise ConfigError(
                    f"{name}: got {len(places)} markers, allowed: three or more, not collinear"
                )


class MarkerError(ConnectError):
    """A line that violates the protocol."""


def fit(local: np.ndarray, measured: np.ndarray) -> tuple[Placement, float]:
    """The placement that best maps `local` (n, 3) to `measured` (n, 3), and its residual [m].

    Least squares without scale (Umeyama 1991).
    """
    local_centre, centre = local.mean(axis=0), measured.mean(axis=0)
    u, _, v = np.linalg.svd((measured - centre).T @ (local - local_centre))
    rotation = u @ np.diag([1.0, 1.0, np.linalg.det(u @ v)]) @ v
    at = Placement(centre - rotation @ local_centre, rotation)
    error = np.linalg.norm(at.to_palm(local) - measured, axis=1)
    return at, float(np.sqrt((error**2).mean()))


def fit_body(
    places: Mapping[str, Place], measured: Mapping[str, np.ndarray]
) -> tuple[Placement, float]:
    """Placement of a body in the tracker's frame. Raises LookupError for too few markers."""
    names = [name for name in places if name in measured]
    local = np.array([places[name] for name in names]).reshape(-1, 3)
    if not _spans(local):
        raise LookupError(f"{len(names)} of {len(places)} markers")
    return fit(local, np.array([measured[name] for name in names]))


def misfit(
    places: Mapping[str, Place], measured: Mapping[str, np.ndarray], residual_m: float
) -> str:
    """What a fit with a residual looks like: markers in another unit, or moved ones."""
    names = [name for name in places if name in measured]
    local, seen = np.array([places[name] for name in names]), [measured[name] for name in names]
    scale = float(np.sqrt(np.var(seen, axis=0).sum() / np.var(local, axis=0).sum()))
    if not 0.5 < scale < 2.0:
        unit = "; are they in millimetres, not metres?" if 500 < scale < 2000 else ""
        return f"its markers are {scale:.3g} times as far apart as in the rig file{unit}"
    return f"its markers are off by {1e3 * residual_m:.1f} mm" if residual_m > 1e-6 else ""


def _spans(points: np.ndarray) -> bool:
    """Whether points (n, 3) determine a pose: three or more that are not collinear."""
    if len(points) < MIN_MARKERS:
        return False
    return bool(np.linalg.svd(points - points.mean(axis=0), compute_uv=False)[1] > COLLINEAR_M)


def parse(line: bytes) -> tuple[float, dict[str, np.ndarray]]:
    """Parse a line: its time, and marker -> (3,) m. Raises MarkerError."""
    try:
        data: Any = json.loads(line)
        time_s, markers = data["time_s"], data["markers"]
        places = {str(name): np.array(place, np.float64) for name, place in markers.items()}
        valid = math.isfinite(time_s) and all(
            place.shape == (3,) and np.isfinite(place).all() for place in places.values()
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise MarkerError(_refusal(line)) from error
    if not valid:
        raise MarkerError(_refusal(line))
    return float(time_s), places


def _refusal(line: bytes) -> str:
    return f'line: got {line[:60]!r}, allowed: {{"time_s": T, "markers": {{NAME: [x, y, z]}}}}'


class MarkerPoses(PoseSource):
    """A client of a tracking program; the object counts as placed once it is visible."""

    def __init__(self, config: MarkersConfig, checks: PoseCheckConfig) -> None:
        """Raises ConfigError if object or palm have no markers."""
        for name in ("object", "palm"):
            if not getattr(config, name):
                raise ConfigError(f"markers.{name}: got none, allowed: three or more markers")
        self._config, self._offset = config, ClockOffset()
        self.checks = PoseChecks(checks)
        self._lock = threading.Lock()
        self._pose: tuple[float, np.ndarray, np.ndarray] | None = None
        self._gone = ""
        self._saw_palm_s, self._palm = time.monotonic(), ""
        self._socket: socket.socket | None = None
        self._requested_s = 0.0

    @property
    def name(self) -> str:
        """`markers at host:port`."""
        return f"markers at {self._config.host}:{self._config.port}"

    def connect(self, timeout_s: float) -> None:
        """Connect to the program. Raises ConnectError."""
        address = (self._config.host, self._config.port)
        try:
            self._socket = socket.create_connection(address, timeout_s)
        except OSError as error:
            why = error.strerror or "no answer in time"
            raise ConnectError(f"{self.name}: cannot connect: {why}") from error
        self._socket.settimeout(None)
        link = self._socket
        WatchedThread("markers", lambda: self._run(link), self._end).start()

    def newest(self, max_age_s: float) -> ObjectPose | None:
        """The newest accepted pose. Raises DriverGone."""
        with self._lock:
            pose, gone = self._pose, self._gone
        if gone:
            raise DriverGone(f"{self.name}: {gone}")
        if pose is None:
            return None
        age_s = time.monotonic() - pose[0]
        return ObjectPose(pose[1], pose[2], age_s) if age_s <= max_age_s else None

    @property
    def refused(self) -> Mapping[str, int]:
        """See `PoseSource`."""
        return self.checks.refused

    def blind(self, for_s: float) -> str:
        """See `PoseSource`: no line arrived, or the markers of the palm are not visible."""
        silent_s = time.monotonic() - self._saw_palm_s
        if silent_s <= for_s:
            return ""
        return f"{self.name}: no palm for {silent_s:.1f} s" + (self._palm and f": {self._palm}")

    def request_place(self) -> None:
        """Start waiting for a person to place the object."""
        self._requested_s = time.monotonic()

    def placed(self) -> bool:
        """Whether the object is visible, at least one second after the request."""
        return self.newest(0.2) is not None and time.monotonic() - self._requested_s >= 1.0

    def close(self, timeout_s: float) -> None:
        """Close the link."""
        link, self._socket = self._socket, None
        if link is not None:
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
            link.close()

    def _run(self, link: socket.socket) -> None:
        why = "it closed the link"
        try:
            with link.makefile("rb") as lines:
                while line := lines.readline(MAX_LINE):
                    self._take(*parse(line), time.monotonic())
        except OSError as error:
            why = error.strerror or "receive failed"
        except (MarkerError, ValueError) as error:  # ValueError: closed during a read.
            why = str(error)
        self._end(why)

    def _end(self, why: str) -> None:
        with self._lock:
            self._gone = self._gone or why

    def _take(self, sent_s: float, measured: dict[str, np.ndarray], now_s: float) -> None:
        with self._lock:
            self._offset.update(sent_s, now_s)
            taken_s = self._offset.ours(sent_s)
        try:
            palm, palm_residual_m = fit_body(self._config.palm, measured)
            self._palm = misfit(self._config.palm, measured, palm_residual_m)
            if palm_residual_m <= self._config.residual_m:
                self._saw_palm_s = now_s
            object_, object_residual_m = fit_body(self._config.object, measured)
        except LookupError:
            self.checks.refused["markers"] += 1
            return
        at = palm.inverse().after(object_)
        wxyz = wxyz_of(at.rotation)
        doubt = max(palm_residual_m, object_residual_m) / self._config.residual_m
        if not self.checks.judge(taken_s, at.position, wxyz, doubt):
            with self._lock:
                self._pose = (taken_s, at.position, wxyz)
