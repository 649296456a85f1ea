"""Opens a bundle's graphs in ONNX Runtime, on one thread, and checks their tensors.

The robot runs the policy and the pose network through this module; it does not need torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as ort

from ..errors import BundleError
from .pose_entry import Shapes

# For a process that imported ONNX Runtime before this package, which switches telemetry off.
onnxruntime.disable_telemetry_events()

_ORT_ERRORS = (
    ort.Fail,
    ort.InvalidGraph,
    ort.InvalidProtobuf,
    ort.InvalidArgument,
    ort.NotImplemented,
    ort.RuntimeException,
    UnicodeDecodeError,  # its message quotes the bytes of a damaged graph
)


class Session(onnxruntime.InferenceSession):
    """An ONNX Runtime session whose failures are the project's errors."""

    def __init__(self, graph: Path, options: onnxruntime.SessionOptions) -> None:
        """Raises BundleError."""
        self._graph = graph
        try:
            # Read here: ONNX Runtime takes no path that is not UTF-8.
            content = graph.read_bytes()
        except OSError as error:
            raise BundleError(f"{graph}: cannot be read: {error.strerror}") from error
        with self._translated("not a graph that ONNX Runtime runs"):
            super().__init__(content, options, providers=["CPUExecutionProvider"])

    def run(self, *args: Any, **options: Any) -> list[Any]:
        """As ONNX Runtime's. Raises BundleError."""
        with self._translated("ONNX Runtime failed"):
            return list(super().run(*args, **options))

    @contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        try:
            yield
        except _ORT_ERRORS as error:
            line = str(error).splitlines()[0]
            raise BundleError(f"{self._graph}: {what}: {line}") from error


def open_session(graph: Path) -> Session:
    """Open a graph on one thread. Raises BundleError."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    # A spinning worker would take a core from the control loop between two steps.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return Session(graph, options)


def check_tensors(graph: Path, what: str, nodes: list[Any], expected: Shapes) -> None:
    """Compare a session's inputs or outputs with the manifest. Raises BundleError."""
    actual = {node.name: (_shape(node.shape), node.type) for node in nodes}
    if actual != expected:
        name = min(name for name, _ in set(actual.items()) ^ set(expected.items()))
        raise BundleError(
            f"{graph}: {what}: {name}: got {actual.get(name, 'nothing')},"
            f" allowed: {expected.get(name, 'nothing')}, as in bundle.json"
        )


def _shape(sizes: list[int | str | None]) -> tuple[int | str | None, ...]:
    """The shape for one robot: a free batch size (the first dimension) becomes 1."""
    free = bool(sizes) and not isinstance(sizes[0], int)
    return (1, *sizes[1:]) if free else tuple(sizes)
