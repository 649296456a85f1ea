"""The newest pictures of a rig's cameras, for a policy that reads them itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...contract.manifest import CAMERA_IMAGES, CAMERA_MATRICES
from ...contract.pose_entry import ImagesEntry
from ...vision.geometry import Pinhole
from ..hand.hand import DriverGone
from .camera_config import CameraConfig
from .camera_threads import Camera, CameraGone, StaleFrame
from .eyes import Eye, eyes_of, skew_s
from .pose_checks import CameraPosesConfig


class NewestPictures:
    """Reads the newest frames without waiting, and rectifies them for the graph."""

    def __init__(self, eyes: Sequence[Eye], pinhole: Pinhole, config: CameraPosesConfig) -> None:
        """pinhole: of the rectified pictures."""
        self._eyes, self._config = eyes, config
        self._matrices = np.array([pinhole.camera_matrix(eye.placement) for eye in eyes])

    def __call__(self) -> dict[str, np.ndarray]:
        """Pictures (V, S, S, 3) uint8 and matrices (V, 3, 4) of the cameras, in the graph's order.

        Raises StaleFrame if a frame is too old or they are not of one time, DriverGone if a camera
        has stopped.
        """
        try:
            frames = [eye.camera.newest(self._config.frame_max_age_s) for eye in self._eyes]
        except CameraGone as error:
            raise DriverGone(str(error)) from error
        apart_s, most_s = skew_s(frames), self._config.skew_max_s
        if apart_s > most_s:
            raise StaleFrame(f"cameras: got frames {apart_s:.3f} s apart, allowed: {most_s:g} s")
        pairs = zip(self._eyes, frames, strict=True)
        pictures = np.stack([eye.rectifier(frame.image) for eye, frame in pairs])
        return {CAMERA_IMAGES: pictures, CAMERA_MATRICES: self._matrices}


def newest_pictures(
    cameras: Sequence[CameraConfig],
    opened: Mapping[str, Camera],
    entry: ImagesEntry,
    config: CameraPosesConfig,
) -> NewestPictures:
    """The pictures of the `opened` cameras that a policy reads. Raises ConfigError."""
    pinhole = Pinhole.of_fov(entry.image_px, entry.image_px, entry.fovy_deg)
    return NewestPictures(eyes_of(cameras, opened, entry), pinhole, config)
