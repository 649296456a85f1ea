"""`Eye`: a camera with its calibration, and the cameras that a bundle's graph reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...contract.pose_entry import ImagesEntry, PoseEntry
from ...errors import ConfigError
from ...vision.geometry import Placement, matrix_of
from .camera_config import CameraConfig, extrinsics_of, intrinsics_of
from .camera_threads import Camera, Frame
from .rectify import Rectifier


@dataclass(frozen=True)
class Eye:
    """A camera with its calibration."""

    camera: Camera
    rectifier: Rectifier
    placement: Placement


def eyes_of(
    cameras: Sequence[CameraConfig],
    opened: Mapping[str, Camera],
    entry: PoseEntry | ImagesEntry,
) -> list[Eye]:
    """The `opened` cameras that a graph reads, in its order. Raises ConfigError."""
    return [
        Eye(
            opened[camera.name],
            Rectifier(intrinsics_of(camera), entry.image_px, entry.fovy_deg),
            extrinsics_of(camera).placement,
        )
        for camera in match_cameras(cameras, entry)
    ]


def skew_s(frames: Sequence[Frame]) -> float:
    """Time between the first and the last of the frames."""
    times = [frame.time_s for frame in frames]
    return max(times) - min(times)


def match_cameras(
    cameras: Sequence[CameraConfig], entry: PoseEntry | ImagesEntry
) -> list[CameraConfig]:
    """The graph's cameras in its order; each must stand near its place in training.

    Raises ConfigError for a camera that is missing, uncalibrated, misplaced or swapped.
    """
    by_name = {camera.name: camera for camera in cameras}
    missing = [name for name in entry.cameras if name not in by_name]
    if missing:
        got = ", ".join(by_name) or "none"
        raise ConfigError(
            f"cameras: got {got}, allowed: {', '.join(entry.cameras)}, the cameras of"
            " the bundle's graph"
        )
    nominal = {
        name: Placement(np.array(camera.position_m), matrix_of(np.array(camera.wxyz)))
        for name, camera in entry.cameras.items()
    }
    # The half diagonal of the box of placements in training, and the same again for the mount.
    reach_m, reach_deg = 2 * 3**0.5 * entry.placement_m, 2 * entry.placement_deg
    for name in entry.cameras:
        camera = by_name[name]
        at = extrinsics_of(camera).placement
        away_m, away_rad = at.distances(nominal[name])
        if away_m > reach_m or np.degrees(away_rad) > reach_deg:
            near = min(nominal, key=lambda other: at.distances(nominal[other])[0])
            hint = f"; it stands where {near} should, are they swapped?" if near != name else ""
            raise ConfigError(
                f"{camera.extrinsics}: got {1e3 * away_m:.0f} mm and {np.degrees(away_rad):.1f} deg"
                f" from the place of {name} in training, allowed: {1e3 * reach_m:.0f} mm and"
                f" {reach_deg:.1f} deg{hint}"
            )
    return [by_name[name] for name in entry.cameras]
