"""Pictures of the hand, the block and the goal: MuJoCo's own renderer, without a screen.

A renderer must be used on the thread that made it, and no process may fork while one is open.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import mujoco
import numpy as np

from ...errors import SleightError
from ..hands.shadow import FINGERTIPS
from ..sim.model import OBJECT, ModelConfig, build_model
from .looks import GOAL, GOAL_POSITION

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
    """Looks at a point of the palm frame from a distance. Angles in degrees, as MuJoCo's viewer."""

    target: tuple[float, float, float] = (0.060, -0.012, 0.012)
    distance: float = 0.365
    azimuth: float = 90.0
    """90 looks along +y: from the fingertips to the wrist."""
    elevation: float = -48.0

    def axes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Unit vectors (3,) to the right, upwards and forwards in the picture."""
        turn, lift = np.radians(self.azimuth), np.radians(self.elevation)
        level = np.array([np.cos(turn), np.sin(turn), 0.0])
        forward = np.cos(lift) * level + np.sin(lift) * np.array([0.0, 0.0, 1.0])
        right = np.array([np.sin(turn), -np.cos(turn), 0.0])
        return right, np.cross(right, forward), forward


BLOCK_CAMERA = Camera()
"""The hand on the left, the goal on the right."""
REACH_CAMERA = Camera(target=(0.0, -0.012, 0.012))
"""The hand in the middle."""


class HandRenderer:
    """Builds the dressed model once, then draws any state of it; use it in a `with`."""

    def __init__(
        self,
        config: ModelConfig | None = None,
        width: int = 480,
        height: int = 360,
        camera: Camera = BLOCK_CAMERA,
    ) -> None:
        """Raises SleightError when the machine cannot render."""
        self.model = build_model(replace(config or ModelConfig(), visual=True))
        self.model.vis.global_.offwidth = width
        self.model.vis.global_.offheight = height
        self._data = mujoco.MjData(self.model)
        self._edge = self.model.geom(OBJECT).size.copy()
        self._tips = [self.model.site(tip).id for tip in FINGERTIPS]
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
        self,
        qpos: np.ndarray,
        goal_wxyz: np.ndarray | None = None,
        goal_fingertips: np.ndarray | None = None,
        size_scale: float = 1.0,
    ) -> np.ndarray:
        """uint8 (H, W, 3) of the joints and the block in `qpos` (nq,).

        goal_wxyz (4,): shown as a second block beside the hand. goal_fingertips (5, 3) m, palm
        frame: shown as spheres, each tied to its fingertip. size_scale: edge of both blocks over
        the nominal one.
        """
        data = self._data
        data.qpos[:] = qpos
        for name in (OBJECT, GOAL):
            self.model.geom(name).size = self._edge * size_scale
        data.mocap_pos[0] = _NOWHERE if goal_wxyz is None else GOAL_POSITION
        data.mocap_quat[0] = (1.0, 0.0, 0.0, 0.0) if goal_wxyz is None else goal_wxyz
        mujoco.mj_kinematics(self.model, data)
        mujoco.mj_comPos(self.model, data)
        mujoco.mj_camlight(self.model, data)
        self._renderer.update_scene(data, self._camera, self._shown)
        if goal_fingertips is not None:
            self._mark(goal_fingertips)
        return self._renderer.render().copy()

    def pixel(self, point: tuple[float, float, float]) -> tuple[float, float]:
        """(column, row) at which a point of the palm frame [m] appears, from the upper left."""
        width, height = self.width, self.height
        right, up, forward = self._view.axes()
        away = np.array(point) - (np.array(self._view.target) - self._view.distance * forward)
        focal = 0.5 * height / np.tan(0.5 * np.radians(self.model.vis.global_.fovy))
        depth = away @ forward
        return width / 2 + focal * (away @ right) / depth, height / 2 - focal * (away @ up) / depth

    def _mark(self, goal_fingertips: np.ndarray) -> None:
        """Spheres at the targets, in the fingers' colours, tied to the fingertips."""
        tips = self._data.site_xpos[self._tips]
        for tip, goal, colour in zip(tips, goal_fingertips, _TIP_COLOURS, strict=True):
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


def open_renderer(model: mujoco.MjModel, height: int, width: int) -> mujoco.Renderer:
    """MuJoCo's renderer. Raises SleightError when the machine cannot render."""
    try:
        return mujoco.Renderer(model, height, width)
    except (AttributeError, ImportError, RuntimeError, mujoco.FatalError) as error:
        raise SleightError(
            f"rendering: MuJoCo got no OpenGL ({' '.join(str(error).split())});"
            f" without a screen it needs MUJOCO_GL=egl and the system packages {GRAPHICS}"
        ) from error


def _place(camera: Camera) -> mujoco.MjvCamera:
    placed = mujoco.MjvCamera()
    placed.lookat[:] = camera.target
    placed.distance, placed.azimuth = camera.distance, camera.azimuth
    placed.elevation = camera.elevation
    return placed
