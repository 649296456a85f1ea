"""The task `dial`: a box with a dial on one face, to be brought to an orientation and an angle."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import mujoco
import torch
from torch import Tensor

from sleight.config import Range
from sleight.envs.config import ACTOR_TERMS, CRITIC_TERMS, REWARDS, EnvConfig
from sleight.envs.mdp.observations import Sensors, Term
from sleight.envs.mdp.rewards import Step
from sleight.envs.mdp.rotations import rotate
from sleight.envs.objects.block import dress as paint_box
from sleight.envs.objects.object_spec import ObjectSpec
from sleight.envs.tasks.goal_law import Goal
from sleight.envs.tasks.object_task import ObjectTask
from sleight.envs.tasks.orientation_goals import OrientationLaw
from sleight.envs.tasks.task import TaskContext, TaskSpec


@dataclass(frozen=True)
class DialConfig:
    """The task `dial`."""

    largest_turn_rad: Annotated[float, Range(0.1, math.pi)] = 1.0
    """A goal turns the dial by up to this."""


def build(body: mujoco.MjsBody, name: str, size_m: float, mass_kg: float) -> None:
    """A box, and on its face +z a round dial with a mark."""
    box, cylinder = mujoco.mjtGeom.mjGEOM_BOX, mujoco.mjtGeom.mjGEOM_CYLINDER
    body.add_geom(name=name, type=box, size=[size_m / 2] * 3, mass=0.85 * mass_kg, condim=4)
    dial = body.add_body(name=f"{name}_dial", pos=(0.0, 0.0, 0.6 * size_m))
    dial.add_joint(name=f"{name}_dial", type=mujoco.mjtJoint.mjJNT_HINGE, axis=(0, 0, 1),
                   damping=[2e-4, 0, 0], frictionloss=5e-4, armature=1e-6)  # fmt: skip
    dial.add_geom(name=f"{name}_dial", type=cylinder, size=[0.35 * size_m, 0.1 * size_m, 0.0],
                  mass=0.1 * mass_kg, condim=4)  # fmt: skip
    half = [0.15 * size_m, 0.04 * size_m, 0.02 * size_m]
    place = (0.2 * size_m, 0.0, 0.1 * size_m)
    dial.add_geom(name=f"{name}_mark", type=box, pos=place, size=half, mass=0.05 * mass_kg)


def dress(spec: mujoco.MjSpec, name: str) -> None:
    """The block's faces, a white dial, a black mark."""
    paint_box(spec, name)
    spec.geom(f"{name}_dial").rgba = (0.95, 0.95, 0.95, 1.0)
    spec.geom(f"{name}_mark").rgba = (0.1, 0.1, 0.1, 1.0)


DIAL_BOX = ObjectSpec(0.05, 0.09, build, joints=("dial",), symmetry="none", dress=dress)


def between(first: Tensor, second: Tensor) -> Tensor:
    """The shortest way from one angle to another, in [-pi, pi] rad."""
    return torch.atan2((second - first).sin(), (second - first).cos())


class DialLaw(OrientationLaw):
    """The goals of `block`, and an angle of the dial; the distance is the larger of both."""

    goals: ClassVar[Mapping[str, int]] = {"goal_wxyz": 4, "goal_joints": 1}
    uniforms = OrientationLaw.uniforms + 1
    option_limits: ClassVar = {
        **OrientationLaw.option_limits,
        "largest_turn_rad": (0.0, math.pi, "rad"),
    }

    def __init__(self, config: EnvConfig, device: torch.device | str) -> None:
        super().__init__(config.goals, device)
        self.options["largest_turn_rad"] = config.block(DialConfig).largest_turn_rad

    def prepare(self, pose: Sensors) -> Prepared:
        return Prepared(super().prepare(pose), pose["object_joints"])

    def draw(
        self, prepared: Prepared, largest_rad: Tensor, uniform: Tensor, normal: Tensor
    ) -> Goal:
        goal = super().draw(prepared.level, largest_rad, uniform[:, :-1], normal)
        turn = (2.0 * uniform[:, -1] - 1.0) * self.options["largest_turn_rad"]
        return {**goal, "goal_joints": prepared.dial + turn.unsqueeze(-1)}

    def distance(self, pose: Sensors, goal: Goal) -> Tensor:
        dial = between(pose["object_joints"], goal["goal_joints"]).abs().squeeze(-1)
        return torch.maximum(super().distance(pose, goal), dial)


class Prepared:
    """What a goal is drawn from: how the box lies, and where the dial stands (K, 1)."""

    def __init__(self, level: object, dial: Tensor) -> None:
        self.level, self.dial = level, dial

    def __getitem__(self, index: Tensor) -> Prepared:
        return Prepared(self.level[index], self.dial[index])  # type: ignore[index]


class DialTask(ObjectTask):
    """Adds a sensor of its own: where the dial's axis points, frame palm (N, 3)."""

    def __init__(self, context: TaskContext) -> None:
        super().__init__(context)
        self._up = torch.tensor([0.0, 0.0, 1.0], device=self.sim.device)

    def sensors(self, worlds: Tensor | slice) -> Sensors:
        found = super().sensors(worlds)
        return {
            **found,
            "dial_axis": rotate(
                found["object_wxyz"], self._up.expand(len(found["object_wxyz"]), 3)
            ),
        }


def dial_to_go(s: Sensors) -> Tensor:
    """Sine and cosine of the dial's way to its goal (N, 2)."""
    turn = s["goal_joints"] - s["object_joints"]
    return torch.cat((turn.sin(), turn.cos()), dim=-1)


def dial_error(s: Step) -> Tensor:
    """Squared angle that the dial lacks to its goal [rad^2]."""
    return between(s.sensors["object_joints"], s.sensors["goal_joints"]).square().squeeze(-1)


TO_GO = Term("dial_to_go", dial_to_go, (2,), "", "object", ("object_joints", "goal_joints"))
AXIS = Term("dial_axis", lambda s: s["dial_axis"], (3,), "", "palm", ("dial_axis",))
DIAL = TaskSpec(
    "bring a box and the dial on it to a goal",
    DialTask,
    object="dial",
    config=DialConfig,
    law=DialLaw,
    actor_terms=(*ACTOR_TERMS, "object_joints", "dial_to_go"),
    critic_terms=(
        *CRITIC_TERMS,
        "object_joints",
        "object_joint_velocity",
        "dial_to_go",
        "dial_axis",
    ),
    rewards={**REWARDS, "dial_error": -0.01},
    terms=(TO_GO, AXIS),
    reward_terms={"dial_error": dial_error},
)
