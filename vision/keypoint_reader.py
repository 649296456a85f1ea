"""Reads poses from pictures in two looks, in numpy: the whole view, then a crop about the object.

The network is a function, so that torch and ONNX Runtime share this code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..contract.keypoint_model import KeypointModel
from ..contract.pose_entry import FitConfig
from .geometry import Pinhole, Placement
from .keypoint_fit import Fit, KeypointFit

Network = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""(B, V, S, S, 3) uint8, centres (B, V, 2) and edges (B, V) of windows [pixels] -> the keypoints'
pixels (B, V, K + L, 2) and scales (B, V, K + L) in the whole pictures."""


class KeypointReader:
    """Cold start: each look at a set of pictures begins with the whole view."""

    def __init__(
        self,
        network: Network,
        config: FitConfig,
        pinhole: Pinhole,
        model: KeypointModel,
        crop: float,
    ) -> None:
        """crop: edge of the crop as a share of the view."""
        self._network, self._crop = network, crop
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
    ) -> tuple[np.ndarray, np.ndarray]:
        """Pixels (B, V, K + L, 2) and scales (B, V, K + L), after both looks."""
        wide = self.first_look(images)
        fits = self.fits(*wide, cameras, landmarks)
        centres = np.array([fit.pixels.mean(axis=1) for fit in fits])
        centres = np.clip(np.nan_to_num(centres), 0.0, self._size).astype(np.float32)
        side = np.full(images.shape[:2], self._crop * self._size, np.float32)
        return _surer(wide, self._network(images, centres, side))

    def first_look(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The same, from the whole view only."""
        shape = images.shape[:2]
        middle = np.full((*shape, 2), 0.5 * self._size, np.float32)
        return self._network(images, middle, np.full(shape, self._size, np.float32))

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


def _surer(
    wide: tuple[np.ndarray, np.ndarray], near: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Each keypoint from the look with the smaller scale: a landmark may lie outside the crop."""
    better = near[1] < wide[1]
    return np.where(better[..., None], near[0], wide[0]), np.where(better, near[1], wide[1])
