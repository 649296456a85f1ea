"""What the tasks of a Rubik's cube share: progress of the orientation and of the layers, apart."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ...config import ACTOR_TERMS, CRITIC_TERMS
from ...mdp import rotations
from ...mdp.observations import Sensors
from ...rendering.goal_picture import GoalPicture
from ..egg import instead
from ..object_task import ObjectTask
from ..task import Outcome, TaskContext
from .cube_goals import CubeLaw, without_yaw

_OWN = {"goal_step": "face_step", "goal_angle": "face_angle", "goal_relative": "face_relative"}
"""Term of `block` -> the one that ignores yaw where the goal leaves it free."""
_TURNS = ("turn_axis", "turn_error", "turn_phase")
CUBE_ACTOR_TERMS = (*instead(ACTOR_TERMS, _OWN), *_TURNS)
CUBE_CRITIC_TERMS = (*instead(CRITIC_TERMS, _OWN), *_TURNS, "turn_speed")
CUBE_REWARDS = {
    "orientation_progress": 1.0,
    "turn_progress": 5.0,
    "success": 5.0,
    "drop": -20.0,
    "action_change": -0.001,
}


class CubeTask(ObjectTask):
    """`ObjectTask` that measures progress of orientation and angles apart."""

    saved = (*ObjectTask.saved, "parts", "progress")
    law: CubeLaw
    gives_up = False
    """Whether a face that turned along, and is not on top, stays turned: its goal moves with it."""

    def __init__(self, context: TaskContext) -> None:
        super().__init__(context)
        count, device = self.sim.num_worlds, self.sim.device
        self.parts = torch.zeros(count, 2, device=device)
        """(N, 2) distances of the orientation and of the layers' angles [rad]."""
        self.progress = torch.zeros(count, 2, device=device)
        """(N, 2) decrease of both in the last step."""

    def _set_goals(self, worlds: Tensor, prepared: object) -> None:
        super()._set_goals(worlds, prepared)
        self.parts[worlds] = self.law.parts(self.pose(worlds), self.goals(worlds))

    def judge(self) -> Outcome:
        parts = self.law.parts(self.pose(slice(None)), self.goals(slice(None)))
        self.progress, self.parts = self.parts - parts, parts
        outcome = super().judge()
        if self.gives_up:
            self._give_up()
        return outcome

    def _give_up(self) -> None:
        """Move goals along with faces that turned along. What that brings near is no progress, so
        that the turn has cost the progress that it undid."""
        pose, goal = self.pose(slice(None)), self.goals(slice(None))
        turned = self.law.given_up(pose, goal)
        worlds = turned.any(dim=-1).nonzero().squeeze(-1)
        if len(worlds):
            goal["goal_joints"][worlds] += turned[worlds]
            self._measure_from(worlds)

    def _measure_from(self, worlds: Tensor) -> None:
        pose, goal = self.pose(worlds), self.goals(worlds)
        self.distance[worlds] = self.law.distance(pose, goal)
        self.parts[worlds] = self.law.parts(pose, goal)

    def picture(self, world: int) -> GoalPicture:
        """A goal without a yaw is drawn with the cube's own."""
        picture, here = super().picture(world), slice(world, world + 1)
        wxyz, goal = self.pose(here)["object_wxyz"], self.goals(here)
        turn = rotations.between(wxyz, goal["goal_wxyz"])
        shown = rotations.multiply(without_yaw(turn, goal["goal_yaw_free"]), wxyz)
        return replace(picture, wxyz=shown[0].double().cpu().numpy())

    def sensors(self, worlds: Tensor | slice) -> Sensors:
        return {**super().sensors(worlds), "goal_progress": self.progress[worlds]}
