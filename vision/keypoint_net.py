"""The keypoint network: where each keypoint is in a window of a picture, and how sure that is.

One tower serves all cameras and both looks, at the whole view and at a crop about the object. Each
keypoint has a heatmap, whose expectation is its place (Nibali et al. 2018), and a map of the scale
of a Laplace distribution, averaged with the same weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..config import Range
from ..errors import ConfigError

Channels = Annotated[int, Range(4, 1024)]
_LEAST, _LARGEST = -6.0, 1.5
"""Range of the logarithm of a scale, in the window's coordinates."""
_FIRST = -3.0
"""About its value before training."""
_SPREAD_CELLS = 0.8
"""Standard deviation of the Gaussian that a heatmap learns."""
_AWAY, _SCALE = 2.0, 0.25
"""Weights of the distance and of the likelihood in the loss, beside the cross-entropy."""


@dataclass(frozen=True)
class KeypointNetConfig:
    """Size of the keypoint network."""

    input_px: Annotated[int, Range(16, 512)] = 64
    """Edge length of the window after sampling; by default heatmaps have a quarter of it."""
    channels: tuple[Channels, ...] = (16, 32, 64, 96)
    """Channels of the tower; each level halves the picture."""
    head_channels: tuple[Channels, ...] = (64, 48)
    """Channels of the upsampling levels; each doubles the map, and the last ones are dear."""

    def __post_init__(self) -> None:
        if not 1 <= len(self.head_channels) < len(self.channels):
            raise ConfigError(
                f"head_channels: got {len(self.head_channels)} levels, allowed: 1 to"
                f" {len(self.channels) - 1}, fewer than channels"
            )


@dataclass(frozen=True)
class Sighting:
    """Keypoints in N windows, in the window's coordinates [-1, 1]."""

    points: Tensor
    """(N, K, 2)"""
    log_scale: Tensor
    """(N, K) logarithm of the scale of a Laplace distribution per axis."""
    logits: Tensor
    """(N, K, h, h) heatmaps."""


class KeypointNet(nn.Module):
    """Windows (N, 3, S, S) in [0, 1] -> `Sighting` of `count` keypoints."""

    def __init__(self, config: KeypointNetConfig, count: int, extra: int = 0) -> None:
        """extra: channels beside those of the pictures."""
        super().__init__()
        self.config, self.count = config, count
        first, *rest = config.channels
        self.stem = nn.Conv2d(3 + extra, first, 5, stride=2, padding=2)
        inside = (first, *rest[:-1])
        self.down = nn.ModuleList(_Down(a, b) for a, b in zip(inside, rest, strict=True))
        last, widths = config.channels[-1], config.head_channels
        self.context = nn.Sequential(nn.Linear(last, last), nn.ReLU(), nn.Linear(last, last))
        levels = zip((last, *widths), widths, reversed(inside), strict=False)
        self.up = nn.ModuleList(_Up(a, b, skip) for a, b, skip in levels)
        maps = nn.Conv2d(widths[-1], 2 * count, 1)
        self.heads = nn.Sequential(_norm(widths[-1]), nn.ReLU(), maps)

    def forward(self, pictures: Tensor, extra: Tensor | None = None) -> Sighting:
        """pictures (N, 3, S, S); extra (N, C, S, S) in [-1, 1], where the network has such."""
        x = 2.0 * pictures - 1.0
        x = self.stem(x if extra is None else torch.cat((x, extra), dim=1))
        skips = []
        for level in self.down:
            skips.append(x)
            x = level(x)
        x = x + self.context(torch.relu(x).mean(dim=(2, 3)))[..., None, None]
        for level, skip in zip(self.up, reversed(skips), strict=False):
            x = level(x, skip)
        logits, scales = self.heads(x).split(self.count, dim=1)
        share = logits.flatten(2).softmax(dim=-1)
        axis = _axis(logits.shape[-1], logits.device)
        maps = share.reshape(logits.shape)
        points = torch.stack((maps.sum(dim=2) @ axis, maps.sum(dim=3) @ axis), dim=-1)
        log_scale = (share * scales.flatten(2)).sum(dim=-1) + _FIRST
        return Sighting(points, log_scale.clamp(_LEAST, _LARGEST), logits)


def _axis(edge: int, device: torch.device) -> Tensor:
    """Coordinates (edge,) of the centres of the cells."""
    return (torch.arange(edge, dtype=torch.float32, device=device) + 0.5) * (2.0 / edge) - 1.0


class _Down(nn.Module):
    """A residual block that halves the image (He et al. 2015), with group normalization."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inside, outside, 3, stride=2, padding=1)
        self.second = nn.Conv2d(outside, outside, 3, padding=1)
        self.norms = nn.ModuleList((_norm(inside), _norm(outside)))
        self.short = nn.Conv2d(inside, outside, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(torch.relu(self.norms[0](x)))
        y = self.second(torch.relu(self.norms[1](y)))
        # Not a stride of the convolution: its gradient for channels-last pictures with few channels
        # writes past its memory on CPUs (oneDNN issue 6035).
        short: Tensor = self.short(x[:, :, ::2, ::2])
        return short + y


class _Up(nn.Module):
    """Doubles the image, adds the tower's map of that size, and mixes them."""

    def __init__(self, inside: int, outside: int, skip: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(inside, outside, 1)
        self.skip = nn.Conv2d(skip, outside, 1)
        self.norm = _norm(outside)
        self.mix = nn.Conv2d(outside, outside, 3, padding=1)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        x = functional.interpolate(self.reduce(x), scale_factor=2.0, mode="nearest")
        x = x + self.skip(skip)
        mixed: Tensor = self.mix(torch.relu(self.norm(x)))
        return x + mixed


def _norm(channels: int) -> nn.GroupNorm:
    """Group normalization: the output does not depend on the rest of the batch (Wu & He 2018)."""
    return nn.GroupNorm(next(n for n in (8, 4, 2, 1) if channels % n == 0), channels)


def keypoint_loss(seen: Sighting, truth: Tensor, weights: Tensor) -> Tensor:
    """Loss against the true places (N, K, 2) in the window's coordinates; weights (N, K).

    Inside the window: cross-entropy to a narrow Gaussian, and the distance of the expectation.
    Everywhere: the negative logarithm of the Laplace density for the scale, at fixed points.
    """
    edge = seen.logits.shape[-1]
    inside = (truth.abs() < 1.0).all(dim=-1)
    axis = _axis(edge, truth.device)
    spread = _SPREAD_CELLS * 2.0 / edge
    x, y = (torch.exp(-0.5 * ((axis - truth[..., i : i + 1]) / spread) ** 2) for i in (0, 1))
    target = y.unsqueeze(-1) * x.unsqueeze(-2)
    target = target / target.sum(dim=(-2, -1), keepdim=True).clamp_min(1e-6)
    log_share = seen.logits.flatten(2).log_softmax(dim=-1)
    entropy = -(target.flatten(2) * log_share).sum(dim=-1)
    away = (seen.points - truth).abs().sum(dim=-1)
    share = inside.float() * weights
    share = share / share.sum().clamp_min(1e-6)
    likelihood = 2.0 * seen.log_scale + away.detach() * torch.exp(-seen.log_scale)
    return (share * (entropy + _AWAY * away)).sum() + _SCALE * (likelihood * weights).mean()
