"""`FilamentStudio`: the stage through MuJoCo's Filament renderer, in physically based materials.

Pose networks are trained on pictures of the classic renderer. This one has another law of light,
materials, shadows and tones, with the same shapes, textures and cameras: pictures to test on. It
needs Vulkan; without a GPU, Mesa's lavapipe. Where there is no Vulkan, Filament aborts the process:
open it only in one that may die, as `render` does.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import mujoco
import numpy as np

from ...errors import SleightError
from .studio import Studio

PACKAGES = "Vulkan: the system packages libvulkan1 mesa-vulkan-drivers"
_NEAR_M, _FAR_M = 0.01, 10.0


class FilamentStudio(Studio):
    """A `Studio` with another renderer."""

    def _open(self) -> None:
        try:
            mjrf: Any = importlib.import_module("mujoco.mjrf")
            # It registers the materials that the renderer needs.
            importlib.import_module("mujoco.studio.window")
        except ImportError as error:
            raise SleightError(
                f"rendering: MuJoCo {mujoco.__version__} has no Filament renderer ({error})"
            ) from error
        views, height, width, _ = self.shape
        self._mjrf = mjrf
        with _silent():
            self._context = mjrf.Context(mjrf.ContextConfig())
        self._target = self._context.create_render_target(
            mjrf.RenderTargetConfig(color_format=mjrf.PixelFormat.PIXEL_FORMAT_RGB8)
        )
        # A call may read one target only: it has the views side by side.
        self._strip = np.zeros((height, views * width, 3), np.uint8)
        self._target.resize(views * width, height)
        self._read = mjrf.ReadRequest(target=self._target)
        self._read.set_buffer(self._strip)

    def close(self) -> None:
        """See `Studio`."""
        del self._read, self._target, self._context

    def upload(self, texture: str) -> None:
        """Nothing: each picture's scene takes the textures from the model."""

    def shoot(self, qpos: np.ndarray) -> np.ndarray:
        """See `Studio`."""
        self._pose(qpos)
        mjrf, model = self._mjrf, self.stage.model
        # Made anew, because colours, lights and textures of the model have changed.
        resources = mjrf.ModelResources(self._context, model)
        scene = self._context.create_scene(mjrf.SceneParams())
        scene.configure_from_model(model)
        lights = mjrf.ModelLights(scene, resources)
        bodies = mjrf.ModelRenderables(scene, resources)
        lights.update(self._data)
        bodies.update(self._data)
        requests = [self._request(scene, view) for view in range(self.shape[0])]
        self._context.wait_for_frame(self._context.render(requests, [self._read]))
        views, height, width, _ = self.shape
        pictures: np.ndarray = self._strip.reshape(height, views, width, 3).swapaxes(0, 1).copy()
        return pictures

    def _request(self, scene: Any, view: int) -> Any:
        """A square view with the camera of the model, which has x right, y up, z backwards."""
        _, height, width, _ = self.shape
        camera = int(self.stage.cameras[view])
        axes = self._data.cam_xmat[camera].reshape(3, 3)
        half_m = _NEAR_M * np.tan(np.radians(0.5 * self.stage.model.cam_fovy[camera]))
        placed = self._mjrf.Camera(
            pos=self._data.cam_xpos[camera].astype(np.float32),
            forward=-axes[:, 2].astype(np.float32),
            up=axes[:, 1].astype(np.float32),
            frustum_center=0.0,
            frustum_width=half_m * width / height,
            frustum_bottom=-half_m,
            frustum_top=half_m,
            frustum_near=_NEAR_M,
            frustum_far=_FAR_M,
        )
        return self._mjrf.RenderRequest(
            scene=scene,
            target=self._target,
            camera=placed,
            viewport=self._mjrf.Rect(view * width, 0, width, height),
            haze=False,
        )


@contextmanager
def _silent() -> Iterator[None]:
    """Without what the library itself prints about the graphics card."""
    with ExitStack() as stack:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        stack.callback(os.close, nowhere)
        for stream in (1, 2):
            kept = os.dup(stream)
            stack.callback(os.close, kept)
            stack.callback(os.dup2, kept, stream)
            os.dup2(nowhere, stream)
        yield
