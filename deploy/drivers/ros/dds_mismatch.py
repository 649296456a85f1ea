"""Why two ends of a DDS topic do not talk: nobody there, another type, or a quality of service.

DDS itself says nothing: a publisher and a subscriber whose policies do not match just never meet.
"""

from __future__ import annotations

from cyclonedds.builtin import (
    BuiltinDataReader,
    BuiltinTopicDcpsPublication,
    BuiltinTopicDcpsSubscription,
)
from cyclonedds.core import DDSException, Policy, Qos
from cyclonedds.domain import DomainParticipant
from cyclonedds.pub import DataWriter
from cyclonedds.sub import DataReader

MOST = 1000
"""Most endpoints of a domain that are looked at."""
POLICIES = {
    2: "durability",
    3: "presentation",
    4: "deadline",
    5: "latency budget",
    6: "ownership",
    8: "liveliness",
    11: "reliability",
    12: "destination order",
    23: "data representation",
}
"""Policy identifiers of the DDS specification, version 1.4, and of DDS-XTypes."""


def why_unmatched(
    participant: DomainParticipant, end: DataReader | DataWriter, topic: str, kind: type
) -> str:
    """Why nobody is at the other end of `end`, as far as is known; empty if somebody is.

    topic: the name in DDS, such as `rt/joint_states`; kind: the type that `end` uses.
    """
    if isinstance(end, DataReader):
        matched, other = end.get_subscription_matched_status(), "publisher"
        policy = end.get_requested_incompatible_qos_status().last_policy_id
        builtin = BuiltinTopicDcpsPublication
    else:
        matched, other = end.get_publication_matched_status(), "subscriber"
        policy = end.get_offered_incompatible_qos_status().last_policy_id
        builtin = BuiltinTopicDcpsSubscription
    if matched.current_count:
        return ""
    who = f"{other} on /{topic.removeprefix('rt/')}"
    # Our own end on this topic is of the other kind, and so is not among them.
    there = [e for e in _endpoints(participant, builtin) if e.topic_name == topic]
    if not there:
        return f"no {who}"
    wanted = kind.__idl__.idl_transformed_typename  # type: ignore[attr-defined]
    if others := {e.type_name for e in there} - {wanted}:
        return f"the {who} has the type {_ros(min(others))}, allowed: {_ros(wanted)}"
    if policy:
        return f"the {who} has another quality of service: {_described(there[-1].qos, policy)}"
    if any(Policy.Partition in e.qos for e in there):
        return f"the {who} is in a partition of its own, allowed: none"
    return f"the {who} does not answer"


def _endpoints(participant: DomainParticipant, builtin: object) -> list:
    try:
        return [e for e in BuiltinDataReader(participant, builtin).read(MOST) if e.topic_name]
    except DDSException:
        return []


def _described(qos: Qos, policy: int) -> str:
    """The policy by name, with its value at the other end: `reliability BestEffort`."""
    name = POLICIES.get(policy, f"policy {policy}")
    start = f"Policy.{name.title().replace(' ', '')}"
    values = [str(p).removeprefix(start).lstrip(".") for p in qos if str(p).startswith(start)]
    return " ".join([name, *values[:1]])


def _ros(name: str) -> str:
    """`sensor_msgs::msg::dds_::JointState_` -> `sensor_msgs/msg/JointState`."""
    return name.replace("dds_::", "").rstrip("_").replace("::", "/")
