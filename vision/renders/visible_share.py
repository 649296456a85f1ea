"""How much of the object the hand leaves visible: the object's pixels with and without the hand."""

from __future__ import annotations

import mujoco
import numpy as np

from ...envs.sim.model import OBJECT
from .object_states import read_states, shown_in
from .random_looks import Views, draw_views
from .render_job import STATES, state_of
from .shards import Renders
from .studio import Studio

_HAND = 2
"""Group of the hand's geoms in these pictures; no other visible geom is in it."""


class VisibleShare(Studio):
    """Sees the samples of a folder of renders again, without their looks.

    Raises SleightError if it cannot render, DataError if the folder has no states.
    """

    def __init__(self, renders: Renders) -> None:
        self._config, self._states = renders.config, read_states(renders.folder / STATES)
        super().__init__(self._config.cameras, shown_in(self._config))
        model = self.stage.model
        model.geom_group[self.stage.skin] = _HAND
        root = model.body(OBJECT).rootid[0]
        self._object = np.flatnonzero(model.body_rootid[model.geom_bodyid] == root)
        self._renderer.enable_segmentation_rendering()

    def of_sample(self, number: int) -> float:
        """Of sample `number`, by its true cameras."""
        rng, qpos, _ = state_of(self._config, self.stage, self._states, number)
        jitter, _ = self._config.scaled()
        # The cameras are what a sample draws first after its state.
        return self.of_state(qpos, draw_views(self._config.cameras, jitter, rng))

    def of_state(self, qpos: np.ndarray, views: Views) -> float:
        """Mean over the views of a state (nq,); 0 in a view whose picture misses the object."""
        self.stand(views)
        self._pose(qpos)
        shares = []
        for camera in self.stage.cameras:
            whole, visible = (self._pixels(int(camera), hand) for hand in (False, True))
            shares.append(visible / whole if whole else 0.0)
        return float(np.mean(shares))

    def _pixels(self, camera: int, hand: bool) -> int:
        self._options.geomgroup[_HAND] = hand
        self._renderer.update_scene(self._data, camera, self._options)
        ids, kinds = np.moveaxis(self._renderer.render(), -1, 0)
        geom = int(mujoco.mjtObj.mjOBJ_GEOM)
        return int(((kinds == geom) & np.isin(ids, self._object)).sum())
