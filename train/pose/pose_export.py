"""`sleight vision export`: adds the pose network of a run to a bundle, as `pose.onnx`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from ...contract.bundle import MANIFEST, file_sha256, read_manifest, write_manifest
from ...contract.pose_entry import CameraEntry, PoseEntry
from ...errors import ConfigError
from ...vision.config import CamerasConfig, RenderConfig
from ...vision.geometry import wxyz_of
from ...vision.pose_net import PoseNet
from ...vision.renders.shards import open_renders
from ..export.onnx_export import export_graph
from .pose_evaluation import NetReader, judge
from .pose_learner import load_pose_run

GRAPH = "pose.onnx"


class PoseGraph(nn.Module):
    """The exported graph: uint8 pictures of the cameras -> position, rotation, spread_rad."""

    def __init__(self, net: PoseNet) -> None:
        super().__init__()
        self.net = net

    def forward(
        self, images: Tensor, camera_position: Tensor, camera_rotation: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """(B, V, S, S, 3), (B, V, 3), (B, V, 3, 3) -> (B, 3), (B, 3, 3), (B,)."""
        guess = self.net(images.float() / 255.0, camera_position, camera_rotation)
        return guess.position, guess.rotation, guess.spread_rad


def export_pose(run: Path, bundle: Path, test: Path | None = None) -> PoseEntry:
    """Add the newest network of `run` to the bundle; returns its entry in the manifest.

    The bundle's policy does not change. test: renders for the scores and the confidence limit, by
    default those of the run. Raises CheckpointError, BundleError, ConfigError.
    """
    manifest = read_manifest(bundle / MANIFEST)
    config, net, renders = load_pose_run(run)
    size = renders.object_size_m
    if abs(size - manifest.task.object_size_m) > 1e-4:
        raise ConfigError(
            f"{run}: object_size_m: got {size}, allowed: {manifest.task.object_size_m}, the"
            " bundle's"
        )
    held_out = test or config.test
    if held_out is None:
        raise ConfigError(
            "--test: got nothing, allowed: a folder of renders with a different seed,"
            " for the scores and the limit of confidence"
        )
    judged = judge(NetReader(net), open_renders(held_out))
    write_pose_graph(net, renders.cameras, bundle / GRAPH)
    table = judged.errors.table()
    scores = {
        f"{name}_{key}": table[name][key]
        for name in ("position_mm", "rotation_deg", "symmetric_deg")
        for key in ("median", "p90")
    }
    entry = pose_entry(renders, bundle, max(judged.spread_limit_deg, 1e-3), scores)
    write_manifest(bundle, replace(manifest, pose=entry))
    return entry


def write_pose_graph(net: PoseNet, cameras: CamerasConfig, path: Path) -> None:
    """Export atomically, with a batch size of one."""
    views, edge = len(cameras.views), cameras.image_px
    # eval() on the wrapper: the exporter switches the wrapped network with it.
    graph = PoseGraph(net).eval()
    example = (
        torch.zeros(1, views, edge, edge, 3, dtype=torch.uint8),
        torch.zeros(1, views, 3),
        torch.eye(3).expand(1, views, 3, 3).clone(),
    )
    inputs = ("images", "camera_position", "camera_rotation")
    export_graph(graph, example, path, inputs, ("position", "rotation", "spread_rad"))


def pose_entry(
    config: RenderConfig, bundle: Path, spread_limit_deg: float, scores: dict[str, float]
) -> PoseEntry:
    """The manifest entry of the bundle's `pose.onnx`."""
    cameras = {}
    for name, view in config.cameras.views.items():
        at = view.placement()
        x, y, z = map(float, at.position)
        w, *xyz = map(float, wxyz_of(at.rotation))
        cameras[name] = CameraEntry((x, y, z), (w, xyz[0], xyz[1], xyz[2]))
    return PoseEntry(
        file=GRAPH,
        sha256=file_sha256(bundle / GRAPH),
        image_px=config.cameras.image_px,
        fovy_deg=config.cameras.fovy_deg,
        cameras=cameras,
        placement_m=max(config.strength * config.jitter.placement_m, 1e-3),
        placement_deg=max(config.strength * config.jitter.placement_deg, 0.1),
        spread_limit_deg=spread_limit_deg,
        object_size_m=config.object_size_m,
        scores=scores,
    )
