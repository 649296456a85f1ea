"""Config of the simulated rig's cameras, and their hidden differences from the nominal ones."""

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
    """TCP port of the camera streams; 0: a free port."""
    fps: Annotated[float, Range(0.1, 240)] = 30.0
    """Frames per second of each camera, if the machine can render that many."""
    size: tuple[Pixels, Pixels] = (200, 200)
    """Width and height of a picture [pixels]."""
    fovy_deg: Annotated[float, Range(5, 120)] = 34.0
    """Nominal vertical field of view [degrees]."""
    error_m: Jitter = 0.004
    """Standard deviation of a camera's position error along each axis [m]."""
    error_deg: Annotated[float, Range(0, 30)] = 1.0
    """Standard deviation of a camera's rotation error about each axis [degrees]."""
    error_fov_deg: Annotated[float, Range(0, 10)] = 0.5
    """Standard deviation of the error of the field of view [degrees]."""
    noise: Jitter = 0.02
    """Standard deviation of the pixel noise; 1 is the full range."""
    looks: Annotated[float, Range(0, 3)] = 0.5
    """Strength of the differences of light and colours from the nominal ones."""
    show: Literal["hand", "board", "moving_board"] = "hand"
    """What the cameras show: the hand with the block, or the calibration board, fixed or moving."""
    board: BoardConfig = field(default_factory=BoardConfig)
    """The calibration board."""
    rig: CamerasConfig = field(default_factory=CamerasConfig)
    """Nominal poses of the cameras."""


@dataclass(frozen=True)
class HiddenCameras:
    """The true cameras of one rig."""

    placements: tuple[Placement, ...]
    fovy_deg: np.ndarray
    """(V,)"""


def hidden_cameras(config: RigCamerasConfig, seed: int) -> HiddenCameras:
    """The true poses and fields of view of the cameras of rig `seed`."""
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
    """A random pose of a board in front of a camera, tilted and turned, facing the lens."""
    away = rng.uniform(0.25, 0.42)
    middle = np.array([*(0.12 * away * rng.uniform(-1, 1, 2)), away])
    rotation = turn(np.array([0, 0, rng.uniform(-0.4, 0.4)])) @ turn(
        np.array([*rng.uniform(-0.6, 0.6, 2), 0.0])
    )
    in_camera = Placement(middle - rotation @ config.middle, rotation)
    return camera.after(in_camera)
