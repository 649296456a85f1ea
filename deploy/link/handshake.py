"""Conversion between a hand's spec and the fields of the wire's `hello`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...contract.hand_spec import HandSpec
from ...errors import ConnectError
from .wire import Message


def hello_of(spec: HandSpec) -> dict[str, object]:
    """The fields of `hello` that describe the hand."""
    arrays = ("coupling", "joint_lower", "joint_upper", "lower", "upper", "max_speed", "home")
    numbers = {name: getattr(spec, name).ravel().tolist() for name in arrays}
    return {"hand": spec.name, "joints": spec.joints, "actuators": spec.actuators, **numbers}


def spec_of(hello: Message, name: str) -> HandSpec:
    """The hand's spec from its `hello`. Raises ConnectError if sizes disagree."""
    joints, actuators = tuple(hello["joints"]), tuple(hello["actuators"])
    sizes = {
        "coupling": len(joints) * len(actuators),
        **dict.fromkeys(("joint_lower", "joint_upper"), len(joints)),
        **dict.fromkeys(("lower", "upper", "max_speed", "home"), len(actuators)),
    }
    arrays: dict[str, Any] = {}
    for field, size in sizes.items():
        arrays[field] = np.array(hello[field], dtype=np.float64)
        if arrays[field].shape != (size,):
            raise ConnectError(f"{name}: hello.{field}: got {len(hello[field])}, allowed: {size}")
    arrays["coupling"] = arrays["coupling"].reshape(len(actuators), len(joints))
    if np.any(arrays["lower"] >= arrays["upper"]) or np.any(arrays["max_speed"] <= 0):
        raise ConnectError(f"{name}: hello: got empty limits, allowed: lower < upper, speed > 0")
    return HandSpec(name=hello["hand"], joints=joints, actuators=actuators, **arrays)
