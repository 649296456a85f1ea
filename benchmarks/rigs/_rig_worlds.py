"""Worlds in which benchmarks play a bundle, without real time: training's physics, the rig's."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import mujoco
import numpy as np

from sleight.contract.bundle import Bundle
from sleight.contract.manifest import TaskEntry
from sleight.contract.quaternions import canonical, random_rotation
from sleight.deploy.runtime.plan_config import PlanConfig
from sleight.deploy.runtime.planned_judge import PlannedJudge
from sleight.deploy.runtime.stage import StageConfig
from sleight.deploy.runtime.task_judge import TaskJudge
from sleight.deploy.sim.body_poses import BodyPoses
from sleight.deploy.sim.plant import PLACE_HEIGHT_M
from sleight.deploy.sim.plant_config import PlantConfig
from sleight.deploy.sim.simulated_body import Body
from sleight.deploy.sim.smart_cube import SmartCubeConfig
from sleight.envs.hands.shadow import SHADOW_RIGHT as HAND
from sleight.envs.objects.object_spec import object_of
from sleight.envs.sim.model import build_spec
from sleight.envs.sim.model_config import OBJECT, ModelConfig

CUBE = "cube"
"""The object of a plan: the rig's own full cube, whatever object the bundle was trained with."""
Look = tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]


def seen_pose(position: np.ndarray, wxyz: np.ndarray, joints: np.ndarray) -> dict[str, np.ndarray]:
    """A pose with the names of a bundle."""
    pose = {"object_position": position, "object_wxyz": canonical(wxyz)}
    return {**pose, "object_joints": joints} if joints.size else pose


class World(ABC):
    """A hand with an object, stepped one control period at a time."""

    @abstractmethod
    def place(self) -> None:
        """Release the object above the palm in a random orientation."""

    @abstractmethod
    def tick(self, target: np.ndarray) -> None:
        """Step one control period with the target `target` (A,) [rad]."""

    @abstractmethod
    def look(self) -> Look:
        """Joint angles and velocities (J,), and the object's pose with the names of a bundle."""

    def judge(self, bundle: Bundle, seed: int) -> TaskJudge:
        """Who sets the goals of a trial. Raises BundleError, ConfigError."""
        return TaskJudge(bundle, seed)


class Training(World):
    """The physics of training with a hand, without randomization."""

    def __init__(
        self,
        task: TaskEntry,
        period_s: float,
        seed: int,
        edit: Callable[[mujoco.MjSpec], None] = lambda spec: None,
        **changes: Any,
    ) -> None:
        """edit: changes the model further, before it is compiled."""
        held = {"object": task.object, "object_size_m": task.object_size_m}
        spec = build_spec(ModelConfig(**held, **changes))
        edit(spec)
        model = spec.compile()
        self._model, self._data = model, mujoco.MjData(model)
        self._substeps = round(period_s / model.opt.timestep)
        self._rng = np.random.default_rng(seed)
        joints = [model.joint(name) for name in HAND.joints]
        self._qpos = np.array([joint.qposadr[0] for joint in joints])
        self._qvel = np.array([joint.dofadr[0] for joint in joints])
        self._motors = np.array([model.actuator(name).id for name in HAND.actuators])
        self._object = self._data.joint(OBJECT)
        inner = object_of(ModelConfig(object=task.object)).joint_names(OBJECT)
        self._inner = np.array([model.joint(name).qposadr[0] for name in inner], dtype=np.int64)
        self._data.qpos[self._qpos] = HAND.joint_target(HAND.home)

    def place(self) -> None:
        """See `World`."""
        self._object.qpos[:] = np.array(
            [*HAND.palm_centre_m, PLACE_HEIGHT_M, *random_rotation(self._rng)]
        )
        self._object.qvel[:] = 0.0

    def tick(self, target: np.ndarray) -> None:
        """See `World`."""
        self._data.ctrl[self._motors] = target
        mujoco.mj_step(self._model, self._data, self._substeps)

    def look(self) -> Look:
        """See `World`."""
        pose = self._object.qpos.copy()
        named_pose = seen_pose(pose[:3], pose[3:], self._data.qpos[self._inner])
        return self._data.qpos[self._qpos], self._data.qvel[self._qvel], named_pose


class Rig(World):
    """The hand of `sleight rig sim --seed SEED`, without real time."""

    def __init__(
        self,
        task: TaskEntry,
        period_s: float,
        seed: int,
        plan: PlanConfig | None = None,
        **changes: Any,
    ) -> None:
        """plan: the rig holds a full cube, which reports its angles, and the goals follow it."""
        held = {"object": task.object, "object_size_m": task.object_size_m}
        if plan is not None:
            held |= {"object": CUBE, "scramble": plan.solve}
        config = PlantConfig(**held, **changes)
        self._body = Body(HAND, config, seed)
        self._period_s, self._substeps = period_s, round(period_s / config.timestep_s)
        self._plan, self._poses, self._now_s = plan, None, 0.0
        if plan is not None:
            rng = np.random.default_rng([seed, 2])
            self._poses = BodyPoses(self._body, SmartCubeConfig(), rng)

    def judge(self, bundle: Bundle, seed: int) -> TaskJudge:
        """See `World`."""
        if self._plan is None or self._poses is None:
            return super().judge(bundle, seed)
        return PlannedJudge(bundle, seed, self._plan, self._poses)

    def place(self) -> None:
        """See `World`."""
        self._body.place()

    def tick(self, target: np.ndarray) -> None:
        """See `World`."""
        self._body.motors.move(target, self._period_s)
        for _ in range(self._substeps):
            self._body.step()
        self._now_s += self._period_s
        if self._poses is not None:
            self._poses.tick(self._now_s)

    def look(self) -> Look:
        """See `World`."""
        sensors, plant = self._body.encoders, self._body.plant
        joints = plant.object_joints if self._poses is None else self._poses.newest(0.0).joints
        named_pose = seen_pose(plant.object_position, plant.object_wxyz, joints)
        return sensors.position, sensors.velocity, named_pose

    def home(self) -> None:
        """Move the hand home after a trial, as `sleight rig run` does."""
        for _ in range(round(StageConfig().home_s / self._period_s)):
            self.tick(HAND.home)
