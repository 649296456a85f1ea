"""Reorientation of a block in the palm: a new goal at each success, until a drop."""

from __future__ import annotations

import torch
from torch import Tensor

from ...contract.hand_spec import HandSpec
from ..config import EnvConfig
from ..mdp import rotations
from ..mdp.observations import Sensors
from ..sim.model import OBJECT
from ..sim.sim import Sim
from .orientation_goals import GoalSampler, Level
from .settled_states import DROP_HEIGHT_M, SettledStates
from .task import Outcome, Task


class BlockTask(Task):
    """`block`, `block-z` (Learning Dexterous In-Hand Manipulation, section 4, appendix C.1)."""

    def __init__(
        self,
        config: EnvConfig,
        hand: HandSpec,
        sim: Sim,
        rng: torch.Generator,
        settled: SettledStates,
    ) -> None:
        super().__init__(config, hand, sim, rng)
        self.settled = settled
        self.sampler = GoalSampler(config.goals, rng)
        self.goal = torch.zeros(sim.num_worlds, 4)
        self.distance = torch.zeros(sim.num_worlds)
        """(N,) rad, to the present goal."""
        self.begun = torch.zeros(sim.num_worlds, dtype=torch.long)
        """(N,) the settled state in which each world's episode began."""
        start = sim.model.joint(OBJECT)
        self._place = slice(start.qposadr[0], start.qposadr[0] + 3)
        self._turn = slice(start.qposadr[0] + 3, start.qposadr[0] + 7)
        self._velocity = slice(start.dofadr[0], start.dofadr[0] + 3)
        self._spin = slice(start.dofadr[0] + 3, start.dofadr[0] + 6)

    def start(self, worlds: Tensor) -> Tensor:
        self.begun[worlds] = begun = self.settled.draw(len(worlds), self.rng)
        qpos = self.sim.state("qpos")
        qpos[worlds] = self.settled.qpos[begun].to(qpos)
        return self.settled.target[begun]

    def first_goals(self, worlds: Tensor) -> None:
        self._set_goals(worlds, self.settled.level[self.begun[worlds]])

    def new_goals(self, worlds: Tensor) -> None:
        self._set_goals(worlds, Level.nearest(self._wxyz(worlds)))

    def _set_goals(self, worlds: Tensor, level: Level) -> None:
        goal = self.sampler.draw(level, self.largest_goal[worlds])
        self.goal[worlds] = goal
        self.distance[worlds] = rotations.distance(goal, level.block)

    def judge(self) -> Outcome:
        everyone = slice(None)
        distance = rotations.distance(self.goal, self._wxyz(everyone))
        progress = self.distance - distance
        self.distance = distance
        success = distance < self.config.goals.threshold_rad
        if success.any():
            self.new_goals(success.nonzero().squeeze(-1))
        height = self.sim.state("qpos")[:, self._place.start + 2]
        return Outcome(progress, success, height < DROP_HEIGHT_M)

    def sensors(self, worlds: Tensor | slice) -> Sensors:
        qpos, qvel = (self.sim.state(name)[worlds].float() for name in ("qpos", "qvel"))
        wxyz = qpos[:, self._turn]
        return {
            "object_position": qpos[:, self._place],
            "object_wxyz": wxyz,
            "goal_wxyz": self.goal[worlds].clone(),
            "object_velocity": qvel[:, self._velocity],
            # MuJoCo gives a free joint's spin in the body's axes.
            "object_spin": rotations.rotate(wxyz, qvel[:, self._spin]),
        }

    def _wxyz(self, worlds: Tensor | slice) -> Tensor:
        return self.sim.state("qpos")[worlds][:, self._turn].float()
