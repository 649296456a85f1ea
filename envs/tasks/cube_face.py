"""The task `cube-face`: turn the top layer of a Rubik's cube, or bring another face to the top.

The cube is the cheap one (`objects/cubes/face_cube.py`), whose one live axis is vertical when an
episode starts.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ..config import ACTOR_TERMS, CRITIC_TERMS, EnvConfig
from ..mdp import rotations
from ..mdp.observations import Sensors
from ..rendering.goal_picture import GoalPicture
from ..sim.draws import Draws
from ..sim.layout import cells
from .cube_goals import FACE_KINDS, FaceConfig, FaceLaw, without_yaw
from .cube_terms import REWARD_TERMS, TERMS
from .egg import instead
from .object_task import ObjectTask
from .settled_states import SettledStates
from .task import Outcome, TaskContext, TaskSpec

OWN = {"goal_step": "face_step", "goal_angle": "face_angle", "goal_relative": "face_relative"}
"""Term of `block` -> the one that ignores yaw where the goal leaves it free."""
TURNS = ("turn_axis", "turn_error", "turn_phase")


class FaceTask(ObjectTask):
    """`ObjectTask` that measures progress of orientation and angles apart."""

    saved = (*ObjectTask.saved, "parts", "progress")
    law: FaceLaw

    def __init__(self, context: TaskContext) -> None:
        super().__init__(context)
        count, device = self.sim.num_worlds, self.sim.device
        self.parts = torch.zeros(count, 2, device=device)
        """(N, 2) distances of the orientation and of the layers' angles [rad]."""
        self.progress = torch.zeros(count, 2, device=device)
        """(N, 2) decrease of both in the last step."""
        self.settled = self._upright(self.settled, Draws(context.cache_seed, device))
        self._prepared = self.law.prepare(self._pose_of(self.settled.qpos))

    def _upright(self, settled: SettledStates, rng: Draws) -> SettledStates:
        """The same states with the live axis as near to the vertical as it can be.

        Layers are made straight, which they nearly were; then the cube's shape is symmetric, and
        its axes can be relabelled.
        """
        group, at = rotations.CUBE_GROUP, self.sim.layout.rotation
        qpos = settled.qpos.clone()
        qpos[:, self.sim.layout.inner] = 0.0
        turned = rotations.multiply(qpos[:, at].unsqueeze(1), group.to(qpos))
        height = (1.0 - 2.0 * turned[..., 1:3].square().sum(dim=-1)).abs()
        fits = height > height.amax(dim=1, keepdim=True) - 1e-4
        drawn = rng.uniform(len(qpos), len(group)).to(qpos).masked_fill(~fits, -1.0)
        chosen = drawn.argmax(dim=1).view(-1, 1, 1).expand(-1, 1, 4)
        qpos[:, at] = turned.gather(1, chosen).squeeze(1)
        return SettledStates(qpos, settled.target)

    def start(self, worlds: Tensor) -> Tensor:
        target = super().start(worlds)
        if hold := self.law.face.hold_nm:
            self._hold(worlds, hold)
        return target

    def _hold(self, worlds: Tensor, hold_nm: float) -> None:
        """Raise the dry friction of the layer that is at the bottom.

        A hinge that an earlier episode held has its nominal friction again; the others have what
        was drawn for them.
        """
        layout, model = self.sim.layout, self.sim.model
        own, at = self.sim.field("dof_frictionloss"), cells(worlds, layout.inner_dofs)
        nominal = torch.tensor(model.dof_frictionloss).to(own)[layout.inner_dofs]
        free = torch.where(own[at] >= hold_nm, nominal, own[at])
        down = self.pose(worlds)["object_wxyz"][:, 1:3].square().sum(dim=-1, keepdim=True) > 0.5
        own[at] = torch.where(torch.cat((down, ~down), dim=-1), free.clamp_min(hold_nm), free)

    def _set_goals(self, worlds: Tensor, prepared: object) -> None:
        super()._set_goals(worlds, prepared)
        self.parts[worlds] = self.law.parts(self.pose(worlds), self.goals(worlds))

    def judge(self) -> Outcome:
        parts = self.law.parts(self.pose(slice(None)), self.goals(slice(None)))
        self.progress, self.parts = self.parts - parts, parts
        return super().judge()

    def picture(self, world: int) -> GoalPicture:
        """A goal without a yaw is drawn with the cube's own."""
        picture, here = super().picture(world), slice(world, world + 1)
        wxyz, goal = self.pose(here)["object_wxyz"], self.goals(here)
        turn = rotations.between(wxyz, goal["goal_wxyz"])
        shown = rotations.multiply(without_yaw(turn, goal["goal_yaw_free"]), wxyz)
        return replace(picture, wxyz=shown[0].double().cpu().numpy())

    def sensors(self, worlds: Tensor | slice) -> Sensors:
        return {**super().sensors(worlds), "goal_progress": self.progress[worlds]}


def face_law(config: EnvConfig, device: torch.device | str = "cpu") -> FaceLaw:
    """The goal law that `env.goals` and `env.cube_face` configure."""
    return FaceLaw(config.goals, config.block(FaceConfig), device)


CUBE_FACE = TaskSpec(
    "turn the top layer of a Rubik's cube and bring other faces to the top",
    FaceTask,
    object="face",
    config=FaceConfig,
    law=face_law,
    actor_terms=(*instead(ACTOR_TERMS, OWN), *TURNS),
    critic_terms=(*instead(CRITIC_TERMS, OWN), *TURNS, "turn_speed"),
    rewards={
        "orientation_progress": 1.0,
        "turn_progress": 5.0,
        "success": 5.0,
        "drop": -20.0,
        "action_change": -0.001,
    },
    terms=TERMS,
    reward_terms=REWARD_TERMS,
    goal_kinds=FACE_KINDS,
)
