"""A bundle's pose network on ONNX Runtime: images and placements in, a pose out. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..contract.onnx_session import check_tensors, open_session
from ..contract.pose_entry import KeypointsEntry, PoseEntry, pose_tensors
from .geometry import Pinhole, Placement, wxyz_of
from .keypoint_reader import KeypointReader, Keypoints


@dataclass(frozen=True)
class SeenPose:
    """The estimated pose from one set of images: object_to_palm."""

    position: np.ndarray
    """(3,) m."""
    wxyz: np.ndarray
    """(4,) w >= 0."""
    doubt: float
    """Its uncertainty as a multiple of the bundle's limit."""
    error_m: float = 0.0
    error_rad: float = 0.0
    """Its predicted errors."""
    angles: np.ndarray = field(default_factory=lambda: np.zeros(0))
    """(J,) whole angles of the object's layers [rad], in the order of the entry's hinges."""


class OnnxPose:
    """Runs the graph. Raises BundleError if it is invalid or does not match `entry`."""

    def __init__(self, graph: Path, entry: PoseEntry) -> None:
        self.entry = entry
        self._session = open_session(graph)
        inputs, outputs = pose_tensors(entry)
        check_tensors(graph, "inputs", self._session.get_inputs(), inputs)
        check_tensors(graph, "outputs", self._session.get_outputs(), outputs)
        self._inputs = frozenset(inputs)
        self._reader = self._reader_of(entry.keypoints) if entry.keypoints else None

    def see(
        self,
        images: np.ndarray,
        cameras: Sequence[Placement],
        wrist_rad: np.ndarray | None = None,
    ) -> SeenPose:
        """The pose from `images` (V, S, S, 3) uint8 of cameras with the placements `cameras`.

        wrist_rad: (W,) angles of the landmarks' hinges when the images were taken; with them the
        palm in the pictures corrects the cameras.
        """
        if self._reader is None:
            return self._direct(images, cameras)
        keypoints = self.entry.keypoints
        assert keypoints is not None
        known = wrist_rad is not None and len(keypoints.landmarks)
        places = keypoints.landmarks.places(wrist_rad)[None] if known else None  # type: ignore[arg-type]
        (fit,) = self._reader(images[None], [cameras], places)
        limit_rad = np.radians(self.entry.spread_limit_deg)
        by_m, by_rad = keypoints.error_factors
        error_m, error_rad = by_m * fit.error_m, by_rad * fit.error_rad
        doubt = max(error_rad / limit_rad, error_m / keypoints.error_limit_m)
        wxyz = wxyz_of(fit.pose.rotation)
        return SeenPose(fit.pose.position, wxyz, doubt, error_m, error_rad, fit.angles)

    def _reader_of(self, entry: KeypointsEntry) -> KeypointReader:
        edge = self.entry.image_px
        pinhole = Pinhole.of_fov(edge, edge, self.entry.fovy_deg)
        shape = pinhole, entry.model, entry.crop, entry.refinements
        return KeypointReader(self._look, entry.fit, *shape)

    def _look(
        self, images: np.ndarray, centre: np.ndarray, side: np.ndarray, estimate: np.ndarray
    ) -> Keypoints:
        feed = {"images": images, "centre": centre, "side": side}
        if "estimate" in self._inputs:
            feed["estimate"] = estimate
        pixels, scales = self._session.run(["pixels", "scales"], feed)
        return pixels, scales

    def _direct(self, images: np.ndarray, cameras: Sequence[Placement]) -> SeenPose:
        feed = {
            "images": images[None],
            "camera_position": np.array([at.position for at in cameras], np.float32)[None],
            "camera_rotation": np.array([at.rotation for at in cameras], np.float32)[None],
        }
        position, rotation, spread = self._session.run(["position", "rotation", "spread_rad"], feed)
        spread_rad = float(spread[0])
        doubt = spread_rad / float(np.radians(self.entry.spread_limit_deg))
        wxyz = wxyz_of(rotation[0])
        return SeenPose(position[0].astype(np.float64), wxyz, doubt, error_rad=spread_rad)
