"""Errors of estimated poses in mm and degrees, with and without the symmetry of the cube."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..envs.mdp.rotations import CUBE_GROUP, distance, multiply

FAR_DEG = 45.0
"""A larger rotation error means that another face is up."""


@dataclass(frozen=True)
class PoseErrors:
    """Errors of n poses."""

    position_mm: np.ndarray
    """(n,) distance."""
    rotation_deg: np.ndarray
    """(n,) angle on SO(3)."""
    symmetric_deg: np.ndarray
    """(n,) smallest angle over the 24 symmetric orientations of a cube."""

    def table(self) -> dict[str, Any]:
        """Mean, median and 90th percentile of each error, and shares of samples within limits."""
        rows: dict[str, Any] = {"samples": len(self.position_mm)}
        for name in ("position_mm", "rotation_deg", "symmetric_deg"):
            values = getattr(self, name)
            p50, p90 = np.percentile(values, [50, 90])
            rows[name] = {"mean": float(values.mean()), "median": float(p50), "p90": float(p90)}
        near = (self.position_mm < 10) & (self.rotation_deg < 10)
        nearer = (self.position_mm < 5) & (self.rotation_deg < 5)
        rows["within_5mm_5deg"] = float(nearer.mean())
        rows["within_10mm_10deg"] = float(near.mean())
        rows["beyond_45deg"] = float((self.rotation_deg > FAR_DEG).mean())
        return rows


def pose_errors(
    position: Tensor, wxyz: Tensor, true_position: Tensor, true_wxyz: Tensor
) -> PoseErrors:
    """Errors of positions (n, 3) m and orientations (n, 4) against the truth."""
    moved = (position - true_position).norm(dim=-1) * 1e3
    turned = distance(wxyz, true_wxyz)
    # q and q g look the same for every g in the cube's group.
    same = multiply(true_wxyz.unsqueeze(1), CUBE_GROUP.to(true_wxyz))
    symmetric = distance(wxyz.unsqueeze(1), same).amin(dim=1)
    return PoseErrors(moved.numpy(), *(torch.rad2deg(a).numpy() for a in (turned, symmetric)))
