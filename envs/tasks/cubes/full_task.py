"""The task `cube-full`: turns and flips of the full Rubik's cube, at random or by a plan.

Any of its faces can turn. If a side face turns along, a goal at random stays as it is, and the hand
has to turn the face back; a plan is made anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor

from ....config import Range
from ...config import EnvConfig
from ...cube.cube_state import SOLVED, random_turns
from ...cube.cubelets import face_up
from ...cube.hand_goals import turned_to
from ...cube.plan_moves import check_moves
from ...mdp import rotations
from ...objects.cubes.cube_parts import cubelet_rotations, parts_of
from ...rendering.goal_picture import GoalPicture
from ..goal_law import Goal
from ..settled_states import SettledStates
from ..task import Outcome, TaskContext, TaskSpec
from .cube_goals import FACE_KINDS, FullLaw, TurnConfig
from .cube_task import CUBE_ACTOR_TERMS, CUBE_CRITIC_TERMS, CUBE_REWARDS, CubeTask
from .cube_terms import CASES, FULL_TERMS, REWARD_TERMS
from .planned_goals import RANDOM, PlannedGoals

_SCRAMBLES = 64
"""Scrambled states that the start states share."""
_MEASURE_STEPS = 5
"""Control steps between two looks at where a planned cube is."""


@dataclass(frozen=True)
class FullConfig(TurnConfig):
    """The task `cube-full`."""

    yaw_free: bool = True
    """A flip leaves the yaw of the cube free: any orientation with that face on top."""
    scrambled: Annotated[int, Range(0, 1000)] = 50
    """Random quarter turns of the cube before an episode; 0: it is solved (robogym: 50)."""
    scramble: str = ""
    """Goals are the steps of these moves, from a solved cube, for example `L2 U2 R'`; `random`: of
    50 random quarter turns. The episode ends after them."""
    solve: str = ""
    """Goals are the steps that solve a cube to which these moves were applied; `random`: 50 random
    quarter turns. The episode ends when it is solved."""

    def __post_init__(self) -> None:
        check_moves(self.scramble, self.solve, RANDOM)


class FullTask(CubeTask):
    """`CubeTask` with the full cube."""

    def __init__(self, context: TaskContext) -> None:
        super().__init__(context)
        config = self.config.block(FullConfig)
        self.plans: PlannedGoals | None = None
        """None where goals are drawn at random."""
        if config.scramble or config.solve:
            self.plans = PlannedGoals(config.scramble, config.solve, context.cache_seed)
        self.gives_up = self.plans is None  # a plan is made anew instead
        self._ages = torch.zeros(self.sim.num_worlds, dtype=torch.long)
        """Control steps since a planned goal was set."""
        self.settled = self._scrambled(self.settled, context.cache_seed, config.scrambled)
        self._prepared = self.law.prepare(self._pose_of(self.settled.qpos))

    def _scrambled(self, settled: SettledStates, seed: int, turns: int) -> SettledStates:
        """The same states with scrambled cubes, whose faces are straight."""
        rng = np.random.default_rng(seed)
        states = np.stack([_parts(rng, turns) for _ in range(_SCRAMBLES)])
        qpos = settled.qpos.clone()
        chosen = rng.integers(_SCRAMBLES, size=len(qpos))
        qpos[:, self.sim.layout.parts] = torch.from_numpy(states[chosen]).to(qpos)
        return SettledStates(qpos, settled.target)

    def start(self, worlds: Tensor) -> Tensor:
        target = super().start(worlds)
        if self.plans is not None:
            for world in worlds.tolist():
                self._begin(self.plans, world)
        return target

    def _begin(self, plans: PlannedGoals, world: int) -> None:
        """Put a world's cube into the state in which its plan starts."""
        layout, qpos = self.sim.layout, self.sim.state("qpos")[world]
        core = qpos[layout.rotation]
        state, trial = plans.begin(world, _top(core))
        qpos[layout.parts] = torch.from_numpy(parts_of(state)).to(qpos)
        # A cube on which nothing shows may be called by any orientation.
        same = rotations.multiply(core, rotations.CUBE_GROUP.to(core))
        qpos[layout.rotation] = next(q for q in same if _top(q) == trial.plan.face_up)
        self._ages[world] = 0

    def new_goals(self, worlds: Tensor) -> None:
        if self.plans is not None:
            for world in worlds.tolist():
                seconds = float(self._ages[world]) * self.config.period_s
                self.plans.trials[world].reached(seconds)
        super().new_goals(worlds)

    def _draw_goals(self, worlds: Tensor, prepared: Any) -> Goal:
        if self.plans is None:
            return super()._draw_goals(worlds, prepared)
        self._ages[worlds] = 0
        cores = self.sim.state("qpos")[worlds][:, self.sim.layout.rotation].cpu().numpy()
        trials = [self.plans.trials[world] for world in worlds.tolist()]
        parts = [trial.goal(core) for trial, core in zip(trials, cores, strict=True)]
        stacked = {name: np.stack([part[name] for part in parts]) for name in self.law.goals}
        return {n: torch.from_numpy(v).to(self.distance) for n, v in stacked.items()}

    def judge(self) -> Outcome:
        self._ages += 1
        outcome = super().judge()
        if self.plans is None:
            return outcome
        self._measure(self.plans)
        trials = [self.plans.trials[world] for world in range(len(self._ages))]
        finished = torch.tensor([trial.finished or trial.lost for trial in trials])
        return replace(outcome, finished=finished.to(self.sim.device))

    def _measure(self, plans: PlannedGoals) -> None:
        """Look at some of the cubes; where a step went wrong, another goal is set."""
        due = (self._ages % _MEASURE_STEPS == 0).nonzero().squeeze(-1)
        layout, qpos = self.sim.layout, self.sim.state("qpos")[due].cpu().numpy()
        cubelets, cores = cubelet_rotations(qpos[:, layout.parts]), qpos[:, layout.rotation]
        changed = [
            world
            for world, pieces, core in zip(due.tolist(), cubelets, cores, strict=True)
            if plans.measure(world, pieces, core)
        ]
        if changed:
            worlds = torch.tensor(changed, device=self.sim.device)
            self._set_goals(worlds, None)

    def picture(self, world: int) -> GoalPicture:
        """The goal as a whole cube: each turn moves all cubelets of its layer."""
        picture = super().picture(world)
        if self.plans is not None:
            trial = self.plans.trials[world]
            return replace(picture, joints=parts_of(trial.state), label=trial.label)
        qpos = self.sim.state("qpos")[world].cpu().numpy()
        wanted = self.goals(slice(world, world + 1))["goal_joints"][0].cpu().numpy()
        state = turned_to(cubelet_rotations(qpos[self.sim.layout.parts]), wanted)
        return replace(picture, joints=None if state is None else parts_of(state))

    def remaining(self, world: int) -> str:
        if self.plans is None:
            return super().remaining(world)
        return f"{self.plans.trials[world].follower.left} steps"


def _top(core_wxyz: Tensor) -> str:
    return face_up(core_wxyz.cpu().numpy())[0]


def _parts(rng: np.random.Generator, turns: int) -> np.ndarray:
    """Inner coordinates (86,) of a cube after random quarter turns."""
    state = SOLVED
    for face, quarters in random_turns(rng, turns):
        state = state.turn(face, quarters)
    return parts_of(state)


def full_law(config: EnvConfig, device: torch.device | str = "cpu") -> FullLaw:
    """The goal law that `env.goals` and `env.cube_full` configure."""
    return FullLaw(config.goals, config.block(FullConfig), device)


CUBE_FULL = TaskSpec(
    "turn the top face of a full Rubik's cube and bring other faces to the top",
    FullTask,
    object="cube",
    config=FullConfig,
    law=full_law,
    actor_terms=(*CUBE_ACTOR_TERMS, "side_error"),
    critic_terms=(*CUBE_CRITIC_TERMS, "side_error"),
    rewards=CUBE_REWARDS,
    terms=FULL_TERMS,
    reward_terms=REWARD_TERMS,
    goal_kinds=FACE_KINDS,
    cases=CASES,
)
