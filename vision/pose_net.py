"""The pose network: a shared tower for all cameras, a pose from each view, and their fusion.

As in Learning Dexterous In-Hand Manipulation (appendix D.2), all cameras share a residual tower
that ends in a spatial soft-max or a flattened map. In addition, each view predicts the pose of the
block in its *own camera's* axes; the placement of the camera, an input, transforms it to the palm's
frame. The network then need not learn the placements of the cameras, and a rig's calibration is a
direct input. Rotations are two columns of a matrix (Zhou et al. 2019).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..config import Range

Channels = Annotated[int, Range(4, 1024)]
_REACH_M = 0.05
"""Scale of positions: an output of 1 is this distance from the camera's target point."""


@dataclass(frozen=True)
class NetConfig:
    """Size of the pose network."""

    channels: tuple[Channels, ...] = (16, 32, 64, 96)
    """Channels of the tower; the first convolution and each block halve the picture."""
    readout: Literal["flatten", "spatial_softmax"] = "flatten"
    """How the last feature map is read: flattened, or by a spatial soft-max (the original)."""
    hidden_size: Annotated[int, Range(8, 4096)] = 128
    """Width of the layers after the tower."""
    renamed: ClassVar[Mapping[str, str]] = {"hidden": "hidden_size"}


@dataclass(frozen=True)
class PoseGuess:
    """Output of the network, frame palm."""

    position: Tensor
    """(B, 3) m."""
    rotation: Tensor
    """(B, 3, 3) object_to_palm."""
    view_position: Tensor
    """(B, V, 3): estimate of each camera alone."""
    view_rotation: Tensor
    """(B, V, 3, 3): estimate of each camera alone."""
    spread_rad: Tensor
    """(B,) mean angle between the views' rotations and the fused one: a measure of uncertainty."""


class PoseNet(nn.Module):
    """Images (B, V, H, W, 3) in [0, 1] and the placements of the cameras -> `PoseGuess`."""

    def __init__(self, config: NetConfig, image_px: int, distance_m: tuple[float, ...]) -> None:
        """distance_m: (V,) distance from each nominal camera to its target point."""
        super().__init__()
        self.config = config
        self.tower = _Tower(config, image_px)
        width, views = config.hidden_size, len(distance_m)
        self.embed = nn.Sequential(nn.Linear(self.tower.width, width), nn.ReLU())
        self.view_head = nn.Linear(width, 6 + 3 + 2)
        last = nn.Linear(width, 6 + 3)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.joint = nn.Sequential(nn.Linear(views * width, width), nn.ReLU(), last)
        middle = torch.zeros(views, 3)
        middle[:, 2] = torch.tensor(distance_m)
        self.register_buffer("middle", middle)

    def forward(self, images: Tensor, position: Tensor, rotation: Tensor) -> PoseGuess:
        """position (B, V, 3) m, rotation (B, V, 3, 3): camera_to_palm."""
        assert isinstance(self.middle, Tensor)
        batch, views = images.shape[:2]
        pictures = images.flatten(0, 1).permute(0, 3, 1, 2)
        features = self.embed(self.tower(2.0 * pictures - 1.0)).unflatten(0, (batch, views))
        columns, offset, trust = self.view_head(features).split((6, 3, 2), dim=-1)
        rest = self.joint(features.flatten(1))
        # Two columns (B, V, 3, 2) in each camera's axes, turned into the palm's.
        columns = rotation @ columns.unflatten(-1, (3, 2))
        where = (rotation @ (self.middle + _REACH_M * offset).unsqueeze(-1)).squeeze(-1) + position
        share = trust.softmax(dim=1)
        fused = (share[..., :1, None] * columns).sum(dim=1) + rest[:, :6].unflatten(-1, (3, 2))
        place = (share[..., 1:] * where).sum(dim=1) + _REACH_M * rest[:, 6:]
        fused_rotation, view_rotation = orthonormal(fused), orthonormal(columns)
        spread = _angle(view_rotation, fused_rotation.unsqueeze(1)).mean(dim=1)
        return PoseGuess(place, fused_rotation, where, view_rotation, spread)


class _Tower(nn.Module):
    """Images (B, 3, H, W) -> features (B, width)."""

    def __init__(self, config: NetConfig, image_px: int) -> None:
        super().__init__()
        first, last = config.channels[0], config.channels[-1]
        layers: list[nn.Module] = [nn.Conv2d(3, first, 5, stride=2, padding=2), nn.ReLU()]
        for inside, outside in zip(config.channels, config.channels[1:], strict=False):
            layers.append(_Block(inside, outside))
        self.layers = nn.Sequential(*layers)
        edge = image_px
        for _ in config.channels:
            edge = (edge + 1) // 2
        flat = config.readout == "flatten"
        kept = max(last // 3, 4) if flat else last
        self.reduce = nn.Conv2d(last, kept, 1)
        self.readout: nn.Module = nn.Flatten() if flat else _SpatialSoftmax(edge)
        self.width = kept * edge * edge if flat else 2 * kept

    def forward(self, pictures: Tensor) -> Tensor:
        features: Tensor = self.readout(self.reduce(self.layers(pictures)))
        return features


class _Block(nn.Module):
    """A residual block that halves the image size (He et al. 2015), with group normalization.

    Group normalization (Wu & He 2018) makes the output independent of the rest of the batch.
    """

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inside, outside, 3, stride=2, padding=1)
        self.second = nn.Conv2d(outside, outside, 3, padding=1)
        self.norms = nn.ModuleList(nn.GroupNorm(_groups(n), n) for n in (inside, outside))
        self.short = nn.Conv2d(inside, outside, 1, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(torch.relu(self.norms[0](x)))
        y = self.second(torch.relu(self.norms[1](y)))
        short: Tensor = self.short(x)
        return short + y


class _SpatialSoftmax(nn.Module):
    """Expected position (x, y) in [-1, 1] of each channel (Levine et al. 2016), (B, 2 C)."""

    def __init__(self, edge: int) -> None:
        super().__init__()
        axis = torch.linspace(-1.0, 1.0, edge)
        grid = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), dim=-1).flatten(0, 1)
        self.register_buffer("grid", grid)

    def forward(self, maps: Tensor) -> Tensor:
        assert isinstance(self.grid, Tensor)
        return (maps.flatten(2).softmax(dim=-1) @ self.grid).flatten(1)


def _groups(channels: int) -> int:
    return next(n for n in (8, 4, 2, 1) if channels % n == 0)


def orthonormal(columns: Tensor) -> Tensor:
    """Two columns (..., 3, 2) -> a rotation (..., 3, 3) (Gram-Schmidt; Zhou et al. 2019)."""
    x = functional.normalize(columns[..., 0], dim=-1)
    second = columns[..., 1] - (x * columns[..., 1]).sum(-1, keepdim=True) * x
    y = functional.normalize(second, dim=-1)
    return torch.stack((x, y, torch.linalg.cross(x, y)), dim=-1)


def _angle(a: Tensor, b: Tensor) -> Tensor:
    """Angle [rad] between rotations (..., 3, 3), computed smoothly from the chord."""
    chord = (a - b).square().sum(dim=(-2, -1)).clamp_min(1e-12).sqrt() / 8.0**0.5
    return 2.0 * torch.asin(chord.clamp(max=1.0))


def pose_loss(guess: PoseGuess, position: Tensor, rotation: Tensor) -> Tensor:
    """L1 on rotation matrices, smooth L1 on positions / 2 cm; of the fused pose and each view."""
    turned = (guess.rotation - rotation).abs().mean()
    moved = functional.smooth_l1_loss(guess.position / 0.02, position / 0.02)
    each_turned = (guess.view_rotation - rotation.unsqueeze(1)).abs().mean()
    each_moved = functional.smooth_l1_loss(
        guess.view_position / 0.02, position.unsqueeze(1).expand_as(guess.view_position) / 0.02
    )
    return turned + moved + 0.7 * each_turned + 0.5 * each_moved
