"""A task with one object: settled start states, goals of a `GoalLaw`, and a drop as its end."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from ...errors import ConfigError
from ..mdp import rotations
from ..mdp.observations import Sensors
from ..objects.object_spec import object_of
from ..rendering.goal_picture import GoalPicture
from .goal_law import Goal
from .settled_states import settled_states
from .task import Outcome, Task, TaskContext, task_of


class ObjectTask(Task):
    """Learning Dexterous In-Hand Manipulation, section 4, appendix C.1, for any object."""

    saved = (*Task.saved, "goal", "distance", "begun")

    def __init__(self, context: TaskContext) -> None:
        super().__init__(context)
        make_law = task_of(self.config).law
        assert make_law is not None, "an ObjectTask needs the law of its goals"
        self.law = make_law(self.config, self.sim.device)
        self._check_joints()
        self.settled = settled_states(context)
        count, device = self.sim.num_worlds, self.sim.device
        self._sizes = list(self.law.goals.values())
        self.goal = torch.zeros(count, sum(self._sizes), device=device)
        """(N, G) the parts of each goal, side by side."""
        self.distance = torch.zeros(count, device=device)
        """(N,) distance to the present goal, in the law's unit."""
        self.begun = torch.zeros(count, dtype=torch.long, device=device)
        """(N,) index of the settled state in which each world's episode began."""
        self._prepared = self.law.prepare(self._pose_of(self.settled.qpos))

    def _check_joints(self) -> None:
        """Raise ConfigError for an object without the inner joints that goals are for."""
        asked, has = self.law.goals.get("goal_joints"), len(object_of(self.config.model).reported)
        if asked is not None and asked != has:
            raise ConfigError(
                f"env.model.object: got {self.config.model.object}, which has {has} angles,"
                f" allowed for the task {self.config.task}: an object with {asked}"
            )

    def start(self, worlds: Tensor) -> Tensor:
        self.begun[worlds] = begun = self.rng.integers(len(self.settled.qpos), len(worlds))
        qpos = self.sim.state("qpos")
        qpos[worlds] = self.settled.qpos[begun].to(qpos)
        return self.settled.target[begun]

    def first_goals(self, worlds: Tensor) -> None:
        # The law's precomputed values of every settled state were stored once.
        self._set_goals(worlds, self._prepared[self.begun[worlds]])

    def new_goals(self, worlds: Tensor) -> None:
        self._set_goals(worlds, self.law.prepare(self.pose(worlds)))

    def _draw_goals(self, worlds: Tensor, prepared: Any) -> Goal:
        count = len(worlds)
        uniform = self.rng.uniform(count, self.law.uniforms)
        normal = self.rng.normal(count, self.law.normals)
        return self.law.draw(prepared, self.largest_goal[worlds], uniform, normal)

    def _set_goals(self, worlds: Tensor, prepared: Any) -> None:
        goal = self._draw_goals(worlds, prepared)
        self.goal[worlds] = torch.cat([goal[name] for name in self.law.goals], dim=-1)
        self.distance[worlds] = self.law.distance(self.pose(worlds), goal)

    def judge(self) -> Outcome:
        pose = self.pose(slice(None))
        distance = self.law.distance(pose, self.goals(slice(None)))
        progress = self.distance - distance
        self.distance = distance
        success = self.law.reached(distance)
        if success.any():
            self.new_goals(success.nonzero().squeeze(-1))
        return Outcome(progress, success, self.law.dropped(pose))

    def sensors(self, worlds: Tensor | slice) -> Sensors:
        layout = self.sim.layout
        qvel = self.sim.state("qvel")[worlds].float()
        pose = self.pose(worlds)
        sensors = {
            **pose,
            # Copies, because goals are written in place and observations must not change later.
            **{name: value.clone() for name, value in self.goals(worlds).items()},
            "object_velocity": qvel[:, layout.velocity],
            # MuJoCo gives the angular velocity of a free joint in the body's axes.
            "object_spin": rotations.rotate(pose["object_wxyz"], qvel[:, layout.spin]),
        }
        if "object_joints" in pose:
            sensors["object_joint_velocity"] = qvel[:, layout.inner_dofs]
        return sensors

    def pose(self, worlds: Tensor | slice) -> Sensors:
        """The true pose and the inner joints of the object in `worlds`."""
        return self._pose_of(self.sim.state("qpos")[worlds])

    def goals(self, worlds: Tensor | slice) -> Goal:
        """The parts of the present goals."""
        parts = self.goal[worlds].split(self._sizes, dim=-1)
        return dict(zip(self.law.goals, parts, strict=True))

    def picture(self, world: int) -> GoalPicture:
        here = slice(world, world + 1)
        shown = {**self.pose(here), **self.goals(here)}
        wxyz = shown.get("goal_wxyz", shown["object_wxyz"])
        joints = shown.get("goal_joints", shown.get("object_joints"))
        return GoalPicture(
            wxyz=wxyz[0].double().cpu().numpy(),
            joints=None if joints is None else joints[0].double().cpu().numpy(),
        )

    def remaining(self, world: int) -> str:
        distance = float(self.distance[world])
        if self.law.unit == "rad":
            return f"{math.degrees(distance):.0f}°"
        return f"{distance:.2f} {self.law.unit}".rstrip()

    def _pose_of(self, qpos: Tensor) -> Sensors:
        layout, qpos = self.sim.layout, qpos.float()
        pose = {
            "object_position": qpos[:, layout.position],
            "object_wxyz": qpos[:, layout.rotation],
        }
        inner = qpos[:, layout.inner]
        return {**pose, "object_joints": inner} if inner.shape[1] else pose
