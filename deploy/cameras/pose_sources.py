"""`PoseSource`: the interface of a source of the object's pose, and the referee's client.

A source is a camera rig, marker tracking, or the referee of a simulated rig; the control loop uses
only this interface. Poses are `object_to_palm`.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...contract.quaternions import canonical
from ...errors import ConnectError
from ..hand.hand import DriverGone
from ..link import wire
from ..link.peer_clock import ClockOffset
from ..link.policy_link import Link
from ..link.wire import Message

MOST_REPORTS = 2000
"""Measurements of inner joints that a source keeps for who asks for them later."""


@dataclass(frozen=True)
class ObjectPose:
    """A pose of the object: object_to_palm."""

    position: np.ndarray
    """(3,) m, frame palm."""
    wxyz: np.ndarray
    """(4,) w >= 0."""
    age_s: float
    """Age at the time of the request."""
    joints: np.ndarray | None = None
    """Inner joints of the object [rad]; None if it has none, or they are not measured."""

    def sensors(self) -> dict[str, np.ndarray]:
        """The pose by the names of a graph's inputs."""
        pose = {"object_position": self.position, "object_wxyz": self.wxyz}
        return pose if self.joints is None else {**pose, "object_joints": self.joints}


@dataclass(frozen=True)
class JointReport:
    """One measurement of the inner joints of the object."""

    time_s: float
    """When it was measured, by the clock of the object."""
    heard_s: float
    """When it arrived, by the monotonic clock."""
    joints: np.ndarray
    """(K,) rad."""


class PoseSource(ABC):
    """A source of the object's pose, which can also request a new placement of the object."""

    measures_joints = False
    """Whether it also measures the inner joints of the object."""
    looks_s: Sequence[float] = ()
    """Duration of each computation of a pose so far; empty if the source computes nothing."""

    @property
    def refused(self) -> Mapping[str, int]:
        """Why poses were refused -> how many; empty for a source that refuses none."""
        return {}

    def joint_reports(self) -> list[JointReport]:
        """Measurements of the inner joints since the last call, each once, the oldest first.

        They are kept while nobody asks, up to MOST_REPORTS; empty if the source measures none.
        """
        return []

    @abstractmethod
    def newest(self, max_age_s: float) -> ObjectPose | None:
        """The newest valid pose; None if it is too old or missing. Raises DriverGone."""

    def blind(self, for_s: float) -> str:
        """Why the source itself has delivered nothing for the last `for_s`.

        Empty if it works and just does not see the object, which may have dropped. Raises
        DriverGone.
        """
        return ""

    @abstractmethod
    def request_place(self) -> None:
        """Request that the object is placed in the palm; does not wait. Raises DriverGone."""

    @abstractmethod
    def placed(self) -> bool:
        """Whether the last request is done. Raises DriverGone."""

    @abstractmethod
    def close(self, timeout_s: float) -> None:
        """Close the source; may be called twice. Never raises."""


class Referee(PoseSource):
    """Client of the referee of a simulated rig, which sends the true pose."""

    measures_joints = True

    def __init__(self, host: str, port: int) -> None:
        self._link = Link(host, port, "referee")
        self._lock = threading.Lock()
        self._pose: tuple[float, ObjectPose] | None = None
        self._reports: deque[JointReport] = deque(maxlen=MOST_REPORTS)
        self._reported_s = -np.inf
        self._offset = ClockOffset()
        self._requested = self._answered = 0
        self._heard_s = time.monotonic()
        self.object_size_m = 0.0
        """Edge length of the rig's object; known once connected."""

    def connect(self, timeout_s: float) -> None:
        """Connect to the referee. Raises ConnectError."""
        hello = self._link.open(timeout_s)
        if hello["type"] != "hello_referee" or hello["protocol"] != wire.PROTOCOL:
            self._link.close(timeout_s)
            raise ConnectError(
                f"{self._link.name}: got {hello['type']}, allowed: hello_referee {wire.PROTOCOL}"
            )
        self.object_size_m = hello["object_size_m"]
        self._link.start(self._receive, lambda: None)

    def newest(self, max_age_s: float) -> ObjectPose | None:
        """The newest true pose."""
        self._check_link()
        with self._lock:
            if self._pose is None:
                return None
            sent_s, pose = self._pose
            age_s = time.monotonic() - self._offset.ours(sent_s)
        return replace(pose, age_s=age_s) if age_s <= max_age_s else None

    def joint_reports(self) -> list[JointReport]:
        """See `PoseSource`."""
        with self._lock:
            reports = list(self._reports)
            self._reports.clear()
        return reports

    def blind(self, for_s: float) -> str:
        """See `PoseSource`: nothing arrived, or poses whose time stands still."""
        self._check_link()
        silent_s = time.monotonic() - self._heard_s
        return f"{self._link.name}: no new pose for {silent_s:.1f} s" if silent_s > for_s else ""

    def request_place(self) -> None:
        """Request that the rig places the object in the palm in a new orientation."""
        self._requested += 1
        self._link.send("place", seq=self._requested)
        self._check_link()

    def placed(self) -> bool:
        """Whether the rig has placed the object."""
        self._check_link()
        return self._answered == self._requested

    def close(self, timeout_s: float) -> None:
        """Close the link."""
        self._link.close(timeout_s)

    def _receive(self, message: Message) -> None:
        if message["type"] == "placed":
            self._answered = message["seq"]
        if message["type"] != "object" or not _is_pose(message):
            return
        with self._lock:
            self._offset.update(message["time_s"], time.monotonic())
            wxyz = canonical(np.array(message["wxyz"]))
            joints = np.array(message["joints"]) if message["joints"] else None
            pose = ObjectPose(np.array(message["position"]), wxyz, 0.0, joints)
            if self._pose is None or message["time_s"] > self._pose[0]:
                self._heard_s = time.monotonic()
            self._pose = (message["time_s"], pose)
            if joints is not None and message["joints_time_s"] > self._reported_s:
                self._reported_s = message["joints_time_s"]
                self._reports.append(JointReport(self._reported_s, time.monotonic(), joints))

    def _check_link(self) -> None:
        if self._link.gone:
            raise DriverGone(f"{self._link.name}: the link has ended: {self._link.gone}")


def _is_pose(message: Message) -> bool:
    sized = len(message["position"]) == 3 and len(message["wxyz"]) == 4
    return sized and abs(float(np.linalg.norm(message["wxyz"])) - 1.0) < 1e-3
