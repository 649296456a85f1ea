"""The bundle: a folder with an exported policy (an ONNX graph) and its description, `bundle.json`.

The graph contains all processing of observations and actions: sensors in, targets out. `INPUTS` and
the goals of the task are the tensors that it may use: float32, batch 1, frame "palm". At the first
control step of a trial `last_action` and every carry are zero, the previous pose equals the current
one, and `last_target` is the target in force, as after a reset in training. The outputs are
`target`, `action`, and `next_<name>` for each carry. (Names in an ONNX graph are unique; hence the
input `last_target` besides the output `target`.)
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from ..config import Range, from_dict, to_dict
from ..errors import BundleError, ConfigError
from ..files import read_json, write_json
from .hand_spec import HandSpec
from .pose_entry import PoseEntry, check_cameras

FORMAT = 2
MANIFEST = "bundle.json"
LIMIT_TOLERANCE_RAD = 1e-3
"""Joint limits that differ by less count as equal."""

Positive = Annotated[float, Range(0, 1e6, open_low=True)]
Count = Annotated[int, Range(1, 1_000_000)]

INPUTS: dict[str, tuple[str, str, str]] = {
    "joint_position": ("joints", "rad", "joint"),
    "joint_velocity": ("joints", "rad/s", "joint"),
    "last_target": ("actuators", "rad", "joint"),
    "last_action": ("actuators", "1", "actuator"),
    "object_joints": ("object_joints", "rad", "object"),
    "object_position": ("3", "m", "palm"),
    "object_wxyz": ("4", "quaternion", "palm"),
    "previous_object_position": ("3", "m", "palm"),
    "previous_object_wxyz": ("4", "quaternion", "palm"),
    "noise": ("actuators", "1", "actuator"),
}
"""Inputs that a graph may use besides the goals of its task: name -> (width, unit, frame).
`last_target` is the target sent last; `noise` is standard normal, drawn anew at each step, for a
stochastic policy."""


@dataclass(frozen=True)
class Tensor:
    """One input or output of the graph."""

    name: str
    shape: tuple[int, ...]
    """Shape, with the batch of 1."""
    unit: str = "1"
    frame: str = ""


@dataclass(frozen=True)
class HandEntry:
    """The hand that the policy was trained for."""

    name: str
    joints: tuple[str, ...]
    actuators: tuple[str, ...]
    lower: tuple[float, ...]
    """(A,) rad: lower limits of the targets."""
    upper: tuple[float, ...]
    """(A,) rad: upper limits of the targets."""

    @staticmethod
    def of(spec: HandSpec) -> HandEntry:
        """The entry that describes `spec`."""
        lower, upper = (tuple(map(float, values)) for values in (spec.lower, spec.upper))
        return HandEntry(spec.name, spec.joints, spec.actuators, lower, upper)


@dataclass(frozen=True)
class GraphEntry:
    """File name of a graph and its expected SHA-256."""

    file: str
    sha256: str


@dataclass(frozen=True)
class OptionEntry:
    """A number of the task that trials may choose."""

    value: float
    low: float
    high: float
    unit: str = "1"

    def __post_init__(self) -> None:
        if not self.low <= self.value <= self.high:
            raise ConfigError(
                f"value: got {self.value:g}, allowed: in [{self.low:g}, {self.high:g}]"
            )


@dataclass(frozen=True)
class TaskEntry:
    """The task that the policy was trained on; it defines a trial on the robot.

    Its graph is the law of the task: from the object's pose, the current goal and random numbers it
    computes the distance, whether the goal is reached, whether the object is lost, and the next
    goal.
    """

    name: str
    goal_timeout_s: Positive
    max_successes: Count
    object: str
    """The object in the hand."""
    object_size_m: Positive
    success_threshold: Positive
    unit: str
    """Distance at which a goal counts as reached; for information only, the graph decides."""
    graph: GraphEntry
    goals: tuple[Tensor, ...]
    """The parts of a goal; a policy may use them, too."""
    uniforms: Annotated[int, Range(0, 1000)]
    normals: Annotated[int, Range(0, 1000)]
    """Number of random numbers from which the graph draws a goal: U(0, 1) and N(0, 1)."""
    options: dict[str, OptionEntry] = field(default_factory=dict)
    """Inputs that trials may choose, such as the share of flips among the goals."""
    object_joints: tuple[str, ...] = ()
    """Inner joints of the object, which the rig must measure."""


@dataclass(frozen=True)
class ControlEntry:
    """The control rate of the policy."""

    period_s: Positive
    """Time between two control steps."""


@dataclass(frozen=True)
class ActionEntry:
    """The mapping from actions to targets inside the graph; for information only."""

    law: str
    scale: float
    ema: float
    bins: int | None
    """Number of bins per actuator; None for continuous actions."""


@dataclass(frozen=True)
class BundleManifest:
    """The contents of `bundle.json`."""

    format: int
    name: str
    created: str
    """Time of the export: ISO 8601, UTC."""
    versions: dict[str, str]
    hand: HandEntry
    task: TaskEntry
    control: ControlEntry
    action: ActionEntry
    inputs: tuple[Tensor, ...]
    carry: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    graph: GraphEntry
    randomization: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Parameter -> [low, high], the range in training, in the parameter's unit."""
    training: dict[str, Any] = field(default_factory=dict)
    """Free-form facts about the training of the policy; no code depends on them."""
    pose: PoseEntry | None = None
    """The network that estimates the object's pose from camera images; null if there is none."""


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


def load_bundle(folder: str | Path) -> Bundle:
    """Read and verify a bundle. Raises BundleError with one line: file, field, got, allowed."""
    folder = Path(folder)
    if not folder.is_dir():
        raise BundleError(f"{folder}: no such bundle folder")
    manifest = read_manifest(folder / MANIFEST)
    _check_shapes(manifest, folder / MANIFEST)
    _check_file(folder, "graph", manifest.graph.file, manifest.graph.sha256)
    _check_file(folder, "task.graph", manifest.task.graph.file, manifest.task.graph.sha256)
    if manifest.pose is not None:
        check_cameras(manifest.pose, str(folder / MANIFEST))
        _check_file(folder, "pose", manifest.pose.file, manifest.pose.sha256)
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


def widths_of(joints: int, actuators: int, object_joints: int) -> dict[str, int]:
    """The numbers for the widths in `INPUTS`."""
    return {
        "joints": joints,
        "actuators": actuators,
        "object_joints": object_joints,
        "3": 3,
        "4": 4,
    }


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
