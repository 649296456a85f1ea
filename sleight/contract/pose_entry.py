"""The `pose` entry of a bundle: the cameras that its `pose.onnx` uses and where they must stand.

Inputs of the graph: `images` (1, V, S, S, 3) uint8 of ideal pinhole cameras, `camera_position`
(1, V, 3) m and `camera_rotation` (1, V, 3, 3), camera_to_palm in OpenCV's axes. Outputs: `position`
(1, 3) m, `rotation` (1, 3, 3), both object_to_palm, and `spread_rad` (1,), the disagreement of the
views.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from ..config import Range
from ..errors import BundleError

Shapes = dict[str, tuple[tuple[int, ...], str]]
"""Tensor -> (shape with a batch of 1, type name in ONNX Runtime)."""
Positive = Annotated[float, Range(0, 1e6, open_low=True)]
Number = Annotated[float, Range(-1e3, 1e3)]


@dataclass(frozen=True)
class CameraEntry:
    """Pose of a camera of the nominal rig: camera_to_palm."""

    position_m: tuple[Number, Number, Number]
    wxyz: tuple[Number, Number, Number, Number]


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
    """Poses with a larger disagreement of the views are rejected: the 99th percentile on held-out
    renders."""
    object_size_m: Positive
    """Edge length of the object."""
    scores: dict[str, float] = field(default_factory=dict)
    """Errors on held-out renders; for information only."""


def pose_tensors(entry: PoseEntry) -> tuple[Shapes, Shapes]:
    """Names, shapes and types of the inputs and outputs of the graph."""
    views, edge = len(entry.cameras), entry.image_px
    inputs: Shapes = {
        "images": ((1, views, edge, edge, 3), "tensor(uint8)"),
        "camera_position": ((1, views, 3), "tensor(float)"),
        "camera_rotation": ((1, views, 3, 3), "tensor(float)"),
    }
    outputs: Shapes = {
        "position": ((1, 3), "tensor(float)"),
        "rotation": ((1, 3, 3), "tensor(float)"),
        "spread_rad": ((1,), "tensor(float)"),
    }
    return inputs, outputs


def check_cameras(entry: PoseEntry, path: str) -> None:
    """Raise BundleError if the entry has no camera or a quaternion that is not of unit length."""
    if not entry.cameras:
        raise BundleError(f"{path}: pose.cameras: got none, allowed: one or more cameras")
    for name, camera in entry.cameras.items():
        length = sum(value * value for value in camera.wxyz) ** 0.5
        if abs(length - 1.0) > 1e-3:
            raise BundleError(
                f"{path}: pose.cameras.{name}.wxyz: got length {length:.4f}, allowed: 1"
            )
