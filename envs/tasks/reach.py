"""The task `reach`: move the fingertips to targets. It is learned in a minute."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from ...config import Range
from ..mdp.observations import Sensors
from ..rendering.goal_picture import GoalPicture
from ..sim.draws import Draws
from ..sim.layout import cells
from .settled_states import joints_of, random_poses
from .task import Outcome, Task, TaskContext, TaskSpec

TERMS = ("joint_position", "joint_velocity", "target", "goal_to_fingertips")
"""Default observation terms of actor and critic."""
AWAY_M = -100.0
"""Height of the unused object: far away it has no contacts."""
DECIMETRES = 10.0
"""Scale of the reward, so that progress and success have the same weights as for the block."""
TABLE = 512
"""Number of goals to choose from."""


@dataclass(frozen=True)
class ReachConfig:
    """The task `reach`: move the fingertips to targets."""

    threshold_m: Annotated[float, Range(0, 1e6, open_low=True)] = 0.03
    """A goal is reached below this mean distance of the fingertips from their targets [m]."""


class ReachTask(Task):
    """Goals are the fingertips of random hand poses, so every goal is reachable."""

    saved = (*Task.saved, "goal", "distance")

    def __init__(self, context: TaskContext) -> None:
        super().__init__(context)
        self.table = self._reachable(Draws(context.cache_seed, self.sim.device))
        """(M, F, 3) table of goals: fingertip positions [m], frame palm."""
        count, device = self.sim.num_worlds, self.sim.device
        self.goal = torch.zeros(count, *self.table.shape[1:], device=device)
        self.distance = torch.zeros(count, device=device)
        """(N,) distance [m], mean over fingertips."""

    def start(self, worlds: Tensor) -> Tensor:
        target = random_poses(self.hand, len(worlds), 1.0, self.rng)
        qpos, layout = self.sim.state("qpos"), self.sim.layout
        qpos[cells(worlds, layout.joints)] = joints_of(self.hand, target).to(qpos)
        qpos[worlds, layout.position.stop - 1] = AWAY_M
        return target

    def new_goals(self, worlds: Tensor) -> None:
        self.goal[worlds] = self.table[self.rng.integers(len(self.table), len(worlds))]
        self.distance[worlds] = self._distance(worlds)

    def judge(self) -> Outcome:
        distance = self._distance(slice(None))
        progress = self.distance - distance
        self.distance = distance
        success = distance < self.config.block(ReachConfig).threshold_m
        if success.any():
            self.new_goals(success.nonzero().squeeze(-1))
        return Outcome(DECIMETRES * progress, success, torch.zeros_like(success))

    def sensors(self, worlds: Tensor | slice) -> Sensors:
        return {"goal_fingertips": self.goal[worlds].clone()}

    def picture(self, world: int) -> GoalPicture:
        return GoalPicture(points=self.goal[world].double().cpu().numpy())

    def remaining(self, world: int) -> str:
        return f"{100 * float(self._distance(slice(world, world + 1))):.1f} cm"

    def _distance(self, worlds: Tensor | slice) -> Tensor:
        return (self._tips(worlds) - self.goal[worlds]).norm(dim=-1).mean(dim=-1)

    def _tips(self, worlds: Tensor | slice) -> Tensor:
        return self.sim.output("site_xpos")[worlds][:, self.sim.layout.tips].float()

    def _reachable(self, rng: Draws) -> Tensor:
        """Fingertips (TABLE, F, 3) of random poses, computed in the simulation; resets it after.

        The poses are drawn at once, so that goals do not depend on the number of worlds.
        """
        sim, tips = self.sim, list[Tensor]()
        for target in random_poses(self.hand, TABLE, 1.0, rng).split(sim.num_worlds):
            worlds = torch.arange(len(target), device=sim.device)
            qpos = sim.state("qpos")
            qpos[cells(worlds, sim.layout.joints)] = joints_of(self.hand, target).to(qpos)
            sim.forward(worlds)
            tips.append(self._tips(worlds).clone())
        sim.reset(torch.arange(sim.num_worlds, device=sim.device))
        return torch.cat(tips)


REACH = TaskSpec(
    "bring the fingertips to targets",
    ReachTask,
    config=ReachConfig,
    actor_terms=TERMS,
    critic_terms=TERMS,
    goal_beside=False,
    has_object=False,
)
