"""The `pose` entry of a bundle: the cameras that its `pose.onnx` uses and where they must stand.

All graphs read `images` (1, V, S, S, 3) uint8 of ideal pinhole cameras. There are two kinds.

With `keypoints`, a graph finds points of the object and the palm in a window of each picture, and
the robot fits the pose, and the angles of layers that turn (`vision/keypoint_fit.py`). Further
inputs: `centre` (1, V, 2) and `side` (1, V), the windows in pixels; with refinements, `estimate`
(1, V, 3, 4), the pose so far, object_to_camera, or zeros. Outputs: `pixels` (1, V, K + L,
2) and `scales` (1, V, K + L), in pixels of the whole pictures; a scale is that of a Laplace
distribution, per axis.

Without, the graph gives the pose itself. Further inputs: `camera_position` (1, V, 3) m and
`camera_rotation` (1, V, 3, 3), camera_to_palm in OpenCV's axes. Outputs: `position` (1, 3) m,
`rotation` (1, 3, 3), both object_to_palm, and `spread_rad` (1,), its uncertainty.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from ..config import Range
from ..errors import BundleError, ConfigError
from .keypoint_model import KeypointHinge, KeypointModel, Point
from .landmarks import Landmarks

Shapes = dict[str, tuple[tuple[int, ...], str]]
"""Tensor -> (shape with a batch of 1, type name in ONNX Runtime)."""
Positive = Annotated[float, Range(0, 1e6, open_low=True)]
Spread = Annotated[float, Range(0, 10)]
Number = Annotated[float, Range(-1e3, 1e3)]


@dataclass(frozen=True)
class CameraEntry:
    """Pose of a camera of the nominal rig: camera_to_palm."""

    position_m: tuple[Number, Number, Number]
    wxyz: tuple[Number, Number, Number, Number]


@dataclass(frozen=True)
class ImagesEntry:
    """`images` in `bundle.json`: the cameras whose pictures the policy's own graph reads.

    Its input `camera_images` (1, V, S, S, 3) uint8 are pictures of ideal pinhole cameras.
    """

    image_px: Annotated[int, Range(8, 1024)]
    """S: edge length of the square images in pixels."""
    fovy_deg: Annotated[float, Range(1, 150)]
    """Vertical field of view of the images."""
    cameras: dict[str, CameraEntry]
    """Cameras of the nominal rig by name, in the graph's order."""
    placement_m: Positive = 0.015
    """Largest distance of a camera from its nominal position in training."""
    placement_deg: Positive = 3.0
    """Largest rotation of a camera from its nominal orientation in training."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the graph's input, with the batch of 1."""
        return (1, len(self.cameras), self.image_px, self.image_px, 3)

    @property
    def matrices_shape(self) -> tuple[int, ...]:
        """Shape of the input with the cameras' matrices, with the batch of 1."""
        return (1, len(self.cameras), 3, 4)


@dataclass(frozen=True)
class FitConfig:
    """How a pose is fitted: what a calibration leaves of each camera's error, as standard
    deviations."""

    shift_deg: Spread = 0.2
    """Shift of the picture along each axis, as an angle of view."""
    roll_deg: Spread = 0.2
    """Turn of the picture about its centre."""
    zoom: Spread = 0.013
    """Relative error of the focal length."""
    landmark_factor: Annotated[float, Range(0, 100, open_low=True)] = 3.0
    """Factor on the scales of landmarks, whose errors are not independent: about the square root of
    their number, as if they were one."""
    floor_px: Spread = 0.2
    """Smallest scale of a keypoint, in pixels of the network's image."""


@dataclass(frozen=True)
class KeypointsEntry:
    """What the robot needs to fit a pose to the graph's keypoints."""

    points_m: tuple[Point, ...]
    """Keypoints of the object that do not move in its own frame."""
    crop: Annotated[float, Range(0, 1, open_low=True)]
    """Edge of the second look's window, as a share of the picture."""
    error_limit_m: Positive
    """Poses with a larger predicted error of the position are rejected: the 99th percentile on
    held-out renders."""
    landmarks: Landmarks = field(default_factory=Landmarks)
    """(L,) points of the palm, after the keypoints in the graph's outputs."""
    fit: FitConfig = field(default_factory=FitConfig)
    hinges: tuple[KeypointHinge, ...] = ()
    """Layers of the object that turn, with their own keypoints."""
    refinements: Annotated[int, Range(0, 10)] = 0
    """Looks at the crop that also receive the pose estimated so far; from 1 on the graph has the
    input `estimate`."""
    error_factors: tuple[Positive, Positive] = (1.0, 1.0)
    """Factors on the predicted errors of position and rotation: the real ones over the predicted
    ones, root mean squares on held-out renders."""

    @property
    def model(self) -> KeypointModel:
        """The K keypoints of the object."""
        return KeypointModel(self.points_m, self.hinges)

    def __post_init__(self) -> None:
        if len(self.points_m) < 4:
            raise ConfigError(
                f"points_m: got {len(self.points_m)} points, allowed: 4 or more, not in one plane"
            )


@dataclass(frozen=True)
class PoseEntry:
    """`pose` in `bundle.json`."""

    file: str
    sha256: str
    image_px: Annotated[int, Range(8, 1024)]
    """S: edge length of the square images in pixels."""
    fovy_deg: Annotated[float, Range(1, 150)]
    """Vertical field of view of the images."""
    cameras: dict[str, CameraEntry]
    """Cameras of the nominal rig by name, in the graph's order."""
    placement_m: Positive
    """Largest distance of a camera from its nominal position in training."""
    placement_deg: Positive
    """Largest rotation of a camera from its nominal orientation in training."""
    spread_limit_deg: Positive
    """Poses with a larger uncertainty of the rotation are rejected: the 99th percentile on held-out
    renders."""
    object_size_m: Positive
    """Edge length of the object."""
    scores: dict[str, float] = field(default_factory=dict)
    """Errors on held-out renders; for information only."""
    keypoints: KeypointsEntry | None = None
    """Null if the graph gives the pose itself."""


def pose_tensors(entry: PoseEntry) -> tuple[Shapes, Shapes]:
    """Names, shapes and types of the inputs and outputs of the graph."""
    views, edge = len(entry.cameras), entry.image_px
    images: Shapes = {"images": ((1, views, edge, edge, 3), "tensor(uint8)")}
    if entry.keypoints is None:
        inputs = _floats(camera_position=(1, views, 3), camera_rotation=(1, views, 3, 3))
        return images | inputs, _floats(position=(1, 3), rotation=(1, 3, 3), spread_rad=(1,))
    count = len(entry.keypoints.model) + len(entry.keypoints.landmarks)
    inputs = _floats(centre=(1, views, 2), side=(1, views))
    if entry.keypoints.refinements:
        inputs |= _floats(estimate=(1, views, 3, 4))
    return images | inputs, _floats(pixels=(1, views, count, 2), scales=(1, views, count))


def _floats(**shapes: tuple[int, ...]) -> Shapes:
    return {name: (shape, "tensor(float)") for name, shape in shapes.items()}


def check_cameras(entry: PoseEntry | ImagesEntry, path: str, field: str = "pose") -> None:
    """Raise BundleError if the entry has no camera or a quaternion that is not of unit length."""
    if not entry.cameras:
        raise BundleError(f"{path}: {field}.cameras: got none, allowed: one or more cameras")
    for name, camera in entry.cameras.items():
        length = sum(value * value for value in camera.wxyz) ** 0.5
        if abs(length - 1.0) > 1e-3:
            raise BundleError(
                f"{path}: {field}.cameras.{name}.wxyz: got length {length:.4f}, allowed: 1"
            )
