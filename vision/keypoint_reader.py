"""Reads poses from pictures, in numpy: the whole view first, then a crop about the object.

Further looks at the crop refine the estimated pose, which the network then sees as a map. The
network is a function, so that torch and ONNX Runtime share this code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..contract.keypoint_model import KeypointModel
from ..contract.pose_entry import FitConfig
from .geometry import Pinhole, Placement
from .keypoint_fit import Fit, KeypointFit

Keypoints = tuple[np.ndarray, np.ndarray]
"""Pixels (B, V, K + L, 2) and scales (B, V, K + L) in the whole pictures."""
Network = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], Keypoints]
"""(B, V, S, S, 3) uint8, centres (B, V, 2) and edges (B, V) of windows [pixels], estimates
(B, V, 3, 4) object_to_camera, zeros where there is none -> `Keypoints`."""


class KeypointReader:
    """Cold start: each look at a set of pictures begins with the whole view."""

    def __init__(
        self,
        network: Network,
        config: FitConfig,
        pinhole: Pinhole,
        model: KeypointModel,
        crop: float,
        refinements: int = 0,
    ) -> None:
        """crop: edge of the crop as a share of the view; refinements: looks with an estimate."""
        self._network, self._crop, self._refinements = network, crop, refinements
        self._size = pinhole.width
        self._fit = KeypointFit(config, pinhole, model)

    def __call__(
        self,
        images: np.ndarray,
        cameras: Sequence[Sequence[Placement]],
        landmarks: np.ndarray | None = None,
    ) -> list[Fit]:
        """Poses of B samples from `images` (B, V, S, S, 3) uint8 of cameras told at `cameras`.

        landmarks: (B, L, 3) [m], frame palm; None if the angles of the wrist are not known.
        """
        return self.fits(*self.keypoints(images, cameras, landmarks), cameras, landmarks)

    def keypoints(
        self,
        images: np.ndarray,
        cameras: Sequence[Sequence[Placement]],
        landmarks: np.ndarray | None = None,
    ) -> Keypoints:
        """After all looks; each keypoint from the one that is the surest of it."""
        found = self.first_look(images)
        none = _nothing(images.shape[:2])
        for number in range(1 + self._refinements):
            fits = self.fits(*found, cameras, landmarks)
            estimate = _estimates(fits, cameras) if number else none
            found = _surer(found, self._near_look(images, fits, estimate))
        return found

    def first_look(self, images: np.ndarray) -> Keypoints:
        """From the whole view only."""
        shape = images.shape[:2]
        middle = np.full((*shape, 2), 0.5 * self._size, np.float32)
        side = np.full(shape, self._size, np.float32)
        return self._network(images, middle, side, _nothing(shape))

    def _near_look(
        self, images: np.ndarray, fits: Sequence[Fit], estimate: np.ndarray
    ) -> Keypoints:
        centres = np.array([fit.pixels.mean(axis=1) for fit in fits])
        centres = np.clip(np.nan_to_num(centres), 0.0, self._size).astype(np.float32)
        side = np.full(images.shape[:2], self._crop * self._size, np.float32)
        return self._network(images, centres, side, estimate)

    def fits(
        self,
        pixels: np.ndarray,
        scales: np.ndarray,
        cameras: Sequence[Sequence[Placement]],
        landmarks: np.ndarray | None = None,
    ) -> list[Fit]:
        """The poses that agree best with these keypoints."""
        pixels, scales = pixels.astype(np.float64), scales.astype(np.float64)
        known = [None] * len(pixels) if landmarks is None else list(landmarks)
        return [self._fit(*sample) for sample in zip(pixels, scales, cameras, known, strict=True)]


def _nothing(shape: tuple[int, ...]) -> np.ndarray:
    return np.zeros((*shape, 3, 4), np.float32)


def _estimates(fits: Sequence[Fit], cameras: Sequence[Sequence[Placement]]) -> np.ndarray:
    """The fitted poses (B, V, 3, 4) object_to_camera, by the cameras as told."""
    pairs = zip(fits, cameras, strict=True)
    poses = [[at.inverse().after(fit.pose) for at in rig] for fit, rig in pairs]
    maps = [[np.c_[pose.rotation, pose.position] for pose in rig] for rig in poses]
    return np.nan_to_num(np.array(maps, np.float32))


def _surer(wide: Keypoints, near: Keypoints) -> Keypoints:
    """Each keypoint from the look with the smaller scale: a landmark may lie outside the crop."""
    better = near[1] < wide[1]
    return np.where(better[..., None], near[0], wide[0]), np.where(better, near[1], wide[1])
