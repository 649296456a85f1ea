"""What a rig file says of one camera, and the files that its calibration leaves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np

from ...config import Range, load
from ...errors import ConfigError
from ...vision.geometry import Pinhole, Placement, matrix_of

STREAM = "rig:"
"""What the address of a simulated rig's stream begins with."""
Pixels = Annotated[int, Range(16, 8192)]
Metres = Annotated[float, Range(-10, 10)]
Unit = Annotated[float, Range(-1, 1)]
Positive = Annotated[float, Range(0, 1e6, open_low=True)]


@dataclass(frozen=True)
class CameraConfig:
    """One camera."""

    name: str
    """Its name in the pose network, in logs and in reports."""
    device: str
    """/dev/v4l/by-id/..., a video file, or rig:HOST:PORT for a simulated rig's stream of this name,
    rig:HOST:PORT/OTHER for another one."""
    size: tuple[Pixels, Pixels] = (640, 480)
    """Width and height [pixels]; a file or a stream has its own, which must be this."""
    fps: Annotated[float, Range(1, 1000)] = 60.0
    """Frames per second that a device is asked for."""
    fourcc: str = "MJPG"
    """Pixel format that a device is asked for."""
    exposure: Annotated[float, Range(0, 1e6)] = 80.0
    """Fixed exposure, in the device's unit."""
    gain: Annotated[float, Range(0, 1e6)] | None = None
    """Fixed gain; none leaves the device's."""
    white_balance_k: Annotated[float, Range(1000, 20000)] = 4600.0
    """Fixed white balance [kelvin]."""
    intrinsics: Path | None = None
    """From `sleight rig calibrate cameras`."""
    extrinsics: Path | None = None
    """From `sleight rig calibrate extrinsics`."""

    def __post_init__(self) -> None:
        if len(self.fourcc) != 4:
            raise ConfigError(f"fourcc: got {self.fourcc!r}, allowed: four letters such as MJPG")


@dataclass(frozen=True)
class Intrinsics:
    """A camera's inside, as it was calibrated; a YAML file."""

    camera: str
    size: tuple[Pixels, Pixels]
    focal_px: tuple[Positive, Positive]
    centre_px: tuple[float, float]
    """Pixel (0.5, 0.5) is the middle of the upper left one."""
    distortion: tuple[float, float, float, float, float]
    """k1, k2, p1, p2, k3 of OpenCV's model (Brown 1971)."""
    rms_px: Annotated[float, Range(0, 1e3)] = 0.0
    """Residual of the calibration."""
    views: Annotated[int, Range(0, 10_000)] = 0
    """Pictures of the board that it comes from."""

    @property
    def pinhole(self) -> Pinhole:
        """Without the distortion."""
        return Pinhole(*self.size, self.focal_px, self.centre_px)


@dataclass(frozen=True)
class Extrinsics:
    """Where a camera stands, as it was calibrated; a YAML file."""

    camera: str
    position_m: tuple[Metres, Metres, Metres]
    """camera_to_palm."""
    wxyz: tuple[Unit, Unit, Unit, Unit]
    rms_px: Annotated[float, Range(0, 1e3)] = 0.0
    """Residual of the board's corners."""
    frames: Annotated[int, Range(0, 10_000)] = 0
    """Pictures of the board that it comes from."""

    def __post_init__(self) -> None:
        length = float(np.linalg.norm(self.wxyz))
        if abs(length - 1.0) > 1e-3:
            raise ConfigError(f"wxyz: got length {length:.4f}, allowed: 1")

    @property
    def placement(self) -> Placement:
        """camera_to_palm."""
        return Placement(np.array(self.position_m), matrix_of(np.array(self.wxyz)))


def intrinsics_of(camera: CameraConfig) -> Intrinsics:
    """The camera's file. Raises ConfigError when there is none, or one of another camera."""
    if camera.intrinsics is None:
        raise ConfigError(
            f"cameras: {camera.name}: intrinsics: got null, allowed: a file;"
            " run: sleight rig calibrate cameras"
        )
    found = load(Intrinsics, camera.intrinsics)
    _same(camera, found.camera, camera.intrinsics)
    if found.size != camera.size:
        raise ConfigError(
            f"{camera.intrinsics}: size: got {found.size}, allowed: {camera.size}, the camera's"
        )
    return found


def extrinsics_of(camera: CameraConfig) -> Extrinsics:
    """The camera's file. Raises ConfigError when there is none, or one of another camera."""
    if camera.extrinsics is None:
        raise ConfigError(
            f"cameras: {camera.name}: extrinsics: got null, allowed: a file;"
            " run: sleight rig calibrate extrinsics"
        )
    found = load(Extrinsics, camera.extrinsics)
    _same(camera, found.camera, camera.extrinsics)
    return found


def _same(camera: CameraConfig, found: str, path: Path) -> None:
    if found != camera.name:
        raise ConfigError(f"{path}: camera: got {found}, allowed: {camera.name}")
