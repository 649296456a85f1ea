"""The pose of an object from keypoints in several views, as a layer of a network.

Each keypoint is triangulated by linear least squares, weighted by how sure each view is of it
(Iskakov et al. 2019, Learnable Triangulation of Human Pose, equation 3), and the object's model is
laid over these points (Kabsch 1976). Gradients pass through all of it, and ONNX has each of its
operations. `keypoint_fit` is the more exact fit, which also corrects the cameras.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

NEAR_M = (0.0, -0.05, 0.035)
"""Where an object is before anything is seen, frame palm."""
_SPREAD_M = 0.1
"""Standard deviation of each keypoint about that place."""
_AWAY_M = 0.45
"""About the distance of the cameras: it turns errors in a view into distances."""
_POLAR_STEPS = 16


@dataclass(frozen=True)
class Laid:
    """The object's model, laid over triangulated keypoints of B samples."""

    position: Tensor
    """(B, 3) [m], frame palm."""
    rotation: Tensor
    """(B, 3, 3) object_to_palm."""
    error_m: Tensor
    """(B,) root mean square distance of the keypoints from the model, the surer ones weigh more."""


def triangulate(points: Tensor, scales: Tensor, cameras: Tensor) -> tuple[Tensor, Tensor]:
    """Keypoints (B, V, K, 2) and their scales (B, V, K) -> places (B, K, 3) [m], variances (B, K).

    points, scales: in units of half the picture; cameras: (B, V, 3, 4) matrices that map a point
    of the palm's frame to these.
    """
    first, last = cameras[..., None, :2, :], cameras[..., None, 2:, :]
    rows = points.unsqueeze(-1) * last - first  # (B, V, K, 2, 4): zero at the point
    weight = (_AWAY_M * scales).square().reciprocal()[..., None, None]
    left, right = rows[..., :3], rows[..., 3:]
    normal = (weight * left).transpose(-1, -2) @ left
    near = points.new_tensor(NEAR_M)
    eye = torch.eye(3, device=points.device) / _SPREAD_M**2
    normal = normal.sum(dim=1) + eye
    target = -((weight * left).transpose(-1, -2) @ right).sum(dim=1)[..., 0] + near / _SPREAD_M**2
    inverse = _inverse(normal)
    places = (inverse @ target.unsqueeze(-1))[..., 0]
    return places, inverse[..., 0, 0] + inverse[..., 1, 1] + inverse[..., 2, 2]


def lay(model: Tensor, places: Tensor, variances: Tensor) -> Laid:
    """The rotation and the shift of `model` (K, 3) [m] that agree best with places (B, K, 3)."""
    weight = variances.reciprocal()
    weight = (weight / weight.sum(dim=-1, keepdim=True)).unsqueeze(-1)
    middle, own = (weight * places).sum(dim=1), (weight * model).sum(dim=1)
    outer = (weight * (places - middle.unsqueeze(1))).transpose(-1, -2) @ (model - own.unsqueeze(1))
    rotation = _orthogonal(outer)
    position = middle - (rotation @ own.unsqueeze(-1))[..., 0]
    misfit = places - (model @ rotation.transpose(-1, -2) + position.unsqueeze(1))
    return Laid(position, rotation, (weight * misfit.square()).sum(dim=(1, 2)).sqrt())


def _inverse(matrix: Tensor) -> Tensor:
    """Of positive definite matrices (..., 3, 3), by cofactors: ONNX has no solver."""
    a, b, c = matrix.unbind(-1)
    cofactors = torch.stack(
        (torch.linalg.cross(b, c), torch.linalg.cross(c, a), torch.linalg.cross(a, b)), dim=-2
    )
    return cofactors / (a * cofactors[..., 0, :]).sum(dim=-1)[..., None, None]


def _orthogonal(matrix: Tensor) -> Tensor:
    """The nearest orthogonal matrices, by Newton and Schulz's iteration (Higham 1986)."""
    x = matrix / matrix.square().sum(dim=(-2, -1), keepdim=True).sqrt().clamp_min(1e-12)
    for _ in range(_POLAR_STEPS):
        x = 1.5 * x - 0.5 * x @ x.transpose(-1, -2) @ x
    return functional.normalize(x, dim=-2)
