"""Errors of estimated poses in mm and degrees, and of the angles of an object's layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..contract.keypoint_model import KeypointModel
from ..envs.cube.cube_geometry import wrapped
from ..envs.mdp.rotations import CUBE_GROUP, distance, multiply

WRONG_DEG = 20.0
"""A larger rotation error is not one of precision: a keypoint was taken for another."""
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
            rows[name] = spread(getattr(self, name))
        near = (self.position_mm < 10) & (self.rotation_deg < 10)
        nearer = (self.position_mm < 5) & (self.rotation_deg < 5)
        rows["within_5mm_5deg"] = float(nearer.mean())
        rows["within_10mm_10deg"] = float(near.mean())
        rows["beyond_20deg"] = float((self.rotation_deg > WRONG_DEG).mean())
        rows["beyond_45deg"] = float((self.rotation_deg > FAR_DEG).mean())
        return rows


@dataclass(frozen=True)
class LayerErrors:
    """Errors of the angles of the layers of n objects, as in Solving Rubik's Cube with a Robot
    Hand, table 5: cameras see the mark of the layer on top, and of the others little."""

    top_deg: np.ndarray
    """(n,) of the whole angle of the layer on top."""
    others_deg: np.ndarray
    """(n (J - 1),) of the other layers, modulo their periods."""

    def table(self) -> dict[str, Any]:
        """Mean, median and 90th percentile of each."""
        return {"top_deg": spread(self.top_deg), "others_deg": spread(self.others_deg)}


def spread(values: np.ndarray) -> dict[str, float]:
    """Mean, median and 90th percentile."""
    p50, p90 = np.percentile(values, [50, 90])
    return {"mean": float(values.mean()), "median": float(p50), "p90": float(p90)}


def layer_errors(
    model: KeypointModel, angles: np.ndarray, true_angles: np.ndarray, rotations: np.ndarray
) -> LayerErrors:
    """Errors of angles (n, J) [rad]. rotations: (n, 3, 3) true, object_to_palm."""
    outwards = np.array([np.mean(hinge.points_m, axis=0) for hinge in model.hinges])
    top = (rotations[:, 2] @ outwards.T).argmax(axis=1)
    away = angles - true_angles
    whole = np.abs(wrapped(away))
    modulo = [np.abs(hinge.wrapped(away[:, j])) for j, hinge in enumerate(model.hinges)]
    others = np.arange(len(model.hinges)) != top[:, None]
    return LayerErrors(
        np.degrees(whole[np.arange(len(top)), top]),
        np.degrees(np.stack(modulo, axis=1)[others]),
    )


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
