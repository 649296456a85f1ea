"""Looks to test a pose network on: weaker and stronger ones, one factor at a time, a renderer.

Sample n of every set has the same state, and the draws of its look and its cameras differ only in
their ranges, so that rows of a table differ by what their name says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from ...vision.config import CameraJitter, LooksConfig, RenderConfig
from ...vision.renders.render_crew import Report
from ...vision.renders.render_job import render
from ...vision.renders.shards import Renders, open_renders

STRENGTHS = (0.0, 0.5, 1.0, 1.5)
REFERENCE = "strength 1"
"""The set whose samples are also divided by how much of the object is visible."""
SHIFT = 1.5
"""Strength of the one factor of a set that has one."""
FACTORS: dict[str, tuple[str, ...]] = {
    "camera placement": ("placement_m", "placement_deg"),
    "camera error": ("error_m", "error_deg", "error_fov_deg"),
    "object colours": ("block_hue_deg", "block_saturation", "block_value"),
    "lights": ("light_total", "ambient", "light_direction", "light_tint"),
    "shadows": ("shadow_share",),
    "hand colour and gloss": ("hand_colour", "hand_gloss"),
    "background and distractors": ("background_colour", "distractors"),
}
"""Fields of `CameraJitter` or `LooksConfig`."""
RENDERER: Final = "filament"
RENDERER_STRENGTHS = (0.0, 1.0)
SHARD_SIZE, SLOW_SHARD_SIZE = 250, 125
SHARD_TIMEOUT_S = 1800.0
"""Filament on a busy processor takes a second for a sample."""


@dataclass(frozen=True)
class LookSet:
    """Renders of one kind."""

    name: str
    config: RenderConfig

    @property
    def folder(self) -> str:
        """Name of its folder."""
        return self.name.replace(", ", "-").replace(" ", "-")

    def render(self, count: int, out: Path, report: Report | None = None) -> Renders:
        """Its renders in a folder of `out`, as far as they are not there. Raises SleightError."""
        return open_renders(render(self.config, count, out / self.folder, report))


def look_sets(base: RenderConfig) -> list[LookSet]:
    """All sets, with the cameras, the object, the states and the seed of `base`."""
    base = replace(base, shard_size=SHARD_SIZE, shard_timeout_s=SHARD_TIMEOUT_S)
    sets = [LookSet(f"strength {s:g}", replace(base, strength=s)) for s in STRENGTHS]
    sets += [LookSet(f"only {name}", _only(base, fields)) for name, fields in FACTORS.items()]
    # Where it does not run its process dies at once; one restart is for a death by chance.
    other = replace(base, renderer=RENDERER, shard_size=SLOW_SHARD_SIZE, restarts=1)
    sets += [LookSet(f"{RENDERER}, strength {s:g}", replace(other, strength=s))
             for s in RENDERER_STRENGTHS]  # fmt: skip
    return sets


def _only(base: RenderConfig, names: tuple[str, ...]) -> RenderConfig:
    """Strength 0, but for the fields `names`.

    Every strength has the same share of shadows; the set of shadows has one in every picture.
    """
    jitter, looks = base.jitter.scaled(SHIFT), replace(base.looks.scaled(SHIFT), shadow_share=1.0)
    return replace(
        base,
        strength=1.0,
        jitter=replace(base.jitter.scaled(0.0), **_fields(jitter, names)),
        looks=replace(base.looks.scaled(0.0), **_fields(looks, names)),
    )


def _fields(config: CameraJitter | LooksConfig, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(config, name) for name in names if hasattr(config, name)}
