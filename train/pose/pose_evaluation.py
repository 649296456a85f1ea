"""`sleight vision eval`: the errors of a network, or of a bundle's graph, on renders."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

from ...envs.hands.shadow import SHADOW_RIGHT
from ...vision.decoders import Batch, Guesses, PoseDecoder
from ...vision.geometry import Placement
from ...vision.keypoint_decoder import layers, rotations
from ...vision.onnx_pose import OnnxPose
from ...vision.renders.object_states import keypoints_in
from ...vision.renders.shards import Renders
from ...vision.scores import WRONG_DEG, LayerErrors, PoseErrors, layer_errors, pose_errors
from .render_batches import in_order

BATCH = 64
CONFIDENT = 99.0
"""Percentile of the predicted errors above which an estimate is rejected."""


class Reader(Protocol):
    """Estimates poses from a batch of renders."""

    def __call__(self, batch: Batch) -> Guesses: ...


class NetReader:
    """The network in torch, on unchanged pictures."""

    def __init__(self, decoder: PoseDecoder, device: str = "cpu") -> None:
        self._decoder, self._device = decoder, device

    def __call__(self, batch: Batch) -> Guesses:
        """See `Reader`."""
        return self._decoder.read({name: x.to(self._device) for name, x in batch.items()})


class GraphReader:
    """A bundle's graph in ONNX Runtime, one sample at a time, as on the robot."""

    def __init__(self, graph: OnnxPose) -> None:
        self._graph = graph
        keypoints = graph.entry.keypoints
        hinges = keypoints.landmarks.hinges if keypoints else ()
        self._wrist = [SHADOW_RIGHT.joints.index(hinge.joint) for hinge in hinges]

    def __call__(self, batch: Batch) -> Guesses:
        """See `Reader`."""
        position, rotation = batch["camera_position"].numpy(), batch["camera_rotation"].numpy()
        poses = []
        for index, images in enumerate(batch["images"].numpy()):
            pairs = zip(position[index].astype(float), rotation[index].astype(float), strict=True)
            wrist = batch["joint_position"][index, self._wrist].numpy()
            poses.append(self._graph.see(images, [Placement(p, r) for p, r in pairs], wrist))
        return Guesses(
            torch.tensor(np.array([one.position for one in poses])).float(),
            torch.tensor(np.array([one.wxyz for one in poses])).float(),
            np.array([one.error_m for one in poses]),
            np.array([one.error_rad for one in poses]),
            np.array([one.angles for one in poses]),
        )


@dataclass(frozen=True)
class Judgement:
    """A reader's errors on renders."""

    errors: PoseErrors
    constant: PoseErrors
    """Errors of the mean pose of these renders: the baseline that a network must beat."""
    error_m: np.ndarray
    error_rad: np.ndarray
    """(n,) predicted errors."""
    look_s: np.ndarray
    """Duration of a look, of each batch the mean [s]."""
    layers: LayerErrors | None = None
    """Of an object that has layers."""

    @property
    def factors(self) -> tuple[float, float]:
        """Real over predicted errors of position and rotation, as root mean squares.

        Without the most doubtful hundredth, and without those that took one keypoint for another:
        no factor makes these right.
        """
        precise = self.errors.rotation_deg < WRONG_DEG
        real = 1e-3 * self.errors.position_mm, np.radians(self.errors.rotation_deg)
        pairs = zip(real, (self.error_m, self.error_rad), strict=True)
        by_m, by_rad = (_ratio(a[precise], b[precise]) for a, b in pairs)
        return by_m, by_rad

    @property
    def limits(self) -> tuple[float, float]:
        """The errors [m] and [rad], as predicted and corrected by the factors, that one estimate in
        a hundred exceeds."""
        pairs = zip(self.factors, (self.error_m, self.error_rad), strict=True)
        by_m, by_rad = (factor * float(np.percentile(x, CONFIDENT)) for factor, x in pairs)
        return by_m, by_rad

    def data(self) -> dict[str, Any]:
        """The judgement as plain data."""
        layers = {"layers": self.layers.table()} if self.layers else {}
        return {"errors": self.errors.table(), "constant": self.constant.table()} | layers

    def text(self) -> str:
        """The judgement as a text table."""
        lines = ["                      mean   median      p90"]
        for title, errors in (("", self.errors), ("constant ", self.constant)):
            table = errors.table()
            for name, unit in (("position", "mm"), ("rotation", "deg"), ("symmetric", "deg")):
                lines.append(_row(f"{title}{name} {unit}", table[f"{name}_{unit}"]))
        if self.layers:
            named = self.layers.table()
            lines.append(_row("layer on top deg", named["top_deg"]))
            lines.append(_row("other layers deg", named["others_deg"]))
        table = self.errors.table()
        shares = ("within_5mm_5deg", "within_10mm_10deg", "beyond_20deg", "beyond_45deg")
        lines.append(", ".join(f"{name} {100 * table[name]:.1f} %" for name in shares))
        lines.append(f"{table['samples']} samples")
        return "\n".join(lines)


def _row(name: str, values: dict[str, float]) -> str:
    return f"{name:<18}" + "".join(f"{values[key]:9.1f}" for key in ("mean", "median", "p90"))


def _ratio(real: np.ndarray, predicted: np.ndarray) -> float:
    if not len(predicted):
        return 1.0
    sure = predicted <= np.percentile(predicted, CONFIDENT)
    return max(float(np.sqrt(np.mean(real[sure] ** 2) / np.mean(predicted[sure] ** 2))), 1e-3)


def judge(reader: Reader, renders: Renders) -> Judgement:
    """Evaluate every sample of `renders`. Raises DataError."""
    estimates, look_s = [], []
    for batch in in_order(renders, BATCH):
        start_s = time.perf_counter()
        estimates.append((reader(batch), batch))
        look_s.append((time.perf_counter() - start_s) / len(batch["position"]))
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
    predicted_m, predicted_rad = (
        np.concatenate([getattr(guess, name) for guess in guesses])
        for name in ("error_m", "error_rad")
    )
    found = None
    if (model := keypoints_in(renders.config)).hinges:
        angles = np.concatenate([guess.angles for guess in guesses])
        true = np.concatenate([layers(batch) for _, batch in estimates])
        found = layer_errors(model, angles, true, rotations(wxyz).numpy())
    durations = np.array(look_s)
    return Judgement(errors, constant, predicted_m, predicted_rad, durations, found)
