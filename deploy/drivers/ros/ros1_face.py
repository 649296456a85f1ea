"""`Ros1Face`: a Shadow Hand on a ROS 1 master, through rospy; for the bridge and driver `ros1`.

Trajectories contain no velocities. The controller of ros_control then interpolates linearly, so
that the setpoint stays within the speed limit of the gate. In mode `position`, the controller of a
motor jumps to each target.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any, Callable

from ....errors import ConnectError
from ....threads import WatchedThread, attempt, describe
from ...link.face import Face, Layout, Reading
from .diagnostics import MotorTemperatures
from .joint_states import JointReader
from .rospy_node import import_rospy, probe, start_node, within
from .services import list_controllers
from .shadow_names import JOINT_STATES, position_controllers, trajectory_groups

CONTROLLERS = "/controller_manager/list_controllers"


class Ros1Face(Face):
    """Reads joint states; commands trajectory controllers or the position controllers of motors."""

    force_scale = True
    state_rate_hz = 125.0

    def __init__(self, layout: Layout, master: str, prefix: str, mode: str) -> None:
        self._layout, self._master, self._mode = layout, master, mode
        self._prefix = prefix
        self.name = f"{prefix}hand on the ROS master at {master}"
        self._joint_names = [prefix + joint for joint in layout.joints]
        self._states = JointReader(layout, prefix)
        self._on_reading: Callable[[], None] = lambda: None
        self._first = threading.Event()
        self._subscribers: list[Any] = []
        self._temperatures = MotorTemperatures(layout.actuators, prefix)
        self._commands: list[Any] = []
        self._forces: list[Any] = []

    def open(self, timeout_s: float, on_reading: Callable[[], None]) -> None:
        """Connect to master, joint states and controllers; check that no controller interferes."""
        self._on_reading = on_reading
        deadline_s = time.monotonic() + timeout_s
        probe(self._master, timeout_s)
        self._ros = import_rospy()
        within(timeout_s, f"ROS master at {self._master}", self._begin)
        if not self._first.wait(max(deadline_s - time.monotonic(), 0.1)):
            raise ConnectError(f"{self.name}: {self._states.problem} on /{JOINT_STATES}")
        left_s = max(deadline_s - time.monotonic(), 0.1)
        within(left_s, f"{self.name}: {CONTROLLERS}", self._check_controllers)
        while self.deaf():
            if time.monotonic() > deadline_s:
                raise ConnectError(f"{self.name}: {self.deaf()}")
            time.sleep(0.02)

    def reading(self) -> Reading | None:
        """The newest reading."""
        return self._states.reading

    def unread(self) -> str:
        """Why the last joint state does not count."""
        return self._states.problem

    def deaf(self) -> str:
        """A message if a command topic has no subscriber; `publish` would not report it."""
        for publisher in self._commands:
            if publisher.get_num_connections() == 0:
                return f"no subscriber on {publisher.resolved_name}"
        return ""

    def send(self, target: Sequence[float], duration_s: float) -> None:
        """Send one message to each trajectory controller, or to each motor's controller."""
        if self._mode == "position":
            for publisher, value in zip(self._commands, target):
                publisher.publish(value)
            return
        joints = self._layout.joint_target(target)
        for publisher, (_, places) in zip(self._commands, self._groups):
            point = self._point(positions=[joints[place] for place in places])
            point.time_from_start = self._ros.Duration.from_sec(duration_s)
            names = [self._joint_names[place] for place in places]
            publisher.publish(self._trajectory(joint_names=names, points=[point]))

    def force(self, share: float) -> None:
        """Set `max_force_factor` of every motor's controller."""
        for publisher in self._forces:
            publisher.publish(share)

    def temperature_c(self) -> Sequence[float]:
        """Temperatures from `/diagnostics`, if this Python has its message types."""
        return self._temperatures.newest(time.monotonic())

    def close(self, timeout_s: float) -> None:
        """Unregister, if the master still answers."""
        endpoints = [*self._subscribers, *self._commands, *self._forces]
        self._subscribers, self._commands, self._forces = [], [], []

        def unregister() -> None:
            for endpoint in endpoints:
                endpoint.unregister()

        thread = WatchedThread("unregister", unregister)  # a master that is gone refuses it
        thread.start()
        thread.join(timeout_s)

    def _begin(self) -> None:
        start_node(self._ros, self._master, "sleight")
        # The ROS modules can be imported only after rospy.
        from sensor_msgs.msg import JointState
        from std_msgs.msg import Float64
        from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

        self._trajectory, self._point = JointTrajectory, JointTrajectoryPoint
        self._groups = trajectory_groups(self._layout.joints, self._prefix)
        motors = position_controllers(self._layout.actuators, self._prefix)
        publisher = self._ros.Publisher
        topics = [f"/{name}/command" for name in self._controllers()]
        kind = Float64 if self._mode == "position" else JointTrajectory
        options = {"queue_size": 1, "tcp_nodelay": True}
        self._commands = [publisher(topic, kind, **options) for topic in topics]
        factors = [f"/{name}/max_force_factor" for name in motors]
        self._forces = [publisher(topic, Float64, **options) for topic in factors]
        states = self._ros.Subscriber(
            f"/{JOINT_STATES}", JointState, self._take, queue_size=1, tcp_nodelay=True
        )
        self._subscribers = [states, *self._diagnostics()]

    def _diagnostics(self) -> list[Any]:
        """The subscriber of the temperatures, 2 Hz; empty if the message type is missing."""
        try:
            from diagnostic_msgs.msg import DiagnosticArray
        except ImportError:
            return []

        def take(message: Any) -> None:
            self._temperatures.take(message, time.monotonic())

        return [self._ros.Subscriber("/diagnostics", DiagnosticArray, take, queue_size=10)]

    def _controllers(self) -> list[str]:
        """The controllers that this mode uses."""
        if self._mode == "position":
            return position_controllers(self._layout.actuators, self._prefix)
        return [name for name, _ in self._groups]

    def _check_controllers(self) -> None:
        """Check that the right controllers run: trajectory controllers overwrite positions."""
        try:
            self._ros.wait_for_service(CONTROLLERS, timeout=1.0)
            answer = self._ros.ServiceProxy(CONTROLLERS, list_controllers())()
        except (self._ros.ROSException, self._ros.ServiceException) as error:
            line = f"{self.name}: cannot list the running controllers: {CONTROLLERS}: {error}"
            raise ConnectError(line) from error
        states = {controller.name: controller.state for controller in answer.controller}
        idle = [name for name in self._controllers() if states.get(name) != "running"]
        if idle:
            known = ", ".join(f"{name} {state}" for name, state in sorted(states.items())) or "none"
            raise ConnectError(
                f"{self.name}: mode {self._mode} needs {idle[0]} running; there are: {known}"
            )
        rivals = [name for name, _ in self._groups if states.get(name) == "running"]
        if self._mode == "position" and rivals:
            raise ConnectError(
                f"{self.name}: {rivals[0]} is running and would overwrite every position;"
                " stop it, or use mode trajectory"
            )

    def _take(self, message: Any) -> None:
        """Receive a JointState of this hand or another device, on rospy's thread."""

        def take() -> None:
            if self._states.take(message, message.header.stamp.to_sec(), time.monotonic()):
                self._first.set()
                self._on_reading()

        # rospy only logs what a callback raises.
        if error := attempt(take):
            self._states.problem = f"a joint state that cannot be read: {describe(error)}"
