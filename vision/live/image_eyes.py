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
    """The sizes of the term `camera_images`."""
    return {"camera_channels": 3 * len(rig.views), "image_px": rig.image_px}


class ImageEyes(Eyes):
    """Gives `camera_images` (N, V, S, S, 3) uint8: a copy of the memory that processes render to.

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

    @property
    def gives(self) -> Sensors:
        """See `Eyes`."""
        return {"camera_images": self._pictures[0][:0]}

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

    def see(self, qpos: Tensor, true: Sensors, worlds: Tensor, awake: Tensor) -> Sensors:
        """See `Eyes`."""
        index = worlds[awake].cpu().numpy()
        states, episodes = qpos[awake].cpu().numpy(), self.episode.numpy()[index]
        for _ in self.cameras.render(index, episodes, states):
            pass
        # Indexed, which copies: the next step writes to the same memory.
        return {"camera_images": self._pictures[0][worlds.cpu()].to(qpos.device)}

    def metrics(self) -> dict[str, float]:
        """See `Eyes`: pictures so far, and the renderer's share of the processes' CPU time."""
        return {
            "frames": self.cameras.frames(),
            "renderer_share": self.cameras.share_of_renderer(),
        }

    def close(self) -> None:
        """See `Eyes`."""
        self.cameras.close()
