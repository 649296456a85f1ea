"""What a user may say about cameras and randomized renders. Needs no MuJoCo: the robot reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated, ClassVar

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
"""Brightness of the nominal rig: the sum of its lights, and from everywhere."""


@dataclass(frozen=True)
class ViewConfig:
    """Where one camera nominally stands."""

    position_m: Point
    """In the palm's frame: fingers along -y, z up."""
    target_m: Point = (0.0, -0.05, 0.035)
    """What it looks at."""
    up: Point = (0.0, 0.0, 1.0)
    """What its upper edge points to."""

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
    """The nominal rig of cameras."""

    image_px: Annotated[int, Range(16, 512)] = 64
    """Edge of the square pictures that the network reads; a real camera's are brought to it."""
    fovy_deg: Annotated[float, Range(5, 120)] = 22.0
    """Their field of view: the block fills a third of it."""
    views: dict[str, ViewConfig] = field(default_factory=_three_views)
    """The cameras by name, in the network's order."""

    def __post_init__(self) -> None:
        if not self.views:
            raise ConfigError("cameras.views: got none, allowed: one or more cameras")

    @property
    def pinhole(self) -> Pinhole:
        """The inside of every camera."""
        return Pinhole.of_fov(self.image_px, self.image_px, self.fovy_deg)


@dataclass(frozen=True)
class CameraJitter:
    """How cameras differ from the nominal rig, at strength 1."""

    placement_m: Jitter = 0.015
    """Largest shift along each axis that a calibration would know, and the network is told."""
    placement_deg: Jitter = 3.0
    """Largest turn of that kind."""
    error_m: Jitter = 0.0015
    """Largest shift that nobody knows (Learning Dexterous In-Hand Manipulation, table 12)."""
    error_deg: Jitter = 0.5
    """Largest turn that nobody knows."""
    error_fov_deg: Jitter = 0.5
    """Largest error of the field of view."""

    def scaled(self, strength: float) -> CameraJitter:
        """Every range times `strength`."""
        names = (field.name for field in fields(self))
        return CameraJitter(**{name: strength * getattr(self, name) for name in names})


@dataclass(frozen=True)
class LooksConfig:
    """How renders differ in looks, at strength 1: tight on the object, wild on everything else."""

    block_hue_deg: Jitter = 4.0
    """Largest change of the block's hues (table 12: 1 % of the circle)."""
    block_saturation: Share = 0.15
    """Largest relative change of each face's saturation."""
    block_value: Share = 0.15
    """Largest relative change of each face's brightness."""
    light_total: Pair = (0.5, 1.6)
    """Sum of the lights' brightness."""
    ambient: Pair = (0.15, 0.5)
    """Brightness from everywhere."""
    light_direction: Share = 1.0
    """How far one to four lights leave the nominal direction for any above."""
    light_tint: Share = 0.15
    """Largest relative change of each light's red, green and blue."""
    shadow_share: Share = 0.2
    """Share of pictures with shadows, which cost three times as much."""
    plain_share: Share = 0.3
    """Share of pictures whose hand has one colour, as a real one; the others have one per part."""
    hand_colour: Share = 1.0
    """How far the hand leaves its grey for any colour."""
    hand_gloss: Annotated[float, Range(0, 3)] = 1.0
    """Largest relative change of how much materials shine."""
    background_colour: Share = 1.0
    """How far floor and sky leave their grey for any pattern."""
    distractors: Annotated[int, Range(0, 3)] = 3
    """Most strange objects in the background."""

    def scaled(self, strength: float) -> LooksConfig:
        """Every range times `strength` about its nominal value; shares of renders stay."""
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
    """Which hands and blocks are shown: settled by physics, as in the resets of training, or those
    that a policy met."""

    file: Path | None = None
    """States that `sleight vision states` has recorded, to sample from; none: settled states."""
    count: Annotated[int, Range(1, 100_000)] = 512
    """Number of settled states to sample from where there is no file."""
    unchanged_share: Share = 0.2
    """Fraction of samples that are such a state, unchanged (appendix D.2)."""
    rotated_share: Share = 0.4
    """Fraction whose block is rotated by the symmetry group of the cube, so that every face is seen
    everywhere."""
    jitter_m: Jitter = 0.01
    """In the others the block is also moved: standard deviation along each axis [m]."""
    jitter_deg: Annotated[float, Range(0, 180)] = 25.0
    """In the others the block is also rotated, by up to this angle [degrees]."""
    renamed: ClassVar[Mapping[str, str]] = {"as_is": "unchanged_share", "turned": "rotated_share"}

    def __post_init__(self) -> None:
        if self.unchanged_share + self.rotated_share > 1.0:
            raise ConfigError(
                f"states: got unchanged_share {self.unchanged_share} and rotated_share"
                f" {self.rotated_share},"
                " allowed: shares that add up to at most 1"
            )


@dataclass(frozen=True)
class RenderConfig:
    """Randomized pictures with the pose of the block: `sleight vision render`."""

    seed: Annotated[int, Range(0, 2**32 - 1)] = 0
    """Seed of everything; the same seed and config give the same pictures."""
    strength: Annotated[float, Range(0, 3)] = 1.0
    """Strength of the randomization, a factor on every range; 0: the nominal rig and light."""
    cameras: CamerasConfig = field(default_factory=CamerasConfig)
    """Size, field of view and places."""
    jitter: CameraJitter = field(default_factory=CameraJitter)
    """How cameras differ."""
    looks: LooksConfig = field(default_factory=LooksConfig)
    """How the scene differs in looks."""
    states: StatesConfig = field(default_factory=StatesConfig)
    """Hands and blocks."""
    object_size_m: Annotated[float, Range(0.03, 0.09)] = 0.057
    """Edge length of the block [m]."""
    shard_size: Annotated[int, Range(1, 10_000)] = 500
    """Samples in a file; each file is rendered by a process of its own."""
    workers: Annotated[int, Range(1, 256)] = 1
    """Number of render processes at the same time."""
    shard_timeout_s: Positive = 600.0
    """A process that takes longer is killed, and its file is rendered again."""
    restarts: Annotated[int, Range(0, 1000)] = 5
    """Restarts of processes that die, before the job fails."""
    renamed: ClassVar[Mapping[str, str]] = {"shard": "shard_size"}
