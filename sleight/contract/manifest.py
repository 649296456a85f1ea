"""The contents of `bundle.json`: what an exported policy needs from a rig, and what it gives.

`INPUTS` and the goals of the task are the tensors that a graph may use: float32, batch 1, frame
"palm". At the first control step of a trial `last_action` and every carry are zero, the previous
pose equals the current one, and `last_target` is the target in force, as after a reset in training.
The outputs are `target`, `action`, and `next_<name>` for each carry. (Names in an ONNX graph are
unique; hence the input `last_target` besides the output `target`.)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

from ..config import Range
from ..errors import ConfigError
from .hand_spec import HandSpec
from .pose_entry import ImagesEntry, PoseEntry

CAMERA_IMAGES = "camera_images"
"""Input of a graph that reads pictures, see `ImagesEntry`: the only one that is not float32."""
CAMERA_MATRICES = "camera_matrices"
"""Input of such a graph, (1, V, 3, 4): the matrix of each calibrated camera, which maps a point of
the palm's frame [m, with a one] to its picture in units of half the edge, (0, 0) in the middle."""
FORMAT = 2
"""Version of the contents of `bundle.json`."""

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
    images: ImagesEntry | None = None
    """The cameras whose pictures the policy's graph reads; null if it reads none."""


def widths_of(joints: int, actuators: int, object_joints: int) -> dict[str, int]:
    """The numbers for the widths in `INPUTS`."""
    return {
        "joints": joints,
        "actuators": actuators,
        "object_joints": object_joints,
        "3": 3,
        "4": 4,
    }
