"""A pose network from a run or a bundle, with what its renders have to look like."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

from ...contract.bundle import MANIFEST, load_bundle
from ...contract.pose_entry import PoseEntry
from ...envs.config import EnvConfig
from ...envs.objects.object_spec import OBJECTS
from ...shipped import shipped
from ...vision.config import RenderConfig
from ...vision.live.pose_eyes import cameras_of
from ...vision.onnx_pose import OnnxPose
from .pose_evaluation import GraphReader, NetReader, Reader
from .pose_learner import load_pose_run


@dataclass(frozen=True)
class PoseNetwork:
    """A network that reads poses from renders."""

    reader: Reader
    renders: RenderConfig
    """Renders at strength 1 of its cameras and its object."""
    period_s: float = EnvConfig().period_s
    """Period of the policy's control."""
    seed: int | None = None
    """Seed of the renders that it was trained on, if that is known."""
    limits: tuple[float, float] | None = None
    """Predicted errors [m] and [rad] beyond which the robot rejects a pose; only of a bundle."""


def open_network(path: Path) -> PoseNetwork:
    """The network of a run of `vision train` or of a bundle. Raises SleightError."""
    path = shipped(path)
    if not (path / MANIFEST).is_file():
        _, decoder, trained = load_pose_run(path)
        renders = RenderConfig(
            cameras=trained.cameras, object=trained.object, object_size_m=trained.object_size_m
        )
        return PoseNetwork(NetReader(decoder), renders, seed=trained.seed)
    bundle = load_bundle(path)
    graph, entry = bundle.pose_graph, bundle.manifest.pose
    assert entry is not None
    limits = None
    if entry.keypoints:
        limits = entry.keypoints.error_limit_m, math.radians(entry.spread_limit_deg)
    return PoseNetwork(
        GraphReader(OnnxPose(graph, entry)),
        _renders_of(entry),
        bundle.manifest.control.period_s,
        limits=limits,
    )


def _renders_of(entry: PoseEntry) -> RenderConfig:
    """Renders of the object with as many keypoints; the block for a network without any."""
    renders = RenderConfig(cameras=cameras_of(entry), object_size_m=entry.object_size_m)
    count = len(entry.keypoints.model) if entry.keypoints else 0
    for name, spec in OBJECTS.everything().items():
        if spec.keypoints and len(spec.keypoint_model(1.0)) == count:
            return replace(renders, object=name)
    return renders
