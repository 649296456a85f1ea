"""The stage of the renders: hand and object of training, cameras, lights and a background.

Everything that a look changes (random_looks.py) is a field of the compiled model, so that no sample
needs a compilation. Built from `envs.sim.model`, without torch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import mujoco
import numpy as np

from ...envs.rendering.looks import FLOOR_HEIGHT, GOAL, add_texture
from ...envs.sim.model import OBJECT, ModelConfig, build_spec
from ..config import CamerasConfig
from ..geometry import MUJOCO_FROM_OPENCV, Placement, wxyz_of
from .object_paint import ObjectPaint, paint_of, shrink_faces, texture_of

LIGHTS = 4
DISTRACTORS = 3
FLOOR_PX, SKY_PX = 64, 32
SHADOW_PX = 512
"""Size of the shadow map; a larger one makes no visible difference at this image size."""


@dataclass(frozen=True)
class Stage:
    """The compiled model, and the indices that a look changes."""

    model: mujoco.MjModel
    cameras: np.ndarray
    """(V,) camera ids in the order of the config."""
    lights: np.ndarray
    """(LIGHTS,) light ids."""
    distractors: np.ndarray
    """(DISTRACTORS,) geom ids."""
    skin: np.ndarray
    """Geom ids of the hand's visible meshes."""
    floor: int
    """Geom id of the floor."""
    paint: ObjectPaint
    """Colours the object's faces."""
    object_qpos: slice
    """The object's pose in qpos; its inner joints follow."""

    def texture(self, name: str) -> np.ndarray:
        """The writable bytes (n,) of a texture in the model."""
        return texture_of(self.model, name)

    def place_camera(self, view: int, at: Placement, fovy_deg: float) -> None:
        """Place camera `view`."""
        camera = self.cameras[view]
        self.model.cam_pos[camera] = at.position
        self.model.cam_quat[camera] = wxyz_of(at.rotation @ MUJOCO_FROM_OPENCV)
        self.model.cam_fovy[camera] = fovy_deg


def build_stage(cameras: CamerasConfig, shown: ModelConfig, width: int, height: int) -> Stage:
    """Compile the stage for images of `width` x `height` pixels.

    shown: hand and object. Raises ConfigError for an object without coloured faces.
    """
    spec = build_spec(replace(shown, visual=True))
    spec.delete(spec.body(GOAL))
    _simplify_forearm(spec)
    shrink_faces(spec)
    _add_background(spec)
    _add_lights(spec)
    _add_distractors(spec)
    for name in cameras.views:
        spec.worldbody.add_camera(name=name)
    spec.visual.global_.offwidth, spec.visual.global_.offheight = width, height
    spec.visual.quality.shadowsize, spec.visual.quality.offsamples = SHADOW_PX, 0
    model = spec.compile()
    free = model.joint(OBJECT).qposadr[0]
    stage = Stage(
        model=model,
        cameras=np.array([model.camera(name).id for name in cameras.views]),
        lights=np.array([model.light(f"light{i}").id for i in range(LIGHTS)]),
        distractors=np.array([model.geom(f"distractor{i}").id for i in range(DISTRACTORS)]),
        skin=_skin(model),
        floor=model.geom("floor").id,
        paint=paint_of(model),
        object_qpos=slice(free, free + 7),
    )
    for view, config in enumerate(cameras.views.values()):
        stage.place_camera(view, config.placement(), cameras.fovy_deg)
    return stage


def _skin(model: mujoco.MjModel) -> np.ndarray:
    mesh = int(mujoco.mjtGeom.mjGEOM_MESH)
    shown = (model.geom_type == mesh) & (model.geom_contype == 0) & (model.geom_rgba[:, 3] > 0)
    held = model.body_rootid[model.geom_bodyid] == model.body(OBJECT).rootid[0]
    return np.flatnonzero(shown & ~held)


def _simplify_forearm(spec: mujoco.MjSpec) -> None:
    """Replace the forearm's mesh, which has half of all vertices, by its convex hull."""
    for geom in spec.geoms:
        if geom.meshname == "robot0:forearm":
            geom.meshname = "robot0:forearm_cvx"


def _add_background(spec: mujoco.MjSpec) -> None:
    spec.delete(spec.texture("sky"))
    for name, kind, shape in (
        ("sky", mujoco.mjtTexture.mjTEXTURE_SKYBOX, (6 * SKY_PX, SKY_PX, 3)),
        ("floor", mujoco.mjtTexture.mjTEXTURE_2D, (FLOOR_PX, FLOOR_PX, 3)),
    ):
        add_texture(spec, name, kind, np.full(shape, 200, np.uint8))
    material = spec.material("floor")
    material.textures[int(mujoco.mjtTextureRole.mjTEXROLE_RGB)] = "floor"
    material.texrepeat, material.texuniform = (1.5, 1.5), True
    material.rgba = (1, 1, 1, 1)
    spec.geom("floor").pos = (0, 0, FLOOR_HEIGHT)


def _add_lights(spec: mujoco.MjSpec) -> None:
    for light in list(spec.lights):
        spec.delete(light)
    for index in range(LIGHTS):
        spec.worldbody.add_light(
            name=f"light{index}",
            type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL,
            pos=(0, 0, 1),
            dir=(0, 0, -1),
            ambient=(0, 0, 0),
            castshadow=False,
        )


def _add_distractors(spec: mujoco.MjSpec) -> None:
    for index in range(DISTRACTORS):
        spec.worldbody.add_geom(
            name=f"distractor{index}",
            type=mujoco.mjtGeom.mjGEOM_BOX,
            size=(0.02, 0.02, 0.02),
            pos=(0, 0, -5),
            contype=0,
            conaffinity=0,
        )
