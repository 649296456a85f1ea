"""The policy of a bundle on ONNX Runtime: one thread, one step at a time, memory carried along."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import onnxruntime

from ..envs.bundle import Bundle, Tensor
from ..errors import BundleError


@dataclass(frozen=True)
class Sensors:
    """What one tick sees; frame palm, rad, m, wxyz."""

    joint_position: np.ndarray
    """(J,)"""
    joint_velocity: np.ndarray
    """(J,)"""
    last_target: np.ndarray
    """(A,) the last target sent; at the first tick of a trial the target in force."""
    object_position: np.ndarray
    """(3,)"""
    object_wxyz: np.ndarray
    """(4,)"""
    goal_wxyz: np.ndarray
    """(4,)"""


@dataclass(frozen=True)
class Decision:
    """What the policy wants."""

    target: np.ndarray
    """(A,) rad, not yet through the gate."""
    action: np.ndarray
    """(A,) in [-1, 1]."""
    carry: str
    """Hash of the memory after this step: two that agree have remembered the same."""


class OnnxPolicy:
    """The graph of a bundle with its carry. Raises BundleError when graph and manifest differ."""

    def __init__(self, bundle: Bundle, seed: int = 0) -> None:
        """seed: of the noise, for a policy that draws its actions."""
        self._noise = np.random.default_rng(seed)
        self._manifest = bundle.manifest
        self._session = _open(bundle)
        self._wanted = [tensor.name for tensor in self._manifest.inputs]
        self._outputs = [tensor.name for tensor in self._manifest.outputs]
        self.reset()

    def reset(self) -> None:
        """Forget: the next step is the first of a trial."""
        self._carry = {t.name: np.zeros(t.shape, np.float32) for t in self._manifest.carry}
        self._last_action = np.zeros(len(self._manifest.hand.actuators))
        self._previous: Sensors | None = None

    def step(self, sensors: Sensors) -> Decision:
        """One tick; the carry moves on."""
        feed = self.inputs(sensors)
        values = self._session.run(self._outputs, feed)
        found = dict(zip(self._outputs, values, strict=True))
        self._carry = {name: found[f"next_{name}"] for name in self._carry}
        self._previous = sensors
        self._last_action = found["action"][0]
        target = found["target"][0].astype(np.float64)
        return Decision(target, self._last_action, self._hash())

    def inputs(self, sensors: Sensors) -> dict[str, np.ndarray]:
        """The tensors that `step` would feed for `sensors`, the carry among them."""
        previous = self._previous or sensors
        known = {
            "joint_position": sensors.joint_position,
            "joint_velocity": sensors.joint_velocity,
            "last_target": sensors.last_target,
            "last_action": self._last_action,
            "object_position": sensors.object_position,
            "object_wxyz": sensors.object_wxyz,
            "previous_object_position": previous.object_position,
            "previous_object_wxyz": previous.object_wxyz,
            "goal_wxyz": sensors.goal_wxyz,
        }
        if "noise" in self._wanted:
            known["noise"] = self._noise.standard_normal(len(self._last_action))
        row = {name: np.asarray(known[name], np.float32)[None] for name in self._wanted}
        return {**row, **self._carry}

    def _hash(self) -> str:
        digest = hashlib.blake2b(digest_size=8)
        for value in self._carry.values():
            digest.update(value.tobytes())
        return digest.hexdigest()


def _open(bundle: Bundle) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    # A spinning worker would take a core from the loop between two ticks.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(
            str(bundle.graph), options, providers=["CPUExecutionProvider"]
        )
    except _ORT_ERRORS as error:
        line = str(error).splitlines()[0]
        raise BundleError(f"{bundle.graph}: not a graph that ONNX Runtime runs: {line}") from error
    manifest = bundle.manifest
    _compare(bundle, "inputs", session.get_inputs(), (*manifest.inputs, *manifest.carry))
    _compare(bundle, "outputs", session.get_outputs(), manifest.outputs)
    return session


_ORT_ERRORS = (
    onnxruntime.capi.onnxruntime_pybind11_state.Fail,
    onnxruntime.capi.onnxruntime_pybind11_state.InvalidGraph,
    onnxruntime.capi.onnxruntime_pybind11_state.InvalidProtobuf,
    onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument,
    onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented,
    onnxruntime.capi.onnxruntime_pybind11_state.RuntimeException,
)


def _compare(bundle: Bundle, what: str, found: list, declared: tuple[Tensor, ...]) -> None:
    """The graph's own tensors against those of the manifest."""
    graph = {node.name: (_shape(node.shape), node.type) for node in found}
    told = {tensor.name: (tensor.shape, "tensor(float)") for tensor in declared}
    if graph != told:
        name = min(name for name, _ in set(graph.items()) ^ set(told.items()))
        raise BundleError(
            f"{bundle.graph}: {what}: {name}: got {graph.get(name, 'nothing')},"
            f" allowed: {told.get(name, 'nothing')}, as in bundle.json"
        )


def _shape(sizes: list[int | str | None]) -> tuple[int | str | None, ...]:
    """The shape that one robot sees: a graph may leave the batch, its first size, free."""
    free = bool(sizes) and not isinstance(sizes[0], int)
    return (1, *sizes[1:]) if free else tuple(sizes)
