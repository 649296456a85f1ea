"""Config of cameras and randomized renders. The robot imports it; it needs no MuJoCo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np

from ..config import Range
from ..errors import ConfigError
from .geometry import Pinhole, Placement, looking_at

Share = Annotated[float, Range(0, 1)]
Positive = Annotated[float, Range(0, 1e6, open_low=True)]
Metres = Annotated[float, Range(-10, 10)]
Point = tuple[Metres, Metres, Metres]
Jitter = Annotated[float, Range(0, 10)]
Pair = tuple[Annotated[float, Range(0, 100)], Annotated[float, Range(0, 100)]]
LIGHT_TOTAL, AMBIENT = 1.0, 0.34
"""Brightness of the nominal rig: the sum of its lights, and the ambient light."""


@dataclass(frozen=True)
class ViewConfig:
    """Nominal pose of one camera, in the palm's frame: fingers along -y, z up."""

    position_m: Point
    """Position of the camera."""
    target_m: Point = (0.0, -0.05, 0.035)
    """Point in the centre of its image."""
    up: Point = (0.0, 0.0, 1.0)
    """Direction of the upper edge of its image."""

    def placement(self) -> Placement:
        """camera_to_palm."""
        return looking_at(*map(np.array, (self.position_m, self.target_m, self.up)))


def _three_views() -> dict[str, ViewConfig]:
    return {
        "left": ViewConfig((0.30, -0.22, 0.27)),
        "right": ViewConfig((-0.30, -0.22, 0.27)),
        "top": ViewConfig((0.0, -0.09, 0.46), up=(0.0, 1.0, 0.0)),
    }


@dataclass(frozen=True)
class CamerasConfig:
    """The cameras of the nominal rig."""

    image_px: Annotated[int, Range(16, 512)] = 128
    """Edge length in pixels of the network's square images; real images are resampled to it."""
    fovy_deg: Annotated[float, Range(5, 120)] = 22.0
    """Vertical field of view of these images; by default the block fills a third of it."""
    views: dict[str, ViewConfig] = field(default_factory=_three_views)
    """The cameras by name, in the network's order."""

    def __post_init__(self) -> None:
        if not self.views:
            raise ConfigError("cameras.views: got none, allowed: one or more cameras")

    @property
    def pinhole(self) -> Pinhole:
        """The intrinsics of every camera."""
        return Pinhole.of_fov(self.image_px, self.image_px, self.fovy_deg)


@dataclass(frozen=True)
class CameraJitter:
    """Randomization of the cameras about the nominal rig, at strength 1."""

    placement_m: Jitter = 0.015
    """Largest known shift along each axis; like a calibration, the network's input includes it."""
    placement_deg: Jitter = 3.0
    """Largest known rotation."""
    error_m: Jitter = 0.0015
    """Largest unknown shift along each axis (Learning Dexterous In-Hand Manipulation, table 12)."""
    error_deg: Jitter = 0.5
    """Largest unknown rotation."""
    error_fov_deg: Jitter = 0.5
    """Largest unknown error of the field of view."""

    def scaled(self, strength: float) -> CameraJitter:
        """Every range times `strength`."""
        names = (field.name for field in fields(self))
        return CameraJitter(**{name: strength * getattr(self, name) for name in names})


@dataclass(frozen=True)
class LooksConfig:
    """Randomization of colours and lights, at strength 1: narrow on the object, wide elsewhere."""

    block_hue_deg: Jitter = 4.0
    """Largest change of the hues of the object's faces (table 12: 1 % of the circle)."""
    block_saturation: Share = 0.15
    """Largest relative change of each face's saturation."""
    block_value: Share = 0.15
    """Largest relative change of each face's brightness."""
    light_total: Pair = (0.5, 1.6)
    """Range of the sum of the lights' brightness."""
    ambient: Pair = (0.15, 0.5)
    """Range of the brightness of the ambient light."""
    light_direction: Share = 1.0
    """Randomness of the direction of one to four lights: 0 nominal, 1 any direction from above."""
    light_tint: Share = 0.15
    """Largest relative change of each light's red, green and blue."""
    shadow_share: Share = 0.2
    """Share of renders with shadows; shadows triple the render time."""
    plain_share: Share = 0.3
    """Share of renders with a hand of one colour, like a real one; the others have one per part."""
    hand_colour: Share = 1.0
    """Randomness of the hand's colour: 0 grey, 1 any colour."""
    hand_gloss: Annotated[float, Range(0, 3)] = 1.0
    """Largest relative change of the specular reflection of the materials."""
    background_colour: Share = 1.0
    """Randomness of floor and sky: 0 grey, 1 any pattern."""
    distractors: Annotated[int, Range(0, 3)] = 3
    """Largest number of distractor objects in the background."""

    def scaled(self, strength: float) -> LooksConfig:
        """Every range scaled by `strength` about its nominal value; shares of renders are kept."""
        s, full = strength, min(strength, 1.0)
        return replace(
            self,
            block_hue_deg=s * self.block_hue_deg,
            block_saturation=s * self.block_saturation,
            block_value=s * self.block_value,
            light_total=_about(LIGHT_TOTAL, self.light_total, s),
            ambient=_about(AMBIENT, self.ambient, s),
            light_direction=full * self.light_direction,
            light_tint=s * self.light_tint,
            hand_colour=full * self.hand_colour,
            hand_gloss=s * self.hand_gloss,
            background_colour=full * self.background_colour,
            distractors=self.distractors if s else 0,
        )


def _about(nominal: float, ends: Pair, strength: float) -> Pair:
    low, high = (nominal + strength * (end - nominal) for end in ends)
    return low, high


@dataclass(frozen=True)
class StatesConfig:
    """Which states are rendered: settled states as in the resets of training, or states of a
    policy."""

    file: Path | None = None
    """States that `sleight vision states` has recorded, to sample from; none: settled states."""
    count: Annotated[int, Range(1, 100_000)] = 512
    """Number of settled states to sample from where there is no file."""
    unchanged_share: Share = 0.2
    """Fraction of samples that are such a state, unchanged (appendix D.2)."""
    rotated_share: Share = 0.4
    """Fraction whose object is rotated by the symmetry group of the cube, so that every face is
    seen everywhere."""
    jitter_m: Jitter = 0.01
    """In the others the object is also moved: standard deviation along each axis [m]."""
    jitter_deg: Annotated[float, Range(0, 180)] = 25.0
    """In the others the object is also rotated, by up to this angle [degrees]."""
    renamed: ClassVar[Mapping[str, str]] = {"as_is": "unchanged_share", "turned": "rotated_share"}

    def __post_init__(self) -> None:
        if self.unchanged_share + self.rotated_share > 1.0:
            raise ConfigError(
                f"states: got unchanged_share {self.unchanged_share} and rotated_share"
                f" {self.rotated_share},"
                " allowed: shares that add up to at most 1"
            )


@dataclass(frozen=True)
class PicturesConfig:
    """How pictures are drawn and rendered, from states of whatever source."""

    strength: Annotated[float, Range(0, 3)] = 1.0
    """Strength of the randomization, a factor on every range; 0: the nominal rig and light."""
    jitter: CameraJitter = field(default_factory=CameraJitter)
    """Randomization of the cameras."""
    looks: LooksConfig = field(default_factory=LooksConfig)
    """Randomization of colours and lights."""
    supersample: Annotated[int, Range(1, 4)] = 2
    """Each pixel is the mean of a square of this many rendered ones, as a sensor averages."""
    workers: Annotated[int, Range(1, 256)] = 1
    """Number of render processes at the same time."""
    restarts: Annotated[int, Range(0, 1000)] = 5
    """Restarts of processes that die, before the job fails."""

    def scaled(self) -> tuple[CameraJitter, LooksConfig]:
        """The ranges, scaled by the strength."""
        return self.jitter.scaled(self.strength), self.looks.scaled(self.strength)


@dataclass(frozen=True)
class LiveConfig(PicturesConfig):
    """Cameras that look at worlds while these run."""

    timeout_s: Positive = 60.0
    """A process that takes longer for one picture is killed, and another renders it."""


@dataclass(frozen=True)
class ImagesConfig(LiveConfig):
    """Cameras of policies that see: the term `camera_images`."""

    rig: CamerasConfig = field(default_factory=lambda: CamerasConfig(image_px=64))
    """Image size, field of view and nominal poses of the cameras."""


@dataclass(frozen=True)
class RenderConfig(PicturesConfig):
    """Randomized renders labelled with the pose of the object: `sleight vision render`."""

    seed: Annotated[int, Range(0, 2**32 - 1)] = 0
    """Seed of everything; the same seed and config give the same pictures."""
    cameras: CamerasConfig = field(default_factory=CamerasConfig)
    """Image size, field of view and poses of the cameras."""
    states: StatesConfig = field(default_factory=StatesConfig)
    """States of hand and object."""
    renderer: Literal["classic", "filament"] = "classic"
    """MuJoCo's renderer for OpenGL, or the one that it has with Vulkan, for evaluation."""
    object: str = "block"
    """The object; it has keypoints and coloured faces: block, cube."""
    object_size_m: Annotated[float, Range(0.03, 0.09)] | None = None
    """Edge length of the object [m]. Default: the object's own size, 0.057 for the block."""
    shard_size: Annotated[int, Range(1, 10_000)] = 500
    """Samples in a file; each file is rendered by a process of its own."""
    shard_timeout_s: Positive = 600.0
    """A process that takes longer is killed, and its file is rendered again."""
    renamed: ClassVar[Mapping[str, str]] = {"shard": "shard_size"}
