"""Fingertips to targets: the smallest task, learned in a minute."""

from __future__ import annotations

import torch
from torch import Tensor

from ...contract.hand_spec import HandSpec
from ..config import EnvConfig
from ..mdp.observations import Sensors
from ..sim.sim import Sim
from .settled_states import random_poses
from .task import Outcome, Task


class ReachTask(Task):
    """Goals are the fingertips of random hand poses, so that every goal can be reached."""

    def __init__(
        self, config: EnvConfig, hand: HandSpec, sim: Sim, rng: torch.Generator, table: Tensor
    ) -> None:
        super().__init__(config, hand, sim, rng)
        self.table = table
        """(M, 5, 3) m: fingertips to ask for, palm frame."""
        self.goal = torch.zeros(sim.num_worlds, len(hand.fingertips), 3)
        self.distance = torch.zeros(sim.num_worlds)
        """(N,) m, mean over fingertips."""
        self._sites = torch.tensor([sim.model.site(tip).id for tip in hand.fingertips])

    def start(self, worlds: Tensor) -> Tensor:
        target = random_poses(self.hand, len(worlds), 1.0, self.rng)
        joints = torch.from_numpy(self.hand.joint_target(target.double().numpy()))
        self.sim.state("qpos")[worlds, : self.num_joints] = joints.to(self.sim.state("qpos"))
        # Nothing holds the block here; far away it costs no contacts.
        self.sim.state("qpos")[worlds, -5] = -100.0
        return target

    def new_goals(self, worlds: Tensor) -> None:
        index = torch.randint(len(self.table), (len(worlds),), generator=self.rng)
        self.goal[worlds] = self.table[index]
        self.distance[worlds] = self._distance(worlds)

    def judge(self) -> Outcome:
        distance = self._distance(slice(None))
        progress = self.distance - distance
        self.distance = distance
        success = distance < self.config.reach.threshold_m
        if success.any():
            self.new_goals(success.nonzero().squeeze(-1))
        # In decimetres, so that progress and success weigh as they do for the block.
        return Outcome(10.0 * progress, success, torch.zeros_like(success))

    def sensors(self, worlds: Tensor | slice) -> Sensors:
        return {"goal_fingertips": self.goal[worlds].clone()}

    def _distance(self, worlds: Tensor | slice) -> Tensor:
        tips = self.sim.output("site_xpos")[worlds][:, self._sites].float()
        return (tips - self.goal[worlds]).norm(dim=-1).mean(dim=-1)


def reachable(config: EnvConfig, hand: HandSpec, sim: Sim, seed: int, count: int = 512) -> Tensor:
    """Fingertips (count, 5, 3) of random poses, by kinematics in `sim`, which is then reset."""
    rng = torch.Generator().manual_seed(seed)
    sites = torch.tensor([sim.model.site(tip).id for tip in hand.fingertips])
    found: list[Tensor] = []
    everyone = torch.arange(sim.num_worlds)
    while sum(map(len, found)) < count:
        target = random_poses(hand, sim.num_worlds, 1.0, rng)
        joints = torch.from_numpy(hand.joint_target(target.double().numpy()))
        sim.state("qpos")[:, : len(hand.joints)] = joints.to(sim.state("qpos"))
        sim.forward(everyone)
        found.append(sim.output("site_xpos")[:, sites].float().clone())
    sim.reset(everyone)
    return torch.cat(found)[:count]
