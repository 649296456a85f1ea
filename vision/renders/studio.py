"""`Studio`: poses hand and object on the stage and renders one image per camera.

Use a studio only in the thread that created it; no process may fork while one is open.
"""

from __future__ import annotations

import mujoco
import numpy as np

from ...envs.rendering.renderer import open_renderer
from ...envs.sim.model_config import ModelConfig
from ..config import CamerasConfig, LooksConfig
from .random_looks import Looks, Views
from .scene import build_stage

TEXTURES = ("floor", "sky")
"""Of the background."""


class Studio:
    """A renderer of the stage; a context manager. Raises SleightError if it cannot render."""

    def __init__(
        self,
        cameras: CamerasConfig,
        shown: ModelConfig | None = None,
        size_px: tuple[int, int] | None = None,
    ) -> None:
        """shown: hand and object; the block by default. size_px: width and height of the images;
        None: those of the network."""
        width, height = size_px or (cameras.image_px, cameras.image_px)
        self.stage = build_stage(cameras, shown or ModelConfig(), width, height)
        self.shape = (len(cameras.views), height, width, 3)
        """(V, H, W, 3): shape of the images."""
        self._data = mujoco.MjData(self.stage.model)
        self._open()

    def _open(self) -> None:
        """Open the renderer of images of `shape`."""
        _, height, width, _ = self.shape
        self._renderer = open_renderer(self.stage.model, height, width)
        self._options = mujoco.MjvOption()
        self._options.flags[mujoco.mjtVisFlag.mjVIS_TENDON] = False

    def __enter__(self) -> Studio:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the graphics context."""
        self._renderer.close()

    def dress(self, config: LooksConfig, rng: np.random.Generator) -> dict[str, float]:
        """Apply a new look; returns the drawn values by name."""
        drawn = Looks(self.stage, config).apply(rng)
        for name in (*self.stage.paint.textures, *TEXTURES):
            self.upload(name)
        return drawn

    def upload(self, texture: str) -> None:
        """Upload a texture of the model to the renderer."""
        index = self.stage.model.tex(texture).id
        mujoco.mjr_uploadTexture(self.stage.model, self._renderer._mjr_context, index)

    def stand(self, views: Views) -> None:
        """Move the cameras to their true placements."""
        for index, (at, fovy) in enumerate(zip(views.true, views.fovy_deg, strict=True)):
            self.stage.place_camera(index, at, float(fovy))

    def shoot(self, qpos: np.ndarray) -> np.ndarray:
        """Render the state `qpos` (nq,): uint8 (V, H, W, 3)."""
        self._pose(qpos)
        pictures = np.empty(self.shape, np.uint8)
        for view, camera in enumerate(self.stage.cameras):
            self._renderer.update_scene(self._data, int(camera), self._options)
            self._renderer.render(out=pictures[view])
        return pictures

    def _pose(self, qpos: np.ndarray) -> None:
        """Set the state, and what pictures need of it."""
        model, data = self.stage.model, self._data
        data.qpos[:] = qpos
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        mujoco.mj_camlight(model, data)
