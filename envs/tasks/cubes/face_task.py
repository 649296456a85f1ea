"""The task `cube-face`: turn the top layer of a Rubik's cube, or bring another face to the top.

The cube is the cheap one (`objects/cubes/face_cube.py`), whose one live axis is vertical when an
episode starts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from ....config import Range
from ...config import EnvConfig
from ...mdp import rotations
from ...sim.draws import Draws
from ...sim.layout import cells
from ..settled_states import SettledStates
from ..task import TaskContext, TaskSpec
from .cube_goals import FACE_KINDS, FaceLaw, TurnConfig
from .cube_task import CUBE_ACTOR_TERMS, CUBE_CRITIC_TERMS, CUBE_REWARDS, CubeTask
from .cube_terms import CASES, REWARD_TERMS, TERMS


@dataclass(frozen=True)
class FaceConfig(TurnConfig):
    """The task `cube-face`."""

    hold_nm: Annotated[float, Range(0.0, 5.0)] = 0.0
    """Dry friction of the layer that is at the bottom when an episode starts [Nm], where it is more
    than the hinge's own: 0.5 holds it, so that the hand cannot turn the cube below the top layer.
    """


class FaceTask(CubeTask):
    """`CubeTask` with the cheap cube."""

    def __init__(self, context: TaskContext) -> None:
        super().__init__(context)
        self.settled = self._upright(self.settled, Draws(context.cache_seed, self.sim.device))
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
        if hold := self.config.block(FaceConfig).hold_nm:
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


def face_law(config: EnvConfig, device: torch.device | str = "cpu") -> FaceLaw:
    """The goal law that `env.goals` and `env.cube_face` configure."""
    return FaceLaw(config.goals, config.block(FaceConfig), device)


CUBE_FACE = TaskSpec(
    "turn the top layer of a Rubik's cube and bring other faces to the top",
    FaceTask,
    object="face",
    config=FaceConfig,
    law=face_law,
    actor_terms=CUBE_ACTOR_TERMS,
    critic_terms=CUBE_CRITIC_TERMS,
    rewards=CUBE_REWARDS,
    terms=TERMS,
    reward_terms=REWARD_TERMS,
    goal_kinds=FACE_KINDS,
    cases=CASES,
)
