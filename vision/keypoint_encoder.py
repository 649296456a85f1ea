"""An encoder of pictures for policies: the pose network's tower, and the pose that follows from it.

It starts from nothing, or from a trained pose network (`trunk_weights`), whose heatmaps tell a
policy where corners and faces are, and its scales how sure that is. Two views or more also give the
pose, by layers of geometry without weights, and from that the way to the goal: a product of
rotations, which a network of this size learns badly from few pictures (docs/cloning.md).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ..envs.hands.shadow import SHADOW_RIGHT
from ..envs.mdp import rotations
from ..envs.mdp.observations import goal_angle, goal_step, object_reduced
from ..envs.objects.block import BLOCK
from ..errors import ConfigError
from ..policies.encoders import TrunkEncoder
from .keypoint_net import KeypointNet, KeypointNetConfig, Sighting
from .triangulation import NEAR_M, lay, triangulate
from .windows import CROP, Windows

OWN = len(BLOCK.keypoints)
"""Keypoints of the block."""
COUNT = OWN + len(SHADOW_RIGHT.landmarks)
"""Keypoints and landmarks of the block's pose network."""
_HIDDEN = 256
_POINT, _SCALE, _SURE = 3.0, 0.5, 3.0
"""Bring places, mostly within a third of the view, and logarithms of scales to about one."""
_AWAY_M, _ERROR_M = 0.02, 0.003
"""The same for positions and errors."""
POSE = 3 + 6 + 3 + 1 + 1
"""Position, rotation up to the cube's 24 as two columns, way to the goal, its angle, error."""


class KeypointEncoder(TrunkEncoder):
    """Pictures (N, 3 V, S, S) in [0, 1] -> (N, width): two looks at each view, then two layers.

    With two views or more it reads `goal_rotation` (N, 6) and `camera_matrices` (N, 12 V), too.
    """

    model: Tensor
    """(K, 3) [m] keypoints of the block."""

    def __init__(self, shape: tuple[int, ...], width: int) -> None:
        """Raises ConfigError for a shape that is not that of square colour pictures."""
        super().__init__()
        if len(shape) != 3 or shape[0] % 3 or shape[1] != shape[2]:
            raise ConfigError(
                f"keypoints encoder: got shape {shape}, allowed: (3 times cameras, edge, edge)"
            )
        self.views = shape[0] // 3
        self.net = KeypointNet(KeypointNetConfig(), COUNT)
        self._places = self.views * COUNT * 3
        self.head = nn.Sequential(
            nn.Linear(self._places, _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, width)
        )
        if self.views > 1:
            self.beside = ("goal_rotation", "camera_matrices")
            points = BLOCK.size_m * torch.tensor(BLOCK.keypoints)
            self.register_buffer("model", points, persistent=False)
            self.pose = nn.Linear(POSE, width, bias=False)
            nn.init.orthogonal_(self.pose.weight, gain=2**0.5)

    @property
    def features_size(self) -> int:
        """See `TrunkEncoder`: two coordinates and a scale of each keypoint in each view; pose."""
        return self._places + (POSE if self.beside else 0)

    def features(self, values: Tensor, *beside: Tensor) -> Tensor:
        """See `TrunkEncoder`."""
        points, log_scales = self._looks(values)
        sure = _SCALE * (log_scales + _SURE)
        places = torch.cat((_POINT * points, sure.unsqueeze(-1)), dim=-1)
        places = places.reshape(-1, self._places)
        if not beside:
            return places
        pose = self._pose(points, log_scales.exp(), *beside)
        return torch.cat((places, pose.reshape(-1, POSE)), dim=-1)

    def read(self, features: Tensor) -> Tensor:
        """See `TrunkEncoder`."""
        embedded: Tensor = self.head(features[:, : self._places])
        return embedded + self.pose(features[:, self._places :]) if self.beside else embedded

    def freeze(self) -> None:
        """The tower no longer learns; the layers after it do."""
        self.net.requires_grad_(False)
        self.frozen = True

    def _looks(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Places (N, V, K, 2) and logarithms of scales (N, V, K), in units of half the picture.

        From the whole view, or from a crop about the object, whichever is surer of a keypoint.
        """
        shape = (values.shape[0], self.views)  # not `len`, which the exporter would fix
        pictures = values.reshape(-1, 3, *values.shape[-2:])
        middle, edge = values.new_zeros(*shape, 2), values.new_full(shape, 2.0)
        wide = self._look(pictures, Windows.upright(middle, edge))
        weight = (-2.0 * wide[1][:, :, :OWN, None]).exp()
        centre = (weight * wide[0][:, :, :OWN]).sum(dim=2) / weight.sum(dim=2)
        near = self._look(pictures, Windows.upright(centre.detach().clamp(-1, 1), CROP * edge))
        surer = near[1] < wide[1]
        places = torch.where(surer.unsqueeze(-1), near[0], wide[0])
        return places, torch.where(surer, near[1], wide[1])

    def _look(self, pictures: Tensor, windows: Windows) -> tuple[Tensor, Tensor]:
        seen: Sighting = self.net(windows.sample(pictures, self.net.config.input_px))
        shape = (*windows.centre.shape[:2], COUNT)
        places = windows.pixels(seen.points.reshape(*shape, 2))
        side = windows.matrix[..., :1, 0]
        return places, seen.log_scale.reshape(shape) + side.log()

    def _pose(self, points: Tensor, scales: Tensor, goal: Tensor, cameras: Tensor) -> Tensor:
        """(N, POSE), each about one."""
        matrices = cameras.reshape(-1, self.views, 3, 4)
        laid = lay(self.model, *triangulate(points[:, :, :OWN], scales[:, :, :OWN], matrices))
        pose = {
            "object_wxyz": rotations.from_matrix(laid.rotation),
            "goal_wxyz": rotations.from_columns(goal),
        }
        return torch.cat(
            (
                (laid.position - points.new_tensor(NEAR_M)) / _AWAY_M,
                object_reduced(pose),
                2.0 * goal_step(pose),
                goal_angle(pose),
                (laid.error_m / _ERROR_M).clamp_max(5.0).unsqueeze(-1),
            ),
            dim=-1,
        )


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
