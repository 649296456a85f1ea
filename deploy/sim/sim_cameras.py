"""What the simulated rig's cameras are, and how they differ from the nominal ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

import numpy as np

from ...config import Range
from ...vision.config import CamerasConfig
from ...vision.geometry import Placement, turn
from ..calibration.board_config import BoardConfig

Port = Annotated[int, Range(0, 65535)]
Pixels = Annotated[int, Range(16, 4096)]
Jitter = Annotated[float, Range(0, 1)]


@dataclass(frozen=True)
class RigCamerasConfig:
    """Cameras of the simulated rig."""

    port: Port = 7413
    """Where they stream; 0 takes a free port."""
    fps: Annotated[float, Range(0.1, 240)] = 30.0
    """Frames per second of each camera, as far as the machine renders them."""
    size: tuple[Pixels, Pixels] = (200, 200)
    """Width and height."""
    fovy_deg: Annotated[float, Range(5, 120)] = 34.0
    """Nominal field of view."""
    error_m: Jitter = 0.004
    """Standard deviation, along each axis, of where a camera really stands."""
    error_deg: Annotated[float, Range(0, 30)] = 1.0
    """Standard deviation of how it is really turned, about each axis."""
    error_fov_deg: Annotated[float, Range(0, 10)] = 0.5
    """Standard deviation of its real field of view."""
    noise: Jitter = 0.02
    """Standard deviation of a pixel."""
    looks: Annotated[float, Range(0, 3)] = 0.5
    """Strength of the difference of light and colours from the nominal ones."""
    show: Literal["hand", "board", "moving_board"] = "hand"
    """The hand and the block; or for calibration the board, in its seat or moved about."""
    board: BoardConfig = field(default_factory=BoardConfig)
    """That board."""
    rig: CamerasConfig = field(default_factory=CamerasConfig)
    """Where the cameras nominally stand."""


@dataclass(frozen=True)
class HiddenCameras:
    """The cameras of one rig, as they really are."""

    placements: tuple[Placement, ...]
    fovy_deg: np.ndarray
    """(V,)"""


def hidden_cameras(config: RigCamerasConfig, seed: int) -> HiddenCameras:
    """Where the cameras of rig `seed` really stand, and how wide they really see."""
    rng = np.random.default_rng([seed, 0xCA3])
    placements = tuple(
        view.placement().moved(
            config.error_m * rng.standard_normal(3),
            np.radians(config.error_deg) * rng.standard_normal(3),
        )
        for view in config.rig.views.values()
    )
    fovy = config.fovy_deg + config.error_fov_deg * rng.standard_normal(len(placements))
    return HiddenCameras(placements, fovy)


def moved_board(config: BoardConfig, camera: Placement, rng: np.random.Generator) -> Placement:
    """A board held before a camera: tilted, turned, near or far, its front towards the lens."""
    away = rng.uniform(0.25, 0.42)
    middle = np.array([*(0.12 * away * rng.uniform(-1, 1, 2)), away])
    rotation = turn(np.array([0, 0, rng.uniform(-0.4, 0.4)])) @ turn(
        np.array([*rng.uniform(-0.6, 0.6, 2), 0.0])
    )
    in_camera = Placement(middle - rotation @ config.middle, rotation)
    return camera.after(in_camera)
