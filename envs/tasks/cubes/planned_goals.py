"""Plans for the hands of N worlds: the trial of each, and those that have ended."""

from __future__ import annotations

from functools import partial

import numpy as np

from ...cube.cube_state import SOLVED, CubeState, random_turns
from ...cube.cubelets import read_quaternions
from ...cube.hand_goals import HandTrial
from ...cube.notation import FaceTurn, apply_turns, parse_moves
from ...cube.permutation import IllegalCube
from ...cube.plan import plan_solve, plan_turns

RANDOM = "random"
"""In the place of moves: random quarter turns, others in each trial."""
_TURNS = 50


class PlannedGoals:
    """Leads each world's hand through a plan: to scramble a solved cube by given moves, or to solve
    a cube to which they were applied."""

    def __init__(self, scramble: str, solve: str, seed: int) -> None:
        """One of `scramble` and `solve` is empty; `FullConfig` has checked them."""
        self._solves, self._moves = bool(solve), scramble or solve
        self._rng = np.random.default_rng(seed)
        self.trials: dict[int, HandTrial] = {}
        """World -> its present trial."""
        self.ended: dict[int, HandTrial] = {}
        """World -> the first trial that has ended there."""

    def _turns(self) -> tuple[FaceTurn, ...]:
        if self._moves == RANDOM:
            return tuple(FaceTurn(*turn) for turn in random_turns(self._rng, _TURNS))
        return parse_moves(self._moves).turns

    def begin(self, world: int, up: str) -> tuple[CubeState, HandTrial]:
        """A new trial in a world, and the state in which it starts; the one before has ended.

        up: the face on top. A plan that scrambles starts with the face of its first turn on top;
        which face of a solved cube that is does not matter.
        """
        if world in self.trials:
            self.ended.setdefault(world, self.trials[world])
        turns = self._turns()
        end = apply_turns(turns)
        plan = plan_solve(end, up) if self._solves else plan_turns(turns)
        planner = partial(plan_solve, target=SOLVED if self._solves else end)
        self.trials[world] = HandTrial(plan, planner)
        return plan.start, self.trials[world]

    def measure(self, world: int, cubelets_wxyz: np.ndarray, core_wxyz: np.ndarray) -> bool:
        """Take the rotations of the cubelets about the core (26, 4), and of the core (4,); returns
        whether that led to a new goal. A cube that cannot be read now leads to none."""
        trial = self.trials[world]
        try:
            reading = read_quaternions(cubelets_wxyz)
        except IllegalCube:
            trial.unread += 1
            return False
        trial.unread = 0
        return trial.measured(reading, core_wxyz)
