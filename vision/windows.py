"""Windows: the parts of pictures that a pose network looks at, and their random changes.

A window maps its own coordinates u in [-1, 1]^2 (x right, y down) to pixels of the whole picture:
`pixel = centre + matrix @ u`. At run time it is an upright square. In training it is also turned,
scaled and shifted at random, which is the geometric augmentation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor
from torch.nn import functional

from ..config import Range
from .config import Share

CROP = 0.65
"""Edge of the second look's crop, as a share of the view."""


@dataclass(frozen=True)
class AugmentConfig:
    """Geometric augmentation: every visit sees a picture through another window."""

    turn_deg: Annotated[float, Range(0, 180)] = 17.0
    """Largest turn in the plane of the picture."""
    zoom: Share = 0.12
    """Largest relative change of the scale, log-uniform."""
    shift: Share = 0.05
    """Largest shift of a whole view along each axis, as a share of the picture."""


@dataclass(frozen=True)
class Windows:
    """Windows into pictures of B samples and V views."""

    centre: Tensor
    """(B, V, 2) pixels."""
    matrix: Tensor
    """(B, V, 2, 2) pixels."""

    @staticmethod
    def upright(centre: Tensor, side: Tensor) -> Windows:
        """Squares about `centre` (B, V, 2) with the edge length `side` (B, V), in pixels."""
        return Windows(centre, 0.5 * side[..., None, None] * torch.eye(2, device=side.device))

    def pixels(self, points: Tensor) -> Tensor:
        """Own coordinates (B, V, K, 2) -> pixels."""
        return points @ self.matrix.transpose(-1, -2) + self.centre.unsqueeze(2)

    def own(self, pixels: Tensor) -> Tensor:
        """Pixels (B, V, K, 2) -> own coordinates."""
        return (pixels - self.centre.unsqueeze(2)) @ torch.linalg.inv(self.matrix).transpose(-1, -2)

    def grid(self, edge_px: int) -> Tensor:
        """Pixels (B, V, edge_px^2, 2) of the centres of the samples, row by row."""
        axis = (torch.arange(edge_px, dtype=torch.float32, device=self.centre.device) + 0.5) * (
            2.0 / edge_px
        ) - 1.0
        x, y = axis.expand(edge_px, edge_px), axis.unsqueeze(1).expand(edge_px, edge_px)
        return self.pixels(torch.stack((x, y), dim=-1).view(1, 1, -1, 2))

    def cut(self, images: Tensor, edge_px: int) -> Tensor:
        """Sample pictures (B, V, S, S, 3) uint8: float (B V, 3, edge_px, edge_px) in [0, 1].

        Beyond the border the picture's last pixels are repeated.
        """
        pictures = images.flatten(0, 1).permute(0, 3, 1, 2).float() * (1.0 / 255.0)
        half = 0.5 * images.shape[2]
        return Windows(self.centre / half - 1.0, self.matrix / half).sample(pictures, edge_px)

    def sample(self, pictures: Tensor, edge_px: int) -> Tensor:
        """`cut` from pictures (B V, 3, S, S) in [0, 1], of windows in units of half the picture,
        with (0, 0) in its middle."""
        grid = self.grid(edge_px).reshape(-1, edge_px, edge_px, 2)
        return functional.grid_sample(
            pictures, grid, mode="bilinear", padding_mode="border", align_corners=False
        )


def augmented(windows: Windows, config: AugmentConfig, generator: torch.Generator) -> Windows:
    """The windows turned and scaled at random."""
    shape = windows.centre.shape[:2]

    def uniform(size: float) -> Tensor:
        drawn = torch.rand(shape, generator=generator)
        return (size * (2.0 * drawn - 1.0)).to(windows.centre.device)

    angle = uniform(math.radians(config.turn_deg))
    scale = uniform(math.log1p(config.zoom)).exp()
    cosine, sine = scale * angle.cos(), scale * angle.sin()
    rows = (torch.stack((cosine, -sine), dim=-1), torch.stack((sine, cosine), dim=-1))
    return Windows(windows.centre, windows.matrix @ torch.stack(rows, dim=-2))
