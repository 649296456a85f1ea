"""An encoder of pictures for policies: the pose network's tower, whose keypoints are the embedding.

It starts from nothing, or from a trained pose network (`load_trunk`), whose heatmaps tell a policy
where corners and faces are, and its scales how sure that is.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..envs.hands.shadow import SHADOW_RIGHT
from ..envs.objects.block import BLOCK
from ..errors import ConfigError
from ..policies.encoders import TrunkEncoder
from .keypoint_net import KeypointNet, KeypointNetConfig

COUNT = len(BLOCK.keypoints) + len(SHADOW_RIGHT.landmarks)
"""Keypoints and landmarks of the block's pose network."""
_HIDDEN = 256
_POINT, _SCALE, _SURE = 3.0, 0.5, 3.0
"""Bring places, mostly within a third of the view, and logarithms of scales to about one."""


class KeypointEncoder(TrunkEncoder):
    """Pictures (N, 3 V, S, S) in [0, 1] -> (N, width): keypoints of each view, then two layers."""

    def __init__(self, shape: tuple[int, ...], width: int) -> None:
        """Raises ConfigError for a shape that is not that of square colour pictures."""
        super().__init__()
        if len(shape) != 3 or shape[0] % 3 or shape[1] != shape[2]:
            raise ConfigError(
                f"keypoints encoder: got shape {shape}, allowed: (3 times cameras, edge, edge)"
            )
        self.views = shape[0] // 3
        self.net = KeypointNet(KeypointNetConfig(), COUNT)
        self.head = nn.Sequential(
            nn.Linear(self.features_size, _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, width)
        )

    @property
    def features_size(self) -> int:
        """See `TrunkEncoder`: two coordinates and a scale of each keypoint in each view."""
        return self.views * COUNT * 3

    def features(self, values: Tensor) -> Tensor:
        """See `TrunkEncoder`."""
        edge, own = values.shape[-1], self.net.config.input_px
        views = values.reshape(-1, 3, edge, edge)
        if edge != own:
            size = (own, own)
            views = functional.interpolate(views, size, mode="bilinear", align_corners=False)
        seen = self.net(views.contiguous(memory_format=torch.channels_last))
        sure = _SCALE * (seen.log_scale + _SURE)
        places = torch.cat((_POINT * seen.points, sure.unsqueeze(-1)), dim=-1)
        return places.reshape(-1, self.features_size)

    def read(self, features: Tensor) -> Tensor:
        """See `TrunkEncoder`."""
        embedded: Tensor = self.head(features)
        return embedded

    def freeze(self) -> None:
        """The tower no longer learns; the layers after it do."""
        self.net.requires_grad_(False)
        self.frozen = True


def trunk_weights(encoder: KeypointEncoder, net: KeypointNet, source: str) -> Mapping[str, Tensor]:
    """The weights of a pose network by their names in an encoder. Raises ConfigError."""
    own = encoder.net
    if net.config != own.config or net.count != own.count:
        raise ConfigError(
            f"{source}: got a network with {net.config} for {net.count} points, allowed:"
            f" {own.config} for {own.count}, as the encoder of kind keypoints has"
        )
    weights = net.state_dict()
    # Without an estimate the map of object coordinates is zero, and adds nothing.
    weights["stem.weight"] = weights["stem.weight"][:, : own.stem.in_channels]
    return {f"net.{name}": value for name, value in weights.items()}
