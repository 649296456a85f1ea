"""A bundle's pose network on ONNX Runtime: images and placements in, a pose out. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..contract.onnx_session import check_tensors, open_session
from ..contract.pose_entry import PoseEntry, pose_tensors
from .geometry import Placement, wxyz_of


@dataclass(frozen=True)
class SeenPose:
    """The estimated pose from one set of images: object_to_palm."""

    position: np.ndarray
    """(3,) m."""
    wxyz: np.ndarray
    """(4,) w >= 0."""
    spread_rad: float
    """Disagreement of the views."""


class OnnxPose:
    """Runs the graph. Raises BundleError if it is invalid or does not match `entry`."""

    def __init__(self, graph: Path, entry: PoseEntry) -> None:
        self.entry = entry
        self._session = open_session(graph)
        inputs, outputs = pose_tensors(entry)
        check_tensors(graph, "inputs", self._session.get_inputs(), inputs)
        check_tensors(graph, "outputs", self._session.get_outputs(), outputs)

    def see(self, images: np.ndarray, cameras: Sequence[Placement]) -> SeenPose:
        """The pose from `images` (V, S, S, 3) uint8 of cameras with the placements `cameras`."""
        feed = {
            "images": images[None],
            "camera_position": np.array([at.position for at in cameras], np.float32)[None],
            "camera_rotation": np.array([at.rotation for at in cameras], np.float32)[None],
        }
        position, rotation, spread = self._session.run(["position", "rotation", "spread_rad"], feed)
        return SeenPose(position[0].astype(np.float64), wxyz_of(rotation[0]), float(spread[0]))
