"""Config of a camera in the rig file, and the files of its calibration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np

from ...config import Range, load
from ...errors import ConfigError
from ...vision.geometry import Pinhole, Placement, matrix_of

STREAM = "rig:"
"""Prefix of the address of a camera stream of a simulated rig."""
Pixels = Annotated[int, Range(16, 8192)]
Metres = Annotated[float, Range(-10, 10)]
Unit = Annotated[float, Range(-1, 1)]
Positive = Annotated[float, Range(0, 1e6, open_low=True)]


@dataclass(frozen=True)
class CameraConfig:
    """One camera."""

    name: str
    """Name of the camera in the pose network, logs and reports."""
    device: str
    """/dev/v4l/by-id/..., a video file, rig:HOST:PORT for the stream with this name of a simulated
    rig, or rig:HOST:PORT/OTHER for its stream OTHER."""
    size: tuple[Pixels, Pixels] = (640, 480)
    """Width and height in pixels; the size of a file or a stream must match it."""
    fps: Annotated[float, Range(1, 1000)] = 60.0
    """Frame rate in Hz that is requested from a device."""
    fourcc: str = "MJPG"
    """Pixel format that is requested from a device, a four-letter code."""
    exposure: Annotated[float, Range(0, 1e6)] = 80.0
    """Fixed exposure, in the device's unit."""
    gain: Annotated[float, Range(0, 1e6)] | None = None
    """Fixed gain, in the device's unit; null keeps the device's default."""
    white_balance_k: Annotated[float, Range(1000, 20000)] = 4600.0
    """Fixed white balance in kelvin."""
    intrinsics: Path | None = None
    """File with the intrinsics, from `sleight rig calibrate cameras`."""
    extrinsics: Path | None = None
    """File with the extrinsics, from `sleight rig calibrate extrinsics`."""

    def __post_init__(self) -> None:
        if len(self.fourcc) != 4:
            raise ConfigError(f"fourcc: got {self.fourcc!r}, allowed: four letters such as MJPG")


@dataclass(frozen=True)
class Intrinsics:
    """Calibrated intrinsics of a camera; stored as a YAML file."""

    camera: str
    size: tuple[Pixels, Pixels]
    focal_px: tuple[Positive, Positive]
    centre_px: tuple[float, float]
    """Principal point; (0.5, 0.5) is the centre of the upper left pixel."""
    distortion: tuple[float, float, float, float, float]
    """k1, k2, p1, p2, k3 of OpenCV's model (Brown 1971)."""
    rms_px: Annotated[float, Range(0, 1e3)] = 0.0
    """Residual of the calibration (root mean square)."""
    views: Annotated[int, Range(0, 10_000)] = 0
    """Number of images of the board in the calibration."""

    @property
    def pinhole(self) -> Pinhole:
        """The camera model without distortion."""
        return Pinhole(*self.size, self.focal_px, self.centre_px)


@dataclass(frozen=True)
class Extrinsics:
    """Calibrated pose of a camera; stored as a YAML file."""

    camera: str
    position_m: tuple[Metres, Metres, Metres]
    """Position: camera_to_palm."""
    wxyz: tuple[Unit, Unit, Unit, Unit]
    """Orientation: camera_to_palm."""
    rms_px: Annotated[float, Range(0, 1e3)] = 0.0
    """Reprojection error of the board's corners (root mean square)."""
    frames: Annotated[int, Range(0, 10_000)] = 0
    """Number of images of the board in the calibration."""

    def __post_init__(self) -> None:
        length = float(np.linalg.norm(self.wxyz))
        if abs(length - 1.0) > 1e-3:
            raise ConfigError(f"wxyz: got length {length:.4f}, allowed: 1")

    @property
    def placement(self) -> Placement:
        """camera_to_palm."""
        return Placement(np.array(self.position_m), matrix_of(np.array(self.wxyz)))


def intrinsics_of(camera: CameraConfig) -> Intrinsics:
    """Load the camera's file. Raises ConfigError if there is none, or it is of another camera."""
    if camera.intrinsics is None:
        raise ConfigError(
            f"cameras: {camera.name}: intrinsics: got null, allowed: a file;"
            " run: sleight rig calibrate cameras"
        )
    intrinsics = load(Intrinsics, camera.intrinsics)
    _check_name(camera, intrinsics.camera, camera.intrinsics)
    if intrinsics.size != camera.size:
        raise ConfigError(
            f"{camera.intrinsics}: size: got {intrinsics.size},"
            f" allowed: {camera.size}, the camera's"
        )
    return intrinsics


def extrinsics_of(camera: CameraConfig) -> Extrinsics:
    """Load the camera's file. Raises ConfigError if there is none, or it is of another camera."""
    if camera.extrinsics is None:
        raise ConfigError(
            f"cameras: {camera.name}: extrinsics: got null, allowed: a file;"
            " run: sleight rig calibrate extrinsics"
        )
    extrinsics = load(Extrinsics, camera.extrinsics)
    _check_name(camera, extrinsics.camera, camera.extrinsics)
    return extrinsics


def _check_name(camera: CameraConfig, name: str, path: Path) -> None:
    if name != camera.name:
        raise ConfigError(f"{path}: camera: got {name}, allowed: {camera.name}")
