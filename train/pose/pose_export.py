"""`sleight vision export`: adds the pose network of a run to a bundle, as `pose.onnx`."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import torch

from ...contract.bundle import MANIFEST, file_sha256, read_manifest, write_manifest
from ...contract.pose_entry import CameraEntry, KeypointsEntry, PoseEntry, pose_tensors
from ...envs.objects.object_spec import size_of
from ...errors import ConfigError
from ...folders import replaced_together
from ...vision.config import CamerasConfig, PicturesConfig, RenderConfig
from ...vision.decoders import PoseDecoder
from ...vision.geometry import wxyz_of
from ...vision.renders.object_states import keypoints_in, shown_in
from ...vision.renders.shards import open_renders
from ..export.onnx_export import export_graph
from .pose_evaluation import NetReader, judge
from .pose_learner import load_pose_run

GRAPH = "pose.onnx"


def export_pose(run: Path, bundle: Path, test: Path | None = None) -> PoseEntry:
    """Add the newest network of `run` to the bundle; returns its entry in the manifest.

    The bundle's policy does not change. test: renders for the scores and the confidence limit, by
    default those of the run. Raises CheckpointError, BundleError, ConfigError.
    """
    manifest = read_manifest(bundle / MANIFEST)
    config, decoder, renders = load_pose_run(run)
    size = size_of(shown_in(renders))
    if abs(size - manifest.task.object_size_m) > 1e-4:
        raise ConfigError(
            f"{run}: object_size_m: got {size}, allowed: {manifest.task.object_size_m}, the"
            " bundle's"
        )
    joints = manifest.task.object_joints
    if len(keypoints_in(renders).hinges) not in (0, len(joints)):
        raise ConfigError(
            f"{run}: object: got {renders.object}, allowed: {manifest.task.object}, the bundle's"
        )
    held_out = test or config.test
    if held_out is None:
        raise ConfigError(
            "--test: got nothing, allowed: a folder of renders with a different seed,"
            " for the scores and the limit of confidence"
        )
    judged = judge(NetReader(decoder), open_renders(held_out))
    table = judged.errors.table()
    scores = {
        f"{name}_{key}": table[name][key]
        for name in ("position_mm", "rotation_deg", "symmetric_deg")
        for key in ("median", "p90")
    }
    with replaced_together(bundle, MANIFEST) as new:
        entry = write_pose(decoder, renders, new, judged.limits, scores, judged.factors)
        write_manifest(new, replace(manifest, pose=entry))
    return entry


def write_pose(
    decoder: PoseDecoder,
    renders: RenderConfig,
    bundle: Path,
    limits: tuple[float, float],
    scores: dict[str, float],
    factors: tuple[float, float] = (1.0, 1.0),
) -> PoseEntry:
    """Export the graph atomically, with a batch size of one; returns its entry in the manifest.

    limits: errors [m], [rad] beyond which the robot rejects a pose; factors: see `KeypointsEntry`.
    """
    keypoints = decoder.entry(max(limits[0], 1e-6))
    if keypoints is not None:
        keypoints = replace(keypoints, error_factors=factors)
    entry = pose_entry(renders, max(math.degrees(limits[1]), 1e-3), scores, keypoints)
    inputs, outputs = pose_tensors(entry)
    types = {"tensor(uint8)": torch.uint8, "tensor(float)": torch.float32}
    # Ones, because a window without an edge has no inverse.
    example = tuple(torch.ones(shape, dtype=types[kind]) for shape, kind in inputs.values())
    export_graph(decoder.graph(), example, bundle / GRAPH, tuple(inputs), tuple(outputs))
    decoder.eval()
    return replace(entry, sha256=file_sha256(bundle / GRAPH))


def camera_entries(rig: CamerasConfig) -> dict[str, CameraEntry]:
    """The nominal cameras for a manifest."""
    cameras = {}
    for name, view in rig.views.items():
        at = view.placement()
        x, y, z = map(float, at.position)
        w, *xyz = map(float, wxyz_of(at.rotation))
        cameras[name] = CameraEntry((x, y, z), (w, xyz[0], xyz[1], xyz[2]))
    return cameras


def placement_range(config: PicturesConfig) -> tuple[float, float]:
    """Largest distance [m] and rotation [degrees] of a camera from its place, in training."""
    jitter, _ = config.scaled()
    return max(jitter.placement_m, 1e-3), max(jitter.placement_deg, 0.1)


def pose_entry(
    config: RenderConfig,
    spread_limit_deg: float,
    scores: dict[str, float],
    keypoints: KeypointsEntry | None,
) -> PoseEntry:
    """The manifest entry of a `pose.onnx`, still without its checksum."""
    placement_m, placement_deg = placement_range(config)
    return PoseEntry(
        file=GRAPH,
        sha256="",
        image_px=config.cameras.image_px,
        fovy_deg=config.cameras.fovy_deg,
        cameras=camera_entries(config.cameras),
        placement_m=placement_m,
        placement_deg=placement_deg,
        spread_limit_deg=spread_limit_deg,
        object_size_m=size_of(shown_in(config)),
        scores=scores,
        keypoints=keypoints,
    )
