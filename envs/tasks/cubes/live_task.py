"""The task `cube-live`: `cube-full` on a cheap cube, for training: see `live_axis.py`.

Goals, terms and rewards are those of the full cube with goals at random, so that a policy goes on
there without a change.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...config import EnvConfig
from ...mdp import rotations
from ...mdp.observations import Sensors
from ...objects.cubes.live_cube import TOUCH
from ...objects.object_spec import size_of
from ...sim.layout import cells
from ...sim.model_config import OBJECT
from ..settled_states import SettledStates
from ..task import Outcome, TaskContext
from .cube_goals import FullLaw, TurnConfig
from .cube_task import CubeTask
from .full_task import CUBE_FULL
from .live_axis import LiveAxis, chosen_axis, layer_torques


@dataclass(frozen=True)
class LiveConfig(TurnConfig):
    """The task `cube-live`."""

    yaw_free: bool = True
    """A flip leaves the yaw of the cube free: any orientation with that face on top."""


class LiveTask(CubeTask):
    """`CubeTask` with the cube of one live axis, which the hand's touch chooses."""

    saved = (*CubeTask.saved, "label", "turned")
    gives_up = True

    def __init__(self, context: TaskContext) -> None:
        self.live = LiveAxis(context.sim.num_worlds, context.sim.device)
        super().__init__(context)
        self.label, self.turned = self.live.label, self.live.turned
        sensor = self.sim.model.sensor(f"{OBJECT}_{TOUCH}")
        self._touch = slice(int(sensor.adr[0]), int(sensor.adr[0] + sensor.dim[0]))
        qpos = self.settled.qpos.clone()
        qpos[:, self.sim.layout.inner] = 0.0
        self.settled = SettledStates(qpos, self.settled.target)
        self._prepared = self.law.prepare(self._pose_of(qpos))

    def start(self, worlds: Tensor) -> Tensor:
        self.live.reset(worlds)
        return super().start(worlds)

    def judge(self) -> Outcome:
        self._follow_touch()
        return super().judge()

    def _follow_touch(self) -> None:
        layout, qpos = self.sim.layout, self.sim.state("qpos")
        torque = layer_torques(
            self.sim.output("sensordata")[:, self._touch].float(),
            qpos[:, layout.position].float(),
            qpos[:, layout.rotation].float(),
            self._inside(),
        )
        friction = self._friction()
        axis = chosen_axis(torque, qpos[:, layout.inner].float(), friction)
        worlds = (axis < 2).nonzero().squeeze(-1)
        if len(worlds):
            self._move(worlds, axis[worlds])

    def _move(self, worlds: Tensor, axis: Tensor) -> None:
        layout, qpos, qvel = self.sim.layout, self.sim.state("qpos"), self.sim.state("qvel")
        own = {
            "wxyz": qpos[worlds][:, layout.rotation],
            "layers": qpos[worlds][:, layout.inner],
            "spin": qvel[worlds][:, layout.spin],
        }
        moved = self.live.move(own, worlds, axis)
        qpos[cells(worlds, layout.rotation)] = moved["wxyz"].to(qpos)
        qpos[cells(worlds, layout.inner)] = moved["layers"].to(qpos)
        qvel[cells(worlds, layout.spin)] = moved["spin"].to(qvel)
        qvel[cells(worlds, layout.inner_dofs)] = 0.0

    def _inside(self) -> Tensor:
        geom = self.sim.layout.object_geoms[0]
        if "geom_size" in self.sim.fields():
            return self.sim.field("geom_size")[:, geom, 2].float()
        size = size_of(self.config.model) / 6.0
        return torch.full((self.sim.num_worlds,), size, device=self.sim.device)

    def _friction(self) -> Tensor:
        dofs = self.sim.layout.inner_dofs
        if "dof_frictionloss" in self.sim.fields():
            return self.sim.field("dof_frictionloss")[:, dofs].float().amax(dim=-1)
        own = torch.from_numpy(self.sim.model.dof_frictionloss.copy())[dofs].amax().float()
        return own.to(self.sim.device).expand(self.sim.num_worlds)

    def pose(self, worlds: Tensor | slice) -> Sensors:
        pose = super().pose(worlds)
        layers = self.sim.state("qpos")[worlds][:, self.sim.layout.inner].float()
        wxyz, joints = self.live.whole(pose["object_wxyz"], layers, worlds)
        return {**pose, "object_wxyz": wxyz, "object_joints": joints}

    def _pose_of(self, qpos: Tensor) -> Sensors:
        pose = super()._pose_of(qpos)
        return {**pose, "object_joints": torch.zeros(len(qpos), 6, device=qpos.device)}

    def sensors(self, worlds: Tensor | slice) -> Sensors:
        layout = self.sim.layout
        qvel = self.sim.state("qvel")[worlds].float()
        wxyz = self.sim.state("qpos")[worlds][:, layout.rotation].float()
        return {
            **super().sensors(worlds),
            "object_spin": rotations.rotate(wxyz, qvel[:, layout.spin]),
            "object_joint_velocity": self.live.faces(qvel[:, layout.inner_dofs], worlds),
        }


def live_law(config: EnvConfig, device: torch.device | str = "cpu") -> FullLaw:
    """The goal law that `env.goals` and `env.cube_live` configure."""
    return FullLaw(config.goals, config.block(LiveConfig), device)


CUBE_LIVE = replace(
    CUBE_FULL,
    help="cube-full on a cheap cube, for training",
    make=LiveTask,
    object="cube-live",
    config=LiveConfig,
    law=live_law,
)
