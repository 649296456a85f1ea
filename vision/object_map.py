"""The map of object coordinates that shows an estimated pose to a network.

Each pixel holds the point of the object's box that its ray meets, in the object's frame and in
units of half the box's edges (the map of Wang et al. 2019), and zeros where it meets none. A look
that sees the map beside the picture refines the estimate (DeepIM, Li et al. 2018): which keypoint
is which follows from the map.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from ..contract.keypoint_model import KeypointModel
from .geometry import Pinhole
from .windows import Windows

CHANNELS = 3
_PARALLEL = 1e-9
"""Components of a ray below this count as this."""


class ObjectMap(nn.Module):
    """Draws the maps of an object for one kind of camera."""

    half_m: Tensor
    """(3,) half the edges of the object's box [m]."""

    def __init__(self, model: KeypointModel, pinhole: Pinhole) -> None:
        super().__init__()
        places = np.abs(model.places(np.zeros(len(model.hinges))))
        half = torch.from_numpy(places.max(axis=0)).float()
        self.register_buffer("half_m", half, persistent=False)
        self._focal, self._centre = pinhole.focal_px[0], pinhole.centre_px[0]

    def forward(self, windows: Windows, estimate: Tensor, edge_px: int) -> Tensor:
        """(B V, 3, edge_px, edge_px) maps in [-1, 1] of `windows`.

        estimate: (B, V, 3, 4) object_to_camera, rotation and position [m]; zeros where there is
        none.
        """
        pixels = windows.grid(edge_px)
        rays = torch.cat(
            ((pixels - self._centre) / self._focal, torch.ones_like(pixels[..., :1])), -1
        )
        rotation, position = estimate[..., :3], estimate[..., 3:]
        start = -(rotation.transpose(-1, -2) @ position).transpose(-1, -2)
        along = rays @ rotation
        along = torch.where(along.abs() < _PARALLEL, torch.full_like(along, _PARALLEL), along)
        one, other = (-self.half_m - start) / along, (self.half_m - start) / along
        near = torch.minimum(one, other).amax(dim=-1, keepdim=True)
        far = torch.maximum(one, other).amin(dim=-1, keepdim=True)
        met = (near < far) & (position[..., 2:, :] > 0.0)
        seen = torch.where(met, (start + near * along) / self.half_m, torch.zeros_like(along))
        return seen.reshape(-1, edge_px, edge_px, CHANNELS).permute(0, 3, 1, 2)
