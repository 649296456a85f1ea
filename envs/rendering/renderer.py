"""Renders the hand, the object and the goal without a screen, with MuJoCo's renderer.

A renderer must be used on the thread that created it, and no process may fork while one is open.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from itertools import cycle
from typing import TYPE_CHECKING

import mujoco
import numpy as np

from ...errors import SleightError
from ..gl_backend import why_not
from ..hands.hand_model import hand_of
from ..objects.object_spec import object_of
from ..sim.model import build_model
from ..sim.model_config import OBJECT, ModelConfig
from .goal_picture import GoalPicture
from .looks import GOAL, GOAL_POSITION

if TYPE_CHECKING:
    from ..tasks.task import TaskSpec

GRAPHICS = "libegl1 libegl-mesa0 libgl1-mesa-dri"
_NOWHERE = (0.0, 0.0, -10.0)
_TIP_COLOURS = (
    (0.83, 0.25, 0.25, 1.0),
    (0.94, 0.60, 0.16, 1.0),
    (0.17, 0.60, 0.36, 1.0),
    (0.17, 0.41, 0.75, 1.0),
    (0.50, 0.33, 0.68, 1.0),
)


@dataclass(frozen=True)
class Camera:
    """A camera that looks at a point of the palm frame. Angles in degrees, as in MuJoCo."""

    target: tuple[float, float, float] = (0.060, -0.012, 0.012)
    distance: float = 0.365
    azimuth: float = 90.0
    """90 looks along +y: from the fingertips to the wrist."""
    elevation: float = -48.0

    def axes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Unit vectors (3,) right, up and forward in the picture."""
        turn, lift = np.radians(self.azimuth), np.radians(self.elevation)
        level = np.array([np.cos(turn), np.sin(turn), 0.0])
        forward = np.cos(lift) * level + np.sin(lift) * np.array([0.0, 0.0, 1.0])
        right = np.array([np.sin(turn), -np.cos(turn), 0.0])
        return right, np.cross(right, forward), forward


BESIDE = Camera()
"""The hand on the left, the goal on the right."""
CENTRED = Camera(target=(0.0, -0.012, 0.012))
"""The hand in the middle."""


def camera_for(task: TaskSpec) -> Camera:
    """The camera for a task: it shows the hand, and the goal if that is beside the hand."""
    return BESIDE if task.goal_beside else CENTRED


class HandRenderer:
    """Builds the model with materials once, then renders any state; a context manager."""

    def __init__(
        self,
        config: ModelConfig | None = None,
        width: int = 480,
        height: int = 360,
        camera: Camera = BESIDE,
    ) -> None:
        """Raises SleightError when the machine cannot render."""
        config = replace(config or ModelConfig(), visual=True)
        self.model = build_model(config)
        self.model.vis.global_.offwidth = width
        self.model.vis.global_.offheight = height
        self._data = mujoco.MjData(self.model)
        self._goal = GoalPose(self.model, config)
        hand = hand_of(config).spec
        self._tips = [self.model.site(tip).id for tip in hand.fingertips]
        self._lengths = ObjectLengths(self.model)
        self._renderer = open_renderer(self.model, height, width)
        self.width, self.height = width, height
        self._view = camera
        self._camera = _place(self._view)
        shown = mujoco.MjvOption()
        shown.flags[mujoco.mjtVisFlag.mjVIS_TENDON] = False
        self._shown = shown

    def __enter__(self) -> HandRenderer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the graphics context."""
        self._renderer.close()

    def frame(
        self, qpos: np.ndarray, goal: GoalPicture | None = None, size_scale: float = 1.0
    ) -> np.ndarray:
        """Picture (H, W, 3) uint8 of the state `qpos` (nq,) and the goal.

        size_scale: size of the object and of its goal, relative to the nominal one; an object with
        meshes, which cannot grow, is drawn in its nominal size.
        """
        data, goal = self._data, goal or GoalPicture()
        data.qpos[: len(qpos)] = qpos
        self._goal.put(data, goal)
        self._lengths.scale(size_scale)
        mujoco.mj_kinematics(self.model, data)
        mujoco.mj_comPos(self.model, data)
        mujoco.mj_camlight(self.model, data)
        self._renderer.update_scene(data, self._camera, self._shown)
        if goal.points is not None:
            self._mark(goal.points)
        return self._renderer.render().copy()

    def pixel(self, point: tuple[float, float, float]) -> tuple[float, float]:
        """(column, row) of a point of the palm frame [m] in the picture, from the upper left."""
        width, height = self.width, self.height
        right, up, forward = self._view.axes()
        away = np.array(point) - (np.array(self._view.target) - self._view.distance * forward)
        focal = 0.5 * height / np.tan(0.5 * np.radians(self.model.vis.global_.fovy))
        depth = away @ forward
        return width / 2 + focal * (away @ right) / depth, height / 2 - focal * (away @ up) / depth

    def _mark(self, points: np.ndarray) -> None:
        """Draw spheres at the targets, with lines to the fingertips, in the fingers' colours."""
        tips = self._data.site_xpos[self._tips]
        for tip, goal, colour in zip(tips, points, cycle(_TIP_COLOURS), strict=False):
            sphere = self._add(mujoco.mjtGeom.mjGEOM_SPHERE, np.full(3, 0.009), colour)
            sphere.pos = goal
            line = self._add(mujoco.mjtGeom.mjGEOM_CAPSULE, np.full(3, 0.0015), colour)
            mujoco.mjv_connector(line, mujoco.mjtGeom.mjGEOM_CAPSULE, 0.0015, tip, goal)

    def _add(
        self, kind: mujoco.mjtGeom, size: np.ndarray, colour: tuple[float, ...]
    ) -> mujoco.MjvGeom:
        scene = self._renderer.scene
        geom = scene.geoms[scene.ngeom]
        mujoco.mjv_initGeom(
            geom, kind, size, np.zeros(3), np.eye(3).ravel(), np.array(colour, np.float32)
        )
        scene.ngeom += 1
        return geom


class GoalPose:
    """Places the goal of a model with materials: its body and its inner joints."""

    def __init__(self, model: mujoco.MjModel, config: ModelConfig) -> None:
        inner = [model.joint(name).qposadr[0] for name in object_of(config).joint_names(GOAL)]
        self._inner = np.array(inner, dtype=np.int64)
        joints = [j for j in range(model.njnt) if _is_of(model, int(model.jnt_bodyid[j]), (GOAL,))]
        self._parts = slice(int(model.jnt_qposadr[joints[0]]) if joints else model.nq, None)

    def put(self, data: mujoco.MjData, goal: GoalPicture) -> None:
        """Write a goal; a goal without an orientation is moved out of sight."""
        data.mocap_pos[0] = _NOWHERE if goal.wxyz is None else GOAL_POSITION
        data.mocap_quat[0] = (1.0, 0.0, 0.0, 0.0) if goal.wxyz is None else goal.wxyz
        if goal.joints is not None:
            observed = len(goal.joints) == len(self._inner)
            data.qpos[self._inner if observed else self._parts] = goal.joints


class ObjectLengths:
    """All lengths of the object and of its goal in a model that is rendered."""

    def __init__(self, model: mujoco.MjModel) -> None:
        both = (OBJECT, GOAL)
        geoms = [g for g in range(model.ngeom) if _is_of(model, int(model.geom_bodyid[g]), both)]
        roots = {model.body(name).id for name in both}
        links = [b for b in range(model.nbody) if _is_of(model, b, both) and b not in roots]
        grows = not (model.geom_dataid[geoms] >= 0).any()
        places = ((model.geom_size, geoms), (model.geom_pos, geoms), (model.body_pos, links))
        self._nominal = [(field, ids, field[ids].copy()) for field, ids in places if grows]

    def scale(self, size: float) -> None:
        """Set the size, relative to the nominal one."""
        for field, ids, nominal in self._nominal:
            field[ids] = nominal * size


def _is_of(model: mujoco.MjModel, body: int, names: tuple[str, ...]) -> bool:
    """Whether a body belongs to one of these bodies of the world."""
    return int(model.body_rootid[body]) in {model.body(name).id for name in names}


def open_renderer(model: mujoco.MjModel, height: int, width: int) -> mujoco.Renderer:
    """MuJoCo's renderer. Raises SleightError when the machine cannot render."""
    if reason := why_not():
        raise SleightError(f"rendering: {reason}")
    try:
        with warnings.catch_warnings():  # GLFW's; the error says it
            warnings.simplefilter("ignore")
            return mujoco.Renderer(model, height, width)
    except (AttributeError, ImportError, OSError, RuntimeError, mujoco.FatalError) as error:
        raise SleightError(
            f"rendering: MuJoCo has no OpenGL ({' '.join(str(error).split())});"
            f" without a screen it needs MUJOCO_GL=egl and the system packages {GRAPHICS}"
        ) from error


def _place(camera: Camera) -> mujoco.MjvCamera:
    placed = mujoco.MjvCamera()
    placed.lookat[:] = camera.target
    placed.distance, placed.azimuth = camera.distance, camera.azimuth
    placed.elevation = camera.elevation
    return placed
