"""The messages of a run's log: ROS 2 messages that Foxglove and the rosbag2 tools can read.

Joint states, commands and poses are standard messages. Sleight's own records are JSON inside
`std_msgs/String`, one topic per event: rosbag2 cannot play a bag with two kinds of serialization,
so plain JSON channels would make the whole bag unplayable.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from rosbags.typesys import Stores, get_typestore
from rosbags.typesys.store import Typestore

from ...contract.hand_spec import HandSpec

Stamped = tuple[str, str, Any]
"""Topic, type, message."""

RECORDS = "/sleight/"
"""Prefix of the topics of sleight's own records; the event's name follows."""
STRING = "std_msgs/msg/String"
IMAGE = "sensor_msgs/msg/CompressedImage"
FRAME = "palm"
_EVER = "{sec: 9223372036, nsec: 854775807}"
OFFERED_QOS = f"""\
- history: 1
  depth: 10
  reliability: 1
  durability: 2
  deadline: {_EVER}
  lifespan: {_EVER}
  liveliness: 1
  liveliness_lease_duration: {_EVER}
  avoid_ros_namespace_conventions: false
"""
"""The quality of service with which a player offers a topic: ROS 2's default (keep last 10,
reliable, volatile, no deadlines). The numbers are rmw's, the form that rosbag2 reads up to its
format 8 (Humble); MCAP's `ros2` profile requires the entry."""


@functools.cache
def ros2() -> Typestore:
    """The type store with the standard messages of ROS 2."""
    return get_typestore(Stores.ROS2_HUMBLE)


def channel_metadata(kind: str) -> dict[str, str]:
    """The metadata of a channel with messages of type `kind`, by MCAP's `ros2` profile."""
    return {
        "offered_qos_profiles": OFFERED_QOS,
        "topic_type_hash": ros2().hash_rihs01(kind),
    }


def messages_of(
    wall_ns: int, event: str, fields: dict[str, Any], spec: HandSpec, period_s: float
) -> Iterator[Stamped]:
    """The messages of one record; arrays become lists without loss of precision."""
    yield RECORDS + event, STRING, _make(STRING, data=json.dumps(fields, default=_plain))
    if event != "turn":
        return
    if fields["joint_position"] is not None:
        measured_ns = wall_ns - int(1e9 * (fields["hand_age_s"] or 0.0))
        yield _joint_state(measured_ns, fields, spec)
    if fields["applied"] is not None:
        yield _command(wall_ns, fields["applied"], spec, period_s)
    if fields["object_position"] is not None:
        position = fields["object_position"]
        seen_ns = wall_ns - int(1e9 * (fields["pose_age_s"] or 0.0))
        yield _pose("/object_pose", seen_ns, position, fields["object_wxyz"])
        if (goal := (fields["goal"] or {}).get("goal_wxyz")) is not None:
            yield _pose("/goal_pose", wall_ns, position, goal)


def image_message(wall_ns: int, camera: str, jpeg: bytes, age_s: float) -> Stamped:
    """The message of a camera image."""
    header = _header(wall_ns - int(1e9 * age_s), camera)
    data = np.frombuffer(jpeg, np.uint8)
    message = _make(IMAGE, header=header, format="jpeg", data=data)
    return f"/camera/{camera}/compressed", IMAGE, message


def _joint_state(stamp_ns: int, fields: dict[str, Any], spec: HandSpec) -> Stamped:
    kind = "sensor_msgs/msg/JointState"
    position, velocity = _floats(fields["joint_position"]), _floats(fields["joint_velocity"])
    # Effort is per motor, not per joint; it is only in sleight's own record.
    message = _make(
        kind,
        header=_header(stamp_ns, ""),
        name=list(spec.joints),
        position=position,
        velocity=velocity,
        effort=np.zeros(0),
    )
    return "/joint_states", kind, message


def _command(stamp_ns: int, applied: np.ndarray, spec: HandSpec, period_s: float) -> Stamped:
    kind, none = "trajectory_msgs/msg/JointTrajectory", np.zeros(0)
    point = _make(
        "trajectory_msgs/msg/JointTrajectoryPoint",
        positions=_floats(applied),
        velocities=none,
        accelerations=none,
        effort=none,
        time_from_start=_make(
            "builtin_interfaces/msg/Duration", sec=int(period_s), nanosec=int(period_s % 1 * 1e9)
        ),
    )
    names = list(spec.actuators)
    message = _make(kind, header=_header(stamp_ns, ""), joint_names=names, points=[point])
    return "/command", kind, message


def _pose(topic: str, stamp_ns: int, position: Sequence[float], wxyz: Sequence[float]) -> Stamped:
    kind = "geometry_msgs/msg/PoseStamped"
    (x, y, z), (qw, qx, qy, qz) = map(float, position), map(float, wxyz)
    point = _make("geometry_msgs/msg/Point", x=x, y=y, z=z)
    quaternion = _make("geometry_msgs/msg/Quaternion", x=qx, y=qy, z=qz, w=qw)
    pose = _make("geometry_msgs/msg/Pose", position=point, orientation=quaternion)
    return topic, kind, _make(kind, header=_header(stamp_ns, FRAME), pose=pose)


def _header(stamp_ns: int, frame: str) -> Any:
    seconds, rest = divmod(stamp_ns, 10**9)
    stamp = _make("builtin_interfaces/msg/Time", sec=seconds, nanosec=rest)
    return _make("std_msgs/msg/Header", stamp=stamp, frame_id=frame)


def _make(kind: str, **fields: Any) -> Any:
    return ros2().types[kind](**fields)


def _floats(values: Any) -> np.ndarray:
    return np.ascontiguousarray(values, dtype=np.float64)


def _plain(value: Any) -> Any:
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    return str(value)
