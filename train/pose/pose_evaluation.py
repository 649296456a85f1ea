"""`sleight vision eval`: the errors of a network, or of a bundle's graph, on renders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from ...vision.geometry import Placement, wxyz_of
from ...vision.onnx_pose import OnnxPose
from ...vision.pose_net import PoseNet
from ...vision.renders.shards import Renders
from ...vision.scores import PoseErrors, pose_errors
from .render_batches import Batch, in_order

BATCH = 64
CONFIDENT = 99.0
"""Percentile of the disagreement between views above which an estimate is rejected."""


@dataclass(frozen=True)
class Guesses:
    """Poses of n samples."""

    position: Tensor
    """(n, 3) m."""
    wxyz: Tensor
    """(n, 4)"""
    spread_rad: Tensor
    """(n,)"""


class Reader(Protocol):
    """Estimates poses from a batch of renders."""

    def __call__(self, batch: Batch) -> Guesses: ...


class NetReader:
    """The network in torch, on unchanged pictures."""

    def __init__(self, net: PoseNet, device: str = "cpu") -> None:
        self._net, self._device = net, device

    @torch.no_grad()
    def __call__(self, batch: Batch) -> Guesses:
        self._net.eval()
        inputs = {name: values.to(self._device) for name, values in batch.items()}
        images = inputs["images"].float() / 255.0
        guess = self._net(images, inputs["camera_position"], inputs["camera_rotation"])
        wxyz = np.array([wxyz_of(matrix) for matrix in guess.rotation.cpu().numpy()])
        turned = torch.from_numpy(wxyz).float()
        return Guesses(guess.position.cpu(), turned, guess.spread_rad.cpu())


class GraphReader:
    """A bundle's graph in ONNX Runtime, one sample at a time, as on the robot."""

    def __init__(self, graph: OnnxPose) -> None:
        self._graph = graph

    def __call__(self, batch: Batch) -> Guesses:
        position, rotation = batch["camera_position"].numpy(), batch["camera_rotation"].numpy()
        poses = []
        for index, images in enumerate(batch["images"].numpy()):
            pairs = zip(position[index], rotation[index], strict=True)
            poses.append(self._graph.see(images, [Placement(p, r) for p, r in pairs]))
        return Guesses(
            torch.tensor(np.array([one.position for one in poses])).float(),
            torch.tensor(np.array([one.wxyz for one in poses])).float(),
            torch.tensor([one.spread_rad for one in poses]),
        )


@dataclass(frozen=True)
class Judgement:
    """A reader's errors on renders."""

    errors: PoseErrors
    constant: PoseErrors
    """Errors of the mean pose of these renders: the baseline that a network must beat."""
    spread_rad: np.ndarray
    """(n,)"""

    @property
    def spread_limit_deg(self) -> float:
        """The disagreement between views that one estimate in a hundred exceeds [degrees]."""
        return float(np.degrees(np.percentile(self.spread_rad, CONFIDENT)))

    def data(self) -> dict[str, Any]:
        """The judgement as plain data."""
        return {"errors": self.errors.table(), "constant": self.constant.table()}

    def text(self) -> str:
        """The judgement as a text table."""
        lines = ["                      mean   median      p90"]
        for title, errors in (("", self.errors), ("constant ", self.constant)):
            table = errors.table()
            for name, unit in (("position", "mm"), ("rotation", "deg"), ("symmetric", "deg")):
                row = table[f"{name}_{unit}"]
                numbers = "".join(f"{row[key]:9.1f}" for key in ("mean", "median", "p90"))
                lines.append(f"{title + name + ' ' + unit:<18}{numbers}")
        table = self.errors.table()
        shares = ("within_5mm_5deg", "within_10mm_10deg", "beyond_45deg")
        lines.append(", ".join(f"{name} {100 * table[name]:.1f} %" for name in shares))
        lines.append(f"{table['samples']} samples")
        return "\n".join(lines)


def judge(reader: Reader, renders: Renders) -> Judgement:
    """Evaluate every sample of `renders`. Raises DataError."""
    estimates = [(reader(batch), batch) for batch in in_order(renders, BATCH)]
    guesses = [guess for guess, _ in estimates]
    position = torch.cat([batch["position"] for _, batch in estimates])
    wxyz = torch.cat([batch["wxyz"] for _, batch in estimates])
    errors = pose_errors(
        torch.cat([guess.position for guess in guesses]),
        torch.cat([guess.wxyz for guess in guesses]),
        position,
        wxyz,
    )
    middle = position.mean(dim=0).expand_as(position)
    level = torch.tensor([1.0, 0.0, 0.0, 0.0]).expand_as(wxyz)
    constant = pose_errors(middle, level, position, wxyz)
    spread = torch.cat([guess.spread_rad for guess in guesses]).numpy()
    return Judgement(errors, constant, spread)
