"""Observation terms of three kinds: a vector, an image, and points, with an encoder of their own.

The corners of a block are a set: a cube's 24 rotations only permute them. An encoder that does not
depend on their order therefore cannot tell a block from itself turned onto another face.
"""

from __future__ import annotations

from itertools import product

import torch
from torch import Tensor, nn

from sleight.envs.mdp.observations import Sensors, Term
from sleight.envs.mdp.rotations import rotate
from sleight.errors import ConfigError

HALF_M = 0.0285
"""Half the edge of the block."""
NEAR_M = 0.03
"""A fingertip this far from the object's centre is at 1 / e."""
PIXELS = 16
VIEW_M = ((-0.08, 0.08), (-0.13, 0.03))
"""What the picture shows of the palm's x and y axes."""
BLOB_M = 0.012
"""Standard deviation of the blob that is drawn for a point."""


def fingertip_closeness(s: Sensors) -> Tensor:
    """exp(-distance) of each fingertip to the object's centre, in units of NEAR_M (N, F)."""
    away = (s["fingertips"] - s["object_position"].unsqueeze(-2)).norm(dim=-1)
    return (-away / NEAR_M).exp()


def corners(position: Tensor, wxyz: Tensor) -> Tensor:
    """Corners of a block at position (N, 3) and rotation (N, 4), palm frame (N, 8, 3)."""
    signs = torch.tensor(list(product((-1.0, 1.0), repeat=3)), device=wxyz.device)
    each = wxyz.unsqueeze(-2).expand(-1, 8, -1)
    return position.unsqueeze(-2) + rotate(each, HALF_M * signs.expand(len(wxyz), 8, 3))


def object_corners(s: Sensors) -> Tensor:
    """The object's corners in decimetres (N, 8, 3)."""
    return 10.0 * corners(s["object_position"], s["object_wxyz"])


def corner_view(s: Sensors) -> Tensor:
    """The palm from above: corners of the object, and of the goal in its place (N, 2, H, W)."""
    here = corners(s["object_position"], s["object_wxyz"])
    goal = corners(s["object_position"], s["goal_wxyz"])
    return torch.stack((drawn(here), drawn(goal)), dim=-3)


def drawn(points: Tensor) -> Tensor:
    """Points (N, K, 3) as smooth blobs in [0, 1], seen from above (N, H, W)."""
    x, y = (torch.linspace(*ends, PIXELS, device=points.device) for ends in VIEW_M)
    across = (-0.5 * ((points[..., 0:1] - x) / BLOB_M).square()).exp()
    down = (-0.5 * ((points[..., 1:2] - y) / BLOB_M).square()).exp()
    # A blob is the product of two bells, so a picture is one product of matrices.
    return (down.transpose(-1, -2) @ across).clamp_max(1.0)


class PointEncoder(nn.Module):
    """Points (N, K, D) -> (N, width), in any order: one network for all points, then their mean.

    Deep Sets, Zaheer et al., 2017.
    """

    HIDDEN = 32

    def __init__(self, shape: tuple[int, ...], width: int) -> None:
        """Raises ConfigError for a shape that is not that of points."""
        super().__init__()
        if len(shape) != 2:
            raise ConfigError(f"points term: got shape {shape}, allowed: (points, coordinates)")
        self.each = nn.Sequential(nn.Linear(shape[1], self.HIDDEN), nn.Tanh())
        self.head = nn.Linear(self.HIDDEN, width)

    def forward(self, points: Tensor) -> Tensor:
        """See the class."""
        result: Tensor = self.head(self.each(points).mean(dim=-2))
        return result


POSE = ("object_position", "object_wxyz")
FINGERTIP_CLOSENESS = Term(
    "fingertip_closeness",
    fingertip_closeness,
    shape=("fingertips",),
    unit="",
    frame="",
    reads=("fingertips", "object_position"),
)
OBJECT_CORNERS = Term(
    "object_corners", object_corners, (8, 3), "dm", "palm", reads=POSE, kind="points"
)
CORNER_VIEW = Term(
    "corner_view",
    corner_view,
    shape=(2, PIXELS, PIXELS),
    unit="",
    frame="palm",
    reads=(*POSE, "goal_wxyz"),
    kind="image",
)
