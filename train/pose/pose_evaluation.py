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
"""Percentile of the views' disagreement beyond which a guess is not believed."""


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
    """What reads poses from a batch of renders."""

    def __call__(self, batch: Batch) -> Guesses: ...


class NetReader:
    """The network on torch, on pictures as they are."""

    def __init__(self, net: PoseNet, device: str = "cpu") -> None:
        self._net, self._device = net, device

    @torch.no_grad()
    def __call__(self, batch: Batch) -> Guesses:
        self._net.eval()
        here = {name: values.to(self._device) for name, values in batch.items()}
        images = here["images"].float() / 255.0
        guess = self._net(images, here["camera_position"], here["camera_rotation"])
        wxyz = np.array([wxyz_of(matrix) for matrix in guess.rotation.cpu().numpy()])
        turned = torch.from_numpy(wxyz).float()
        return Guesses(guess.position.cpu(), turned, guess.spread_rad.cpu())


class GraphReader:
    """A bundle's graph on ONNX Runtime, sample by sample as on the robot."""

    def __init__(self, graph: OnnxPose) -> None:
        self._graph = graph

    def __call__(self, batch: Batch) -> Guesses:
        position, rotation = batch["camera_position"].numpy(), batch["camera_rotation"].numpy()
        seen = []
        for index, images in enumerate(batch["images"].numpy()):
            pairs = zip(position[index], rotation[index], strict=True)
            seen.append(self._graph.see(images, [Placement(p, r) for p, r in pairs]))
        return Guesses(
            torch.tensor(np.array([one.position for one in seen])).float(),
            torch.tensor(np.array([one.wxyz for one in seen])).float(),
            torch.tensor([one.spread_rad for one in seen]),
        )


@dataclass(frozen=True)
class Judgement:
    """A reader's errors on renders."""

    errors: PoseErrors
    constant: PoseErrors
    """Of the mean pose of those renders: what a network must beat."""
    spread_rad: np.ndarray
    """(n,)"""

    @property
    def spread_limit_deg(self) -> float:
        """The disagreement that one guess in a hundred exceeds."""
        return float(np.degrees(np.percentile(self.spread_rad, CONFIDENT)))

    def data(self) -> dict[str, Any]:
        """Plain data."""
        return {"errors": self.errors.table(), "constant": self.constant.table()}

    def text(self) -> str:
        """A table for the terminal."""
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
    """Read every sample of `renders`. Raises DataError."""
    found = [(reader(batch), batch) for batch in in_order(renders, BATCH)]
    guesses = [guess for guess, _ in found]
    position = torch.cat([batch["position"] for _, batch in found])
    wxyz = torch.cat([batch["wxyz"] for _, batch in found])
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
