"""Runs the policy of a bundle with ONNX Runtime: one thread, one step at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import onnxruntime

from ...contract.bundle import Bundle
from ...contract.manifest import CAMERA_IMAGES, Tensor
from ...contract.onnx_session import check_tensors, open_session
from ...contract.pose_entry import Shapes

_DTYPES = {CAMERA_IMAGES: np.uint8}
"""Of the inputs that are not float32."""


@dataclass(frozen=True)
class Sensors:
    """The inputs of one step; frame palm, rad, m, wxyz."""

    joint_position: np.ndarray
    """(J,)"""
    joint_velocity: np.ndarray
    """(J,)"""
    last_target: np.ndarray
    """(A,) the last target sent; at the first step of a trial the target in force."""
    object: Mapping[str, np.ndarray]
    """object_position (3,), object_wxyz (4,), and object_joints if the object has joints."""
    goal: Mapping[str, np.ndarray]
    """The parts of the present goal."""
    cameras: Mapping[str, np.ndarray] = field(default_factory=dict)
    """camera_images (V, S, S, 3) uint8 and camera_matrices (V, 3, 4), for a policy that reads
    pictures."""


@dataclass(frozen=True)
class Decision:
    """The output of the policy."""

    target: np.ndarray
    """(A,) rad, before the safety gate."""
    action: np.ndarray
    """(A,) in [-1, 1]."""
    carry: str
    """Hash of the memory after this step; equal hashes mean equal memories."""


class OnnxPolicy:
    """The graph of a bundle and its carry. Raises BundleError when graph and manifest differ."""

    def __init__(self, bundle: Bundle, seed: int = 0) -> None:
        """seed: of the noise of a policy that samples its actions."""
        self._noise = np.random.default_rng(seed)
        self._manifest = bundle.manifest
        self._session = _open(bundle)
        self._wanted = [tensor.name for tensor in self._manifest.inputs]
        self._outputs = [tensor.name for tensor in self._manifest.outputs]
        self.reset()

    def reset(self) -> None:
        """Clear the memory: the next step is the first of a trial."""
        self._carry = {t.name: np.zeros(t.shape, np.float32) for t in self._manifest.carry}
        self._last_action = np.zeros(len(self._manifest.hand.actuators))
        self._previous: Sensors | None = None

    def step(self, sensors: Sensors) -> Decision:
        """Run one step and update the carry."""
        feed = self.inputs(sensors)
        values = self._session.run(self._outputs, feed)
        outputs = dict(zip(self._outputs, values, strict=True))
        self._carry = {name: outputs[f"next_{name}"] for name in self._carry}
        self._previous = sensors
        self._last_action = outputs["action"][0]
        target = outputs["target"][0].astype(np.float64)
        return Decision(target, self._last_action, self._hash())

    def inputs(self, sensors: Sensors) -> dict[str, np.ndarray]:
        """The input tensors of `step` for `sensors`, including the carry."""
        previous = self._previous or sensors
        values = {
            "joint_position": sensors.joint_position,
            "joint_velocity": sensors.joint_velocity,
            "last_target": sensors.last_target,
            "last_action": self._last_action,
            **sensors.object,
            **{f"previous_{name}": value for name, value in previous.object.items()},
            **sensors.goal,
            **sensors.cameras,
        }
        if "noise" in self._wanted:
            values["noise"] = self._noise.standard_normal(len(self._last_action))
        row = {
            name: np.asarray(values[name], _DTYPES.get(name, np.float32))[None]
            for name in self._wanted
        }
        return {**row, **self._carry}

    def _hash(self) -> str:
        digest = hashlib.blake2b(digest_size=8)
        for value in self._carry.values():
            digest.update(value.tobytes())
        return digest.hexdigest()


def _open(bundle: Bundle) -> onnxruntime.InferenceSession:
    session, manifest = open_session(bundle.graph), bundle.manifest
    inputs = (*manifest.inputs, *manifest.carry)
    check_tensors(bundle.graph, "inputs", session.get_inputs(), _shapes(inputs))
    check_tensors(bundle.graph, "outputs", session.get_outputs(), _shapes(manifest.outputs))
    return session


def _shapes(tensors: tuple[Tensor, ...]) -> Shapes:
    kinds = {CAMERA_IMAGES: "tensor(uint8)"}
    return {
        tensor.name: (tensor.shape, kinds.get(tensor.name, "tensor(float)")) for tensor in tensors
    }
