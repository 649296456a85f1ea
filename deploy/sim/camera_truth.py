"""Writes calibration files with the true cameras of the simulated rig.

For tests and benchmarks only: in an evaluation the rig is calibrated by its pictures
(calibrate.py).
"""

from __future__ import annotations

from pathlib import Path

from ...config import save
from ...vision.geometry import Pinhole, wxyz_of
from ..cameras.camera_config import STREAM, CameraConfig, Extrinsics, Intrinsics
from .sim_cameras import RigCamerasConfig, hidden_cameras


def write_truth(
    folder: Path, config: RigCamerasConfig, seed: int, host: str, port: int
) -> tuple[CameraConfig, ...]:
    """Write the files of the cameras of rig `seed`; returns the entries for a rig file."""
    truth = hidden_cameras(config, seed)
    entries = []
    for index, name in enumerate(config.rig.views):
        hole = Pinhole.of_fov(*config.size, float(truth.fovy_deg[index]))
        inside, outside = folder / f"{name}.intrinsics.yaml", folder / f"{name}.extrinsics.yaml"
        save(Intrinsics(name, config.size, hole.focal_px, hole.centre_px, (0.0,) * 5), inside)
        at = truth.placements[index]
        x, y, z = map(float, at.position)
        w, i, j, k = map(float, wxyz_of(at.rotation))
        save(Extrinsics(name, (x, y, z), (w, i, j, k)), outside)
        device = f"{STREAM}{host}:{port}"
        entries.append(
            CameraConfig(name, device, config.size, intrinsics=inside, extrinsics=outside)
        )
    return tuple(entries)
