"""Photometric augmentation: random brightness, colour, blur and noise, drawn for each batch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .config import Pair, Share


@dataclass(frozen=True)
class PhotoConfig:
    """Ranges of the photometric augmentation (Learning Dexterous In-Hand Manipulation, T12)."""

    gain: Pair = (0.8, 1.25)
    """Factor on the brightness of each image, log-uniform."""
    contrast: Pair = (0.5, 1.5)
    """Factor on the difference of each pixel from the mean of the image."""
    gamma: Pair = (0.7, 1.4)
    """Exponent of the brightness of each image, log-uniform."""
    tint: Share = 0.1
    """Largest relative change of each colour channel."""
    noise: Share = 0.1
    """Largest standard deviation of the pixel noise; drawn per image, from zero to this."""
    blur_share: Share = 0.3
    """Share of images that are blurred by about one pixel."""


class Photo:
    """Augments pictures: float (N, 3, H, W) in [0, 1] -> the same."""

    def __init__(self, config: PhotoConfig) -> None:
        self._config = config

    def __call__(self, pictures: Tensor, generator: torch.Generator) -> Tensor:
        """Augment each picture independently: the cameras of a rig differ, too."""
        c, device = self._config, pictures.device

        def uniform(low: float, high: float, channels: int = 1) -> Tensor:
            shape = (len(pictures), channels, 1, 1)
            return low + (high - low) * torch.rand(shape, generator=generator).to(device)

        def log_uniform(ends: tuple[float, float]) -> Tensor:
            low, high = torch.tensor(ends).clamp_min(1e-3).log().tolist()
            return uniform(low, high).exp()

        x = self._blurred(pictures, torch.rand(len(pictures), generator=generator).to(device))
        x = x.clamp_min(1e-4) ** log_uniform(c.gamma) * log_uniform(c.gain)
        x = x * (1.0 + uniform(-c.tint, c.tint, 3))
        mean = x.mean(dim=(1, 2, 3), keepdim=True)
        x = mean + (x - mean) * uniform(*c.contrast)
        noise = torch.randn(x.shape, generator=generator).to(device)
        return (x + noise * uniform(0.0, c.noise)).clamp(0.0, 1.0)

    def _blurred(self, x: Tensor, drawn: Tensor) -> Tensor:
        blurred = drawn < self._config.blur_share
        if not blurred.any():
            return x
        soft = nn.functional.avg_pool2d(x[blurred], 3, stride=1, padding=1, count_include_pad=False)
        x = x.clone()
        x[blurred] = soft
        return x
