"""The table of render parameters that automatic domain randomization may widen.

Its rows have the same form as those of the physics (envs/randomization): at lambda = 1 a parameter
has its value in `CameraJitter` or `LooksConfig` at strength 1. [D] Learning Dexterous In-Hand
Manipulation (arXiv 1808.00177); [R] Solving Rubik's Cube with a Robot Hand (arXiv 1910.07113),
whose table 11 names the parameters and leaves the ranges to the algorithm; [ORRB] openai/orrb.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ...envs.randomization.parameter import Parameter
from ...errors import ConfigError, nearest
from ..config import AMBIENT, LIGHT_TOTAL, CameraJitter, LooksConfig, RenderConfig


def _strength(
    name: str, weight: float, high: float, unit: str, what: str, source: str
) -> Parameter:
    """A one-sided parameter: zero at lambda = 0."""
    return Parameter(
        name, "offset", weight, 0.0, (0.0, high), unit, what, source, one_sided=True
    )  # fmt: skip


GROUPS: dict[str, tuple[Parameter, ...]] = {
    "Cameras": (
        _strength("camera.placement", 0.015, 0.045, "m", "where each camera stands, per axis, as a"
                  " calibration tells: U(-v, v)", "[R] T11; [ORRB]: 10 mm"),
        _strength("camera.placement.turn", 3.0, 9.0, "deg", "how it is turned, likewise, about any"
                  " axis: U(0, v)", "[D] T9: 3 deg"),
        _strength("camera.error", 0.0015, 0.006, "m", "what a calibration does not tell of it, per"
                  " axis", "[D] T9: 1.5 mm"),
        _strength("camera.error.turn", 0.5, 3.0, "deg", "likewise, of its turn", "this project"),
        _strength("camera.error.fov", 0.5, 3.0, "deg", "error of the field of view",
                  "[D] T9: 1 deg"),
    ),
    "The block": (
        _strength("block.hue", 4.0, 10.0, "deg", "hue of each face", "[D] T9: 1 %"),
        _strength("block.saturation", 0.15, 0.6, "x", "saturation of each face", "[D] T9: 15 %"),
        _strength("block.value", 0.15, 0.6, "x", "brightness of each face", "[D] T9: 15 %"),
    ),
    "Lights": (
        Parameter("light.total", "scale", 0.45, LIGHT_TOTAL, (0.3, 3.0), "",
                  "sum of the lights' brightness", "[D] T9, [R] T11"),
        Parameter("light.ambient", "scale", 0.4, AMBIENT, (0.08, 1.0), "",
                  "brightness from everywhere", "[R] T11"),
        _strength("light.direction", 1.0, 1.0, "", "how far one to four lights leave the nominal"
                  " direction for any above", "[D] T9: upper half-sphere"),
        _strength("light.tint", 0.15, 0.5, "x", "colour of each light", "[R] T11"),
        _strength("light.shadow", 0.2, 1.0, "", "share of renders with a shadow", "this project"),
    ),
    "Hand and background": (
        _strength("hand.colour", 1.0, 1.0, "", "how far the hand's parts leave their grey for any"
                  " colour", "[D] T9: full RGB"),
        _strength("hand.gloss", 1.0, 3.0, "x", "how much the materials shine", "[D] T9: 0-100 %"),
        _strength("background.colour", 1.0, 1.0, "", "how far floor and sky leave their grey for"
                  " any pattern", "[R] T11"),
        _strength("background.objects", 3.0, 3.0, "", "most strange objects, rounded down",
                  "this project"),
    ),
}  # fmt: skip
PARAMETERS: tuple[Parameter, ...] = tuple(row for rows in GROUPS.values() for row in rows)
BY_NAME = {row.name: row for row in PARAMETERS}
_JITTER = {
    "camera.placement": "placement_m",
    "camera.placement.turn": "placement_deg",
    "camera.error": "error_m",
    "camera.error.turn": "error_deg",
    "camera.error.fov": "error_fov_deg",
}
_LOOKS = {
    "block.hue": "block_hue_deg",
    "block.saturation": "block_saturation",
    "block.value": "block_value",
    "light.total": "light_total",
    "light.ambient": "ambient",
    "light.direction": "light_direction",
    "light.tint": "light_tint",
    "light.shadow": "shadow_share",
    "hand.colour": "hand_colour",
    "hand.gloss": "hand_gloss",
    "background.colour": "background_colour",
    "background.objects": "distractors",
}
"""Parameter -> field of `LooksConfig`; `_JITTER` has those of `CameraJitter`."""


def lookup(name: str, source: str) -> Parameter:
    """The row `name`. Raises ConfigError with the nearest name."""
    if name not in BY_NAME:
        raise ConfigError(f"{source}: got unknown parameter '{name}', {nearest(name, BY_NAME)}")
    return BY_NAME[name]


def with_ranges(
    jitter: CameraJitter, looks: LooksConfig, ranges: Mapping[str, tuple[float, float]]
) -> tuple[CameraJitter, LooksConfig]:
    """The configs with `ranges` (name -> low, high, each in its unit).

    Of a one-sided parameter only the high end counts.
    """
    jitter_fields = {_JITTER[name]: ends[1] for name, ends in ranges.items() if name in _JITTER}
    looks_fields: dict[str, float | int | tuple[float, float]] = {}
    for name, ends in ranges.items():
        if name in _LOOKS:
            looks_fields[_LOOKS[name]] = ends[1] if BY_NAME[name].one_sided else ends
    if "distractors" in looks_fields:
        looks_fields["distractors"] = int(ranges["background.objects"][1])
    return replace(jitter, **jitter_fields), replace(looks, **looks_fields)  # type: ignore[arg-type]


def widened(config: RenderConfig, ranges: Mapping[str, tuple[float, float]]) -> RenderConfig:
    """`config` with the fixed ranges `ranges`, at strength 1."""
    jitter, looks = with_ranges(*config.scaled(), ranges)
    return replace(config, strength=1.0, jitter=jitter, looks=looks)
