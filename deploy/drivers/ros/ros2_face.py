"""`Ros2Face`: a hand under ros2_control, through DDS; ROS 2 need not be installed.

It uses only topics of ros2_control's broadcaster and controllers: `joint_states`, and
`<controller>/joint_trajectory` or `<controller>/commands`. In ros2_control only one controller at a
time can claim a joint, so nothing overwrites these commands. Which controller is active is unknown
here: the query needs ROS services.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cyclonedds.core import DDSException, Policy, Qos
from cyclonedds.domain import DomainParticipant
from cyclonedds.pub import DataWriter
from cyclonedds.sub import DataReader
from cyclonedds.topic import Topic
from cyclonedds.util import duration

from ....errors import ConnectError
from ....threads import WatchedThread
from ...link.face import Face, Layout, Reading
from . import dds_types as dds
from .dds_mismatch import why_unmatched
from .joint_states import JointReader

QOS = Qos(
    Policy.Reliability.Reliable(duration(milliseconds=100)),
    Policy.Durability.Volatile,
    Policy.History.KeepLast(1),
)
"""ROS 2's defaults for commands, except for the queue length of 1: only the newest counts.

Subscribers of every reliability match. A subscriber that asks for old messages (durability
transient local) does not: a command of before it came must not move the hand.
"""
READ_QOS = Qos(
    Policy.Reliability.BestEffort, Policy.Durability.Volatile, Policy.History.KeepLast(1)
)
"""The weakest request, which publishers of every reliability and durability match."""
STATES = "rt/joint_states"
ASK_S = 0.2
"""Time for which the reason why nobody is at the other end of a topic is kept."""


@dataclass(frozen=True)
class Ros2Names:
    """Names of a hand on ROS 2."""

    domain: int = 0
    """ROS_DOMAIN_ID."""
    prefix: str = "rh_"
    """Prefix of the joint names."""
    trajectory: str = "joint_trajectory_controller"
    """Name of the JointTrajectoryController of all joints."""
    position: str = "forward_position_controller"
    """Name of the ForwardCommandController for the positions of all joints, in the spec's order."""
    mode: str = "trajectory"
    """Which controller to use: trajectory or position."""


class Ros2Face(Face):
    """Reads joint states and commands one controller for all joints."""

    state_rate_hz = 100.0

    def __init__(self, layout: Layout, names: Ros2Names) -> None:
        self._layout, self._names = layout, names
        self.name = f"{names.prefix}hand on ROS 2 domain {names.domain}"
        self._joints = [names.prefix + joint for joint in layout.joints]
        self._states = JointReader(layout, names.prefix)
        self._done = threading.Event()
        self._thread: WatchedThread | None = None
        self._writer: DataWriter | None = None
        self._whys: dict[str, tuple[float, str]] = {}

    def open(self, timeout_s: float, on_reading: Callable[[], None]) -> None:
        """Join the domain; wait for joint states and for the controller."""
        deadline_s = time.monotonic() + timeout_s
        try:
            self._join()
        except DDSException as error:
            raise ConnectError(f"{self.name}: {error}") from error
        self._thread = WatchedThread("joint states", lambda: self._listen(on_reading))
        self._thread.start()
        while self._states.reading is None or self.deaf():
            if time.monotonic() > deadline_s:
                why = self._missing()
                self.close(1.0)
                raise ConnectError(f"{self.name}: {why}")
            time.sleep(0.02)

    def reading(self) -> Reading | None:
        """The newest reading."""
        return self._states.reading

    def deaf(self) -> str:
        """A message if no subscriber of the command topic was discovered, or nobody listens."""
        if self._thread is not None and self._thread.failure:
            return self._thread.failure
        if self._writer is None or self._writer.get_publication_matched_status().current_count:
            return ""
        return self._unmatched(self._writer, f"rt/{self._topic()}", self._kind)

    def unread(self) -> str:
        """Why no newer joint state is there: the messages, or that nobody sends any."""
        return self._unmatched(self._reader, STATES, dds.JointState) or self._states.problem

    def send(self, target: Sequence[float], duration_s: float) -> None:
        """Send one message for all joints."""
        joints = self._layout.joint_target(target)
        if self._writer is not None:
            # The queue is full if the hand does not read; its states become stale, too.
            with contextlib.suppress(DDSException):
                self._writer.write(self._message(joints, duration_s))

    def close(self, timeout_s: float) -> None:
        """Leave the domain."""
        self._done.set()
        if self._thread is not None:
            self._thread.join(timeout_s)
        self._writer = None

    def _missing(self) -> str:
        if self._states.reading is not None:
            return self.deaf()
        unmatched = self._unmatched(self._reader, STATES, dds.JointState)
        return f"no joint states: {unmatched}" if unmatched else self._states.problem

    def _unmatched(self, end: DataReader | DataWriter, topic: str, kind: type) -> str:
        """`why_unmatched`; it is asked at every step, and reads the whole domain."""
        asked_s, why = self._whys.get(topic, (-math.inf, ""))
        if time.monotonic() - asked_s > ASK_S:
            why = why_unmatched(self._participant, end, topic, kind)
            self._whys[topic] = (time.monotonic(), why)
        return why

    def _topic(self) -> str:
        names = self._names
        if names.mode == "position":
            return f"{names.position}/commands"
        return f"{names.trajectory}/joint_trajectory"

    def _join(self) -> None:
        self._participant = participant = DomainParticipant(self._names.domain)
        position = self._names.mode == "position"
        self._kind = dds.Float64MultiArray if position else dds.JointTrajectory
        topic = Topic(participant, f"rt/{self._topic()}", self._kind)
        self._writer = DataWriter(participant, topic, qos=QOS)
        states = Topic(participant, STATES, dds.JointState)
        self._reader = DataReader(participant, states, qos=READ_QOS)

    def _message(self, joints: Sequence[float], duration_s: float) -> object:
        if self._names.mode == "position":
            return dds.Float64MultiArray(dds.MultiArrayLayout([], 0), list(joints))
        point = dds.JointTrajectoryPoint(list(joints), [], [], [], dds.Duration.of(duration_s))
        # A stamp of zero means now. Without velocities, the controller interpolates linearly.
        return dds.JointTrajectory(dds.Header(dds.Time(0, 0), ""), self._joints, [point])

    def _listen(self, on_reading: Callable[[], None]) -> None:
        while not self._done.is_set():
            for message in self._reader.take_iter(timeout=duration(milliseconds=50)):
                received_s = time.monotonic()
                stamp = message.header.stamp
                time_s = stamp.sec + stamp.nanosec * 1e-9
                if self._states.take(message, time_s, received_s):
                    on_reading()
                if self._done.is_set():
                    return
