"""`Rectifier`: turns the image of a real camera into the ideal image for the pose network."""

from __future__ import annotations

import math

import cv2
import numpy as np

from ...vision.geometry import Pinhole
from .camera_config import Intrinsics


class Rectifier:
    """Removes distortion, and maps focal length, centre and size to those of the network."""

    def __init__(self, intrinsics: Intrinsics, image_px: int, fovy_deg: float) -> None:
        target = Pinhole.of_fov(image_px, image_px, fovy_deg)
        # Sample on a finer grid, then average areas: sparse sampling of a large image would alias.
        self._fine = max(1, math.ceil(max(intrinsics.focal_px) / target.focal_px[0]))
        self._edge = image_px
        fine = Pinhole.of_fov(image_px * self._fine, image_px * self._fine, fovy_deg)
        self._maps = cv2.initUndistortRectifyMap(
            intrinsics.pinhole.matrix,
            np.array(intrinsics.distortion),
            np.eye(3),
            fine.matrix,
            (fine.width, fine.height),
            cv2.CV_16SC2,
        )

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Rectify an image: uint8 (H, W, 3) -> uint8 (S, S, 3)."""
        large = cv2.remap(image, *self._maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        if self._fine == 1:
            return large
        return cv2.resize(large, (self._edge, self._edge), interpolation=cv2.INTER_AREA)
