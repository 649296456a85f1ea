"""Where the object is: what tells its pose, and whether to believe it.

A `PoseSource` is a camera rig, marker tracking, or the referee of a simulated rig; the loop knows
only this interface. Poses are `object_to_palm`.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...contract.quaternions import canonical
from ...errors import ConnectError
from ..hand.hand import DriverGone
from ..link import wire
from ..link.peer_clock import ClockOffset
from ..link.policy_link import Link
from ..link.wire import Message


@dataclass(frozen=True)
class ObjectPose:
    """One look at the object."""

    position: np.ndarray
    """(3,) m, frame palm."""
    wxyz: np.ndarray
    """(4,) w >= 0."""
    age_s: float
    """How old it was when it was asked for."""
    joints: np.ndarray | None = None
    """Inner joints of the object [rad]; None where it has none, or they are not measured."""

    def sensors(self) -> dict[str, np.ndarray]:
        """By the names that the graphs of a bundle know."""
        pose = {"object_position": self.position, "object_wxyz": self.wxyz}
        return pose if self.joints is None else {**pose, "object_joints": self.joints}


class PoseSource(ABC):
    """What tells where the object is, and lets the next trial begin."""

    measures_joints = False
    """Whether it also measures the inner joints of the object."""
    looks_s: Sequence[float] = ()
    """How long each look took so far, from frames to pose; empty where nothing is computed."""

    @abstractmethod
    def newest(self, max_age_s: float) -> ObjectPose | None:
        """The newest valid pose, or None when there is none that new. Raises DriverGone."""

    @abstractmethod
    def request_place(self) -> None:
        """Ask for the object to be laid into the palm; does not wait. Raises DriverGone."""

    @abstractmethod
    def placed(self) -> bool:
        """Whether the last request was answered. Raises DriverGone."""

    @abstractmethod
    def close(self, timeout_s: float) -> None:
        """End; may be called twice. Never raises."""


class Referee(PoseSource):
    """The referee of a simulated rig: the true pose, in the place of cameras."""

    measures_joints = True

    def __init__(self, host: str, port: int) -> None:
        self._link = Link(host, port, "referee")
        self._lock = threading.Lock()
        self._pose: tuple[float, ObjectPose] | None = None
        self._offset = ClockOffset()
        self._asked = self._answered = 0
        self.object_size_m = 0.0
        """Edge of the rig's object; known once connected."""

    def connect(self, timeout_s: float) -> None:
        """Reach the referee. Raises ConnectError."""
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

    def request_place(self) -> None:
        """Ask the rig to lay the object into the palm, in a new orientation."""
        self._asked += 1
        self._link.send("place", seq=self._asked)
        self._check_link()

    def placed(self) -> bool:
        """Whether it has."""
        self._check_link()
        return self._answered == self._asked

    def close(self, timeout_s: float) -> None:
        """End the link."""
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
            self._pose = (message["time_s"], pose)

    def _check_link(self) -> None:
        if self._link.gone:
            raise DriverGone(f"{self._link.name}: the link has ended: {self._link.gone}")


def _is_pose(message: Message) -> bool:
    sized = len(message["position"]) == 3 and len(message["wxyz"]) == 4
    return sized and abs(float(np.linalg.norm(message["wxyz"])) - 1.0) < 1e-3
