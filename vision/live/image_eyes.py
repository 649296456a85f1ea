"""`ImageEyes`: the pictures of many worlds as a sensor, for policies that see."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from ...envs.mdp.eyes import Eyes
from ...envs.mdp.observations import Sensors
from ..config import CamerasConfig, ImagesConfig
from .live_cameras import LiveCameras
from .wardrobe import LiveScene


def image_sizes(rig: CamerasConfig) -> Mapping[str, int]:
    """The sizes of the terms `camera_images` and `camera_matrices`."""
    views = len(rig.views)
    return {"camera_channels": 3 * views, "image_px": rig.image_px, "camera_numbers": 12 * views}


def image_sensors(rig: CamerasConfig) -> Sensors:
    """The sensors of `ImageEyes` without a world."""
    views, edge = len(rig.views), rig.image_px
    return {
        "camera_images": torch.zeros(0, views, edge, edge, 3, dtype=torch.uint8),
        "camera_matrices": torch.zeros(0, views, 3, 4),
    }


class ImageEyes(Eyes):
    """Gives `camera_images` (N, V, S, S, 3) uint8: a copy of the memory that processes render to,
    and `camera_matrices` (N, V, 3, 4) of the calibrated cameras.

    Each world has the look and the cameras of its episode.
    """

    def __init__(
        self, config: ImagesConfig, object_size_m: float, num_worlds: int, width: int, seed: int
    ) -> None:
        """width: nq of a state. Raises SleightError if this machine cannot render."""
        self.sizes = image_sizes(config.rig)
        scene = LiveScene(config, config.rig, object_size_m, seed)
        self.cameras = LiveCameras(scene, num_worlds, width)
        self._pictures = (torch.from_numpy(self.cameras.images),)  # no attribute: not to be saved
        self.episode = torch.full((num_worlds,), -1, dtype=torch.long)
        """(N,) number of each world's episode."""
        self.matrices = torch.zeros(num_worlds, len(config.rig.views), 3, 4)
        """(N, V, 3, 4) of the cameras as calibrated."""

    @property
    def gives(self) -> Sensors:
        """See `Eyes`."""
        return image_sensors(self.cameras.scene.cameras)

    @property
    def views(self) -> tuple[str, ...]:
        """See `Eyes`."""
        return tuple(self.cameras.scene.cameras.views)

    def pictures(self) -> np.ndarray:
        """See `Eyes`."""
        return self.cameras.images

    def begin(self, worlds: Tensor) -> None:
        """See `Eyes`."""
        self.episode[worlds.cpu()] += 1
        scene = self.cameras.scene
        for world in worlds.tolist():
            views = scene.views(world, int(self.episode[world])).calibrated
            matrices = np.array([scene.cameras.pinhole.camera_matrix(at) for at in views])
            self.matrices[world] = torch.from_numpy(matrices).float()

    def see(self, qpos: Tensor, true: Sensors, worlds: Tensor, awake: Tensor) -> Sensors:
        """See `Eyes`."""
        index = worlds[awake].cpu().numpy()
        states, episodes = qpos[awake].cpu().numpy(), self.episode.numpy()[index]
        for _ in self.cameras.render(index, episodes, states):
            pass
        # Indexed, which copies: the next step writes to the same memory.
        given = {
            "camera_images": self._pictures[0][worlds.cpu()],
            "camera_matrices": self.matrices[worlds.cpu()],
        }
        return {name: value.to(qpos.device) for name, value in given.items()}

    def metrics(self) -> dict[str, float]:
        """See `Eyes`: pictures so far, and the renderer's share of the processes' CPU time."""
        return {
            "frames": self.cameras.frames(),
            "renderer_share": self.cameras.share_of_renderer(),
        }

    def close(self) -> None:
        """See `Eyes`."""
        self.cameras.close()
