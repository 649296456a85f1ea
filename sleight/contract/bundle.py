"""The bundle: a folder with the ONNX graphs of a policy and its task, and `bundle.json`.

The policy's graph contains all processing of observations and actions: sensors in, targets out; see
`manifest` for what they are.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..config import from_dict, to_dict
from ..errors import BundleError, ConfigError, DataError
from ..files import read_json, write_json
from ..shipped import shipped
from .hand_spec import HandSpec
from .manifest import (
    CAMERA_IMAGES,
    CAMERA_MATRICES,
    FORMAT,
    INPUTS,
    BundleManifest,
    Tensor,
    widths_of,
)
from .pose_entry import check_cameras

MANIFEST = "bundle.json"
LIMIT_TOLERANCE_RAD = 1e-3
"""Joint limits that differ by less count as equal."""


@dataclass(frozen=True)
class Bundle:
    """A bundle with a valid manifest and verified graphs."""

    folder: Path
    manifest: BundleManifest

    @property
    def graph(self) -> Path:
        """Path of the policy's graph."""
        return self.folder / self.manifest.graph.file

    @property
    def hashes(self) -> tuple[str, ...]:
        """SHA-256 of the graphs: policy, task, and the pose network if there is one."""
        pose, task = self.manifest.pose, self.manifest.task
        return (self.manifest.graph.sha256, task.graph.sha256, *([pose.sha256] if pose else []))

    @property
    def task_graph(self) -> Path:
        """Path of the task's graph."""
        return self.folder / self.manifest.task.graph.file

    @property
    def pose_graph(self) -> Path:
        """Path of the pose network. Raises BundleError if the bundle has none."""
        if self.manifest.pose is None:
            raise BundleError(f"{self.folder / MANIFEST}: pose: got null, allowed: a pose network")
        return self.folder / self.manifest.pose.file

    def check_logged(self, log: str) -> None:
        """Raise DataError if a log of this policy does not hold all that it has read."""
        if self.manifest.images is not None:
            raise DataError(
                f"{log}: got the run of a policy that reads pictures, which the log does not hold"
                " whole, allowed: that of a policy that reads the pose"
            )


def load_bundle(folder: str | Path) -> Bundle:
    """Read and verify a bundle. Raises BundleError with one line: file, field, got, allowed."""
    folder = shipped(folder)
    if not folder.is_dir():
        raise BundleError(f"{folder}: no such bundle folder")
    manifest = read_manifest(folder / MANIFEST)
    _check_shapes(manifest, folder / MANIFEST)
    _check_file(folder, "graph", manifest.graph.file, manifest.graph.sha256)
    _check_file(folder, "task.graph", manifest.task.graph.file, manifest.task.graph.sha256)
    if manifest.pose is not None:
        check_cameras(manifest.pose, str(folder / MANIFEST))
        _check_file(folder, "pose", manifest.pose.file, manifest.pose.sha256)
    if manifest.images is not None:
        check_cameras(manifest.images, str(folder / MANIFEST), "images")
    return Bundle(folder, manifest)


def _check_file(folder: Path, field: str, name: str, sha256: str) -> None:
    """Raise BundleError unless the graph exists and has the hash of the manifest."""
    graph = folder / name
    if Path(name).name != name or not graph.is_file():
        raise BundleError(
            f"{folder / MANIFEST}: {field}.file: got {name!r}, allowed: a file in {folder}"
        )
    actual = file_sha256(graph)
    if actual != sha256:
        raise BundleError(
            f"{graph}: got sha256 {actual[:12]}..., allowed: {sha256[:12]}...,"
            f" the one in {MANIFEST}"
        )


def read_manifest(path: Path) -> BundleManifest:
    """Read `bundle.json`. Raises BundleError for another format or an invalid field."""
    data = read_json(path, BundleError)
    if not isinstance(data, dict):
        raise BundleError(f"{path}: got {type(data).__name__}, allowed: a mapping of fields")
    if data.get("format") != FORMAT:
        raise BundleError(
            f"{path}: format: got {data.get('format')!r}, allowed: {FORMAT};"
            " `sleight export` writes the bundle of a run anew"
        )
    training = data.pop("training", {})
    if not isinstance(training, dict):
        raise BundleError(f"{path}: training: got {training!r:.40}, allowed: a mapping")
    try:
        manifest = from_dict(BundleManifest, data, str(path))
    except ConfigError as error:
        raise BundleError(str(error)) from error
    return dataclasses.replace(manifest, training=training)


def write_manifest(folder: str | Path, manifest: BundleManifest) -> None:
    """Write `bundle.json` atomically; call it after writing the graph."""
    write_json(Path(folder) / MANIFEST, to_dict(manifest))


def file_sha256(path: str | Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def match_hand(bundle: Bundle, spec: HandSpec) -> None:
    """Raise BundleError if the bundle was made for another hand than `spec`."""
    entry, path = bundle.manifest.hand, bundle.folder / MANIFEST
    if entry.name != spec.name:
        raise BundleError(f"{path}: hand.name: got {entry.name}, allowed: {spec.name}, the hand's")
    for what, names, expected in (
        ("joints", entry.joints, spec.joints),
        ("actuators", entry.actuators, spec.actuators),
    ):
        if names != expected:
            raise BundleError(f"{path}: hand.{what}: {_first_difference(names, expected)}")
    for what, limits, expected_rad in (
        ("lower", entry.lower, spec.lower),
        ("upper", entry.upper, spec.upper),
    ):
        error = np.abs(np.array(limits) - expected_rad)
        worst = int(error.argmax())
        if error[worst] > LIMIT_TOLERANCE_RAD:
            raise BundleError(
                f"{path}: hand.{what}: got {limits[worst]:.4f} rad for {spec.actuators[worst]},"
                f" allowed: {expected_rad[worst]:.4f} +- {LIMIT_TOLERANCE_RAD}, the hand's"
            )


def _first_difference(names: tuple[str, ...], expected: tuple[str, ...]) -> str:
    if len(names) != len(expected):
        return f"got {len(names)} names, allowed: the hand's {len(expected)}"
    index = next(i for i, (a, b) in enumerate(zip(names, expected, strict=True)) if a != b)
    return f"got {names[index]} at index {index}, allowed: {expected[index]}, the hand's order"


def _check_shapes(manifest: BundleManifest, path: Path) -> None:
    """Raise BundleError unless the names and shapes of the tensors follow the contract."""
    hand = manifest.hand
    widths = widths_of(len(hand.joints), len(hand.actuators), len(manifest.task.object_joints))
    for what, values in (("lower", hand.lower), ("upper", hand.upper)):
        if len(values) != widths["actuators"]:
            raise BundleError(
                f"{path}: hand.{what}: got {len(values)} numbers, allowed: {widths['actuators']}"
            )
    known: dict[str, tuple[int, ...]] = {name: (1, widths[row[0]]) for name, row in INPUTS.items()}
    known |= {goal.name: goal.shape for goal in manifest.task.goals}
    if manifest.images is not None:
        known[CAMERA_IMAGES] = manifest.images.shape
        known[CAMERA_MATRICES] = manifest.images.matrices_shape
    _check_tensors(manifest.inputs, known, f"{path}: inputs")
    action = (1, widths["actuators"])
    carries = {f"next_{carry.name}": carry.shape for carry in manifest.carry}
    outputs = {"target": action, "action": action, **carries}
    _check_tensors(manifest.outputs, outputs, f"{path}: outputs")
    missing = outputs.keys() - {tensor.name for tensor in manifest.outputs}
    if missing:
        raise BundleError(f"{path}: outputs: missing, allowed: {', '.join(sorted(missing))} too")


def _check_tensors(
    tensors: Iterable[Tensor], known: Mapping[str, tuple[int, ...]], where: str
) -> None:
    for tensor in tensors:
        if tensor.name not in known:
            raise BundleError(f"{where}: got {tensor.name}, allowed: {', '.join(known)}")
        if tensor.shape != known[tensor.name]:
            raise BundleError(
                f"{where}: {tensor.name}: got shape {tensor.shape}, allowed: {known[tensor.name]}"
            )
