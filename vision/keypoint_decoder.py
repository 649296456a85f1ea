"""The keypoint decoder in torch: labels from the true cameras, windows, loss, and reading."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
import torch
from torch import Tensor, nn

from ..config import Range
from ..contract.keypoint_model import KeypointModel
from ..contract.landmarks import Landmarks
from ..contract.pose_entry import FitConfig, KeypointsEntry
from .config import CamerasConfig, Share
from .decoders import Batch, Guesses, PoseDecoder
from .geometry import Placement, wxyz_of
from .keypoint_net import KeypointNet, KeypointNetConfig, keypoint_loss
from .keypoint_reader import KeypointReader
from .object_map import CHANNELS, ObjectMap
from .photo import Photo
from .renders.shards import LAYERS
from .windows import CROP, AugmentConfig, Windows, augmented


@dataclass(frozen=True)
class KeypointConfig:
    """The keypoint decoder."""

    net: KeypointNetConfig = field(default_factory=KeypointNetConfig)
    """The network."""
    crop: Annotated[float, Range(0.1, 1)] = CROP
    """Edge of the second look's crop, as a share of the view."""
    whole_share: Share = 0.3
    """Share of training windows that show the whole view, as in the first look."""
    centre_jitter: Share = 0.07
    """Largest distance per axis of a training crop from the object's centre, as a share of the
    view: the errors of the first look."""
    first_weight: Annotated[float, Range(0, 100, open_low=True)] = 6.0
    """Weight in the loss of the points that do not move on an object with layers, the centres of a
    cube: the others are found from these."""
    mark_weight: Annotated[float, Range(0, 100, open_low=True)] = 8.0
    """Weight of the marks of layers in looks with a map, where all other points have 1: a mark is a
    few pixels of one sticker."""
    fit: FitConfig = field(default_factory=FitConfig)
    """The fit of the pose."""
    refine_share: Share = 0.0
    """Share of training windows that also show an estimated pose, as a map of object coordinates;
    at 0 the network has no such input."""
    refine_looks: Annotated[int, Range(1, 5)] = 2
    """Looks with such a map, after the two without, where the network has one."""
    refine_deg: Annotated[float, Range(0, 180)] = 25.0
    """Largest error of the estimated rotation in training."""
    refine_m: Annotated[float, Range(0, 0.1)] = 0.006
    """Standard deviation along each axis of the largest errors of the estimated position [m]."""


@dataclass(frozen=True)
class Scene:
    """What the decoder knows of the pictures: cameras, object, hand."""

    cameras: CamerasConfig
    keypoints: KeypointModel
    landmarks: Landmarks
    wrist: tuple[int, ...]
    """Indices of the hinges' joints in `joint_position`."""


class KeypointDecoder(PoseDecoder):
    """Keypoints of the object and landmarks of the palm, in two looks."""

    weights: Tensor
    """(K + L,) of the points in the loss of looks without a map; their mean is 1."""
    refined_weights: Tensor
    """The same with a map, which tells which point is which: all but the marks count the same."""

    def __init__(self, config: KeypointConfig, augment: AugmentConfig, scene: Scene) -> None:
        super().__init__()
        self.config, self.scene, self._augment = config, scene, augment
        count = len(scene.keypoints) + len(scene.landmarks)
        self.map = (
            ObjectMap(scene.keypoints, scene.cameras.pinhole) if config.refine_share else None
        )
        self.net = KeypointNet(config.net, count, CHANNELS if self.map else 0)
        model = scene.keypoints
        weights, refined = torch.ones(2, count)
        if model.hinges:
            weights[: len(model.points_m)] = config.first_weight
            refined[model.fitted : len(model)] = config.mark_weight
        self.register_buffer("weights", weights / weights.mean(), persistent=False)
        self.register_buffer("refined_weights", refined / refined.mean(), persistent=False)

    def loss(self, batch: Batch, photo: Photo, generator: torch.Generator) -> Tensor:
        """See `PoseDecoder`."""
        truth = self.true_pixels(batch)
        shape = truth.shape[:2]
        kind = torch.rand(shape, generator=generator).to(truth.device)
        refined = kind >= 1.0 - self.config.refine_share
        windows = self._windows(truth, kind < self.config.whole_share, generator)
        edge_px = self.config.net.input_px
        pictures = photo(windows.cut(batch["images"], edge_px), generator)
        pictures = pictures.contiguous(memory_format=torch.channels_last)
        extra = None
        if self.map:
            guess = refined[..., None, None] * self._guess(batch, generator)
            extra = self.map(windows, guess, edge_px)
        seen = self.net(pictures, extra)
        weights = torch.where(refined.flatten()[:, None], self.refined_weights, self.weights)
        return keypoint_loss(seen, windows.own(truth).flatten(0, 1), weights)

    def read(self, batch: Batch) -> Guesses:
        """See `PoseDecoder`."""
        known = len(self.scene.landmarks) and "joint_position" in batch
        landmarks = self.landmarks(batch) if known else None
        images = batch["images"].cpu().numpy()
        fits = self.reader()(images, told(batch, "camera"), landmarks)
        return Guesses(
            torch.tensor(np.array([fit.pose.position for fit in fits])).float(),
            torch.tensor(np.array([wxyz_of(fit.pose.rotation) for fit in fits])).float(),
            np.array([fit.error_m for fit in fits]),
            np.array([fit.error_rad for fit in fits]),
            np.array([fit.angles for fit in fits]),
        )

    def reader(self) -> KeypointReader:
        """Reads poses with this network in torch."""
        c, scene = self.config, self.scene
        self.net.eval()
        pinhole, model = scene.cameras.pinhole, scene.keypoints
        return KeypointReader(self._look, c.fit, pinhole, model, c.crop, self._refinements)

    @property
    def _refinements(self) -> int:
        return self.config.refine_looks if self.map else 0

    def graph(self) -> nn.Module:
        """See `PoseDecoder`."""
        return _Graph(self.net, self.map)

    def entry(self, error_limit_m: float) -> KeypointsEntry:
        """See `PoseDecoder`."""
        c, model = self.config, self.scene.keypoints
        palm = self.scene.landmarks
        return KeypointsEntry(
            model.points_m, c.crop, error_limit_m, palm, c.fit, model.hinges, self._refinements
        )

    def true_pixels(self, batch: Batch) -> Tensor:
        """Pixels (B, V, K + L, 2) of keypoints and landmarks, by the true cameras."""
        device = batch["position"].device
        model = torch.from_numpy(self.scene.keypoints.places(layers(batch))).float().to(device)
        points = model @ rotations(batch["wxyz"]).mT + batch["position"].unsqueeze(1)
        fixed = torch.from_numpy(self.landmarks(batch)).float().to(device)
        points = torch.cat((points, fixed), dim=1).unsqueeze(1)
        local = (points - batch["true_position"].unsqueeze(2)) @ batch["true_rotation"]
        half = 0.5 * self.scene.cameras.image_px
        focal = half / torch.tan(torch.deg2rad(0.5 * batch["true_fovy_deg"]))
        return half + focal[..., None, None] * local[..., :2] / local[..., 2:]

    def landmarks(self, batch: Batch) -> np.ndarray:
        """Places (B, L, 3) [m] of the landmarks, by the joints of each sample."""
        angles = batch["joint_position"].cpu().numpy()[:, list(self.scene.wrist)]
        return self.scene.landmarks.places(angles)

    def _guess(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Estimates (B, V, 3, 4) object_to_camera by the told cameras, with random errors."""
        device, count = batch["position"].device, len(batch["position"])
        share = torch.rand(count, 1, generator=generator).to(device)
        axis = torch.randn(count, 3, generator=generator).to(device)
        moved = torch.randn(count, 3, generator=generator).to(device)
        half = 0.5 * math.radians(self.config.refine_deg) * share
        axis = axis / axis.norm(dim=-1, keepdim=True)
        error = rotations(torch.cat((half.cos(), half.sin() * axis), dim=-1))
        rotation = (rotations(batch["wxyz"]) @ error).unsqueeze(1)
        position = batch["position"] + self.config.refine_m * share * moved
        camera = batch["camera_rotation"].mT
        away = (position.unsqueeze(1) - batch["camera_position"]).unsqueeze(-1)
        return torch.cat((camera @ rotation, camera @ away), dim=-1)

    def _windows(self, truth: Tensor, whole: Tensor, generator: torch.Generator) -> Windows:
        """A random window for each view: the whole view where `whole` (B, V), or a crop about the
        object."""
        size, shape = float(self.scene.cameras.image_px), truth.shape[:2]
        jitter = 2.0 * torch.rand((*shape, 2), generator=generator).to(truth.device) - 1.0
        centre = truth[:, :, : len(self.scene.keypoints)].mean(dim=2)
        reach = torch.where(whole, self._augment.shift, self.config.centre_jitter)
        centre = torch.where(whole.unsqueeze(-1), 0.5 * size, centre.clamp(0.0, size))
        side = torch.where(whole, 1.0, self.config.crop) * size
        windows = Windows.upright(centre + size * reach.unsqueeze(-1) * jitter, side)
        return augmented(windows, self._augment, generator)

    @torch.no_grad()
    def _look(
        self, images: np.ndarray, centre: np.ndarray, side: np.ndarray, estimate: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        device = next(self.net.parameters()).device
        given = (torch.from_numpy(array).to(device) for array in (images, centre, side, estimate))
        pixels, scales = look(self.net, self.map, *given)
        return pixels.cpu().numpy(), scales.cpu().numpy()


class _Graph(nn.Module):
    """The exported graph: pictures and windows -> pixels, scales."""

    def __init__(self, net: KeypointNet, drawn: ObjectMap | None) -> None:
        super().__init__()
        self.net, self.map = net, drawn

    def forward(
        self, images: Tensor, centre: Tensor, side: Tensor, estimate: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """(B, V, S, S, 3) uint8, (B, V, 2), (B, V), (B, V, 3, 4) -> (B, V, K, 2), (B, V, K)."""
        return look(self.net, self.map, images, centre, side, estimate)


def layers(batch: Batch) -> np.ndarray:
    """The true angles (B, J) of the object's layers."""
    if LAYERS not in batch:
        return np.zeros((len(batch["position"]), 0))
    return batch[LAYERS].cpu().numpy().astype(np.float64)


def told(batch: Batch, kind: str) -> list[list[Placement]]:
    """The cameras of each sample: `camera` as calibrated, `true` as rendered."""
    position, rotation = (
        batch[f"{kind}_{part}"].cpu().numpy().astype(np.float64)
        for part in ("position", "rotation")
    )
    rigs = zip(position, rotation, strict=True)
    return [[Placement(*at) for at in zip(*rig, strict=True)] for rig in rigs]


def look(
    net: KeypointNet,
    drawn: ObjectMap | None,
    images: Tensor,
    centre: Tensor,
    side: Tensor,
    estimate: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Keypoints in upright windows: pixels (B, V, K, 2) and scales (B, V, K) of the whole pictures.

    images: (B, V, S, S, 3) uint8; centre (B, V, 2) and side (B, V) in pixels; estimate: see
    `ObjectMap`.
    """
    windows, edge_px = Windows.upright(centre, side), net.config.input_px
    extra = None
    if drawn is not None and estimate is not None:
        extra = drawn(windows, estimate, edge_px)
    seen = net(windows.cut(images, edge_px), extra)
    # Reshaped, because the exporter knows no `unflatten`.
    pixels = windows.pixels(seen.points.reshape(*images.shape[:2], net.count, 2))
    scales = seen.log_scale.reshape(*images.shape[:2], net.count).exp()
    return pixels, 0.5 * side.unsqueeze(-1) * scales


def rotations(wxyz: Tensor) -> Tensor:
    """Unit quaternions (B, 4) -> rotation matrices (B, 3, 3)."""
    w, x, y, z = wxyz.unbind(-1)
    rows = (
        torch.stack((1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)), dim=-1),
        torch.stack((2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)), dim=-1),
        torch.stack((2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)), dim=-1),
    )
    return torch.stack(rows, dim=-2)
