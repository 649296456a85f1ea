"""DDS types of the ROS 2 messages for a hand; they serialize to the same bytes as ROS's own.

The fields are those of sensor_msgs, trajectory_msgs, std_msgs and builtin_interfaces, Humble to
Jazzy. On DDS, a topic `/name` is `rt/name` and a type `pkg/msg/Type` is `pkg::msg::dds_::Type_`.
"""
# mypy: disable-error-code="call-arg"
# cyclonedds evaluates the annotations when a class is created: no `from __future__ import
# annotations` here.

from dataclasses import dataclass

from cyclonedds.idl import IdlStruct, annotations, types


@dataclass
@annotations.final
class Time(IdlStruct, typename="builtin_interfaces::msg::dds_::Time_"):
    """builtin_interfaces/Time."""

    sec: types.int32
    nanosec: types.uint32


@dataclass
@annotations.final
class Duration(IdlStruct, typename="builtin_interfaces::msg::dds_::Duration_"):
    """builtin_interfaces/Duration."""

    sec: types.int32
    nanosec: types.uint32

    @staticmethod
    def of(seconds: float) -> "Duration":
        """The duration of `seconds` >= 0."""
        nanoseconds = round(seconds * 1e9)
        return Duration(nanoseconds // 10**9, nanoseconds % 10**9)


@dataclass
@annotations.final
class Header(IdlStruct, typename="std_msgs::msg::dds_::Header_"):
    """std_msgs/Header."""

    stamp: Time
    frame_id: str


@dataclass
@annotations.final
class JointState(IdlStruct, typename="sensor_msgs::msg::dds_::JointState_"):
    """sensor_msgs/JointState."""

    header: Header
    name: types.sequence[str]
    position: types.sequence[types.float64]
    velocity: types.sequence[types.float64]
    effort: types.sequence[types.float64]


@dataclass
@annotations.final
class JointTrajectoryPoint(IdlStruct, typename="trajectory_msgs::msg::dds_::JointTrajectoryPoint_"):
    """trajectory_msgs/JointTrajectoryPoint."""

    positions: types.sequence[types.float64]
    velocities: types.sequence[types.float64]
    accelerations: types.sequence[types.float64]
    effort: types.sequence[types.float64]
    time_from_start: Duration


@dataclass
@annotations.final
class JointTrajectory(IdlStruct, typename="trajectory_msgs::msg::dds_::JointTrajectory_"):
    """trajectory_msgs/JointTrajectory."""

    header: Header
    joint_names: types.sequence[str]
    points: types.sequence[JointTrajectoryPoint]


@dataclass
@annotations.final
class MultiArrayDimension(IdlStruct, typename="std_msgs::msg::dds_::MultiArrayDimension_"):
    """std_msgs/MultiArrayDimension."""

    label: str
    size: types.uint32
    stride: types.uint32


@dataclass
@annotations.final
class MultiArrayLayout(IdlStruct, typename="std_msgs::msg::dds_::MultiArrayLayout_"):
    """std_msgs/MultiArrayLayout."""

    dim: types.sequence[MultiArrayDimension]
    data_offset: types.uint32


@dataclass
@annotations.final
class Float64MultiArray(IdlStruct, typename="std_msgs::msg::dds_::Float64MultiArray_"):
    """std_msgs/Float64MultiArray."""

    layout: MultiArrayLayout
    data: types.sequence[types.float64]
