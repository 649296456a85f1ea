"""`Wardrobe`: the looks and cameras of many worlds on one stage.

A look is a set of fields of the stage's model. Each world keeps its own for a whole episode; to
change between worlds is to write these fields back, which costs a few percent of a render.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...envs.sim.model_config import ModelConfig
from ..config import CamerasConfig, LiveConfig
from ..renders.random_looks import Views, draw_views
from ..renders.studio import TEXTURES, Studio

_LOOK, _CAMERAS = 0, 1
"""Streams of random numbers, so that the looks need not be drawn to know the cameras."""
_FIELDS = (
    "geom_rgba", "geom_pos", "geom_type", "geom_size", "mat_specular", "mat_shininess",
    "light_active", "light_pos", "light_dir", "light_diffuse", "light_specular", "light_castshadow",
    "cam_pos", "cam_quat", "cam_fovy",
)  # fmt: skip
"""The model's fields that `Looks` and `Studio.stand` write."""


@dataclass(frozen=True)
class LiveScene:
    """What the pictures of all worlds depend on."""

    config: LiveConfig
    cameras: CamerasConfig
    object_size_m: float
    seed: int

    def views(self, world: int, episode: int) -> Views:
        """The cameras of an episode; the same for the same numbers, in every process."""
        return draw_views(
            self.cameras, self.config.scaled()[0], self._draws(world, episode, _CAMERAS)
        )

    def look(self, world: int, episode: int) -> np.random.Generator:
        """The random numbers of an episode's look."""
        return self._draws(world, episode, _LOOK)

    def studio(self) -> Studio:
        """A renderer of these pictures. Raises SleightError if it cannot render."""
        fine_px = self.cameras.image_px * self.config.supersample
        shown = ModelConfig(object="block", object_size_m=self.object_size_m)
        return Studio(self.cameras, shown, (fine_px, fine_px))

    def _draws(self, world: int, episode: int, stream: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, world, episode, stream])


class Wardrobe:
    """Dresses a studio as one world after the other."""

    def __init__(self, scene: LiveScene, studio: Studio) -> None:
        self._scene, self.studio = scene, studio
        self._textures = (*studio.stage.paint.textures, *TEXTURES)
        self._worn: tuple[int, int] | None = None
        self._kept: dict[int, tuple[int, list[np.ndarray]]] = {}

    def dress(self, world: int, episode: int) -> None:
        """The look and the cameras of this episode; drawn at its first picture, then kept."""
        if self._worn == (world, episode):
            return
        drawn_in, kept = self._kept.get(world, (-1, []))
        if drawn_in == episode:
            self._write(kept)
        else:
            self.studio.dress(self._scene.config.scaled()[1], self._scene.look(world, episode))
            self.studio.stand(self._scene.views(world, episode))
            self._kept[world] = episode, [place.copy() for place in self._places()]
        self._worn = world, episode

    def _write(self, kept: Sequence[np.ndarray]) -> None:
        places = self._places()
        fields = len(places) - len(self._textures)
        for place, values in zip(places[:fields], kept[:fields], strict=True):
            place[:] = values
        textures = zip(self._textures, places[fields:], kept[fields:], strict=True)
        for name, place, values in textures:
            # An upload is a tenth of a picture.
            if not np.array_equal(place, values):
                place[:] = values
                self.studio.upload(name)

    def _places(self) -> Sequence[np.ndarray]:
        """Writable views of everything that a look changes, the textures last."""
        stage = self.studio.stage
        headlight = stage.model.vis.headlight
        return (
            *(getattr(stage.model, name) for name in _FIELDS),
            headlight.ambient,
            headlight.diffuse,
            *(stage.texture(name) for name in self._textures),
        )
