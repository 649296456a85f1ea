"""The plan of a run: moves that the hand makes with a Rubik's cube, or that it undoes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from ...config import Range
from ...envs.cube.cube_state import SOLVED, CubeState
from ...envs.cube.notation import FaceTurn, apply_turns, parse_moves
from ...envs.cube.plan_moves import check_moves


@dataclass(frozen=True)
class PlanConfig:
    """Goals from a plan; without moves they are drawn at random, as in training."""

    scramble: str = ""
    """Goals are the steps of these moves, from a solved cube, for example `L2 U2 R'`."""
    solve: str = ""
    """Goals are the steps that solve a cube to which these moves were applied."""
    goal_timeout_s: Annotated[float, Range(0.1, 1e4)] = 128.0
    """Time for one goal [s]: 1,600 steps of 80 ms, as for the original's hand."""
    max_gap_s: Annotated[float, Range(0.05, 10)] = 0.4
    """Largest time between two reports of the face angles [s]; after a longer one the state of the
    cube is not known any more, and the trial is cut."""

    def __post_init__(self) -> None:
        check_moves(self.scramble, self.solve)

    @property
    def turns(self) -> tuple[FaceTurn, ...]:
        """The turns of the moves."""
        return parse_moves(self.scramble or self.solve).turns

    @property
    def start(self) -> CubeState:
        """The state in which the cube is placed."""
        return apply_turns(self.turns) if self.solve else SOLVED

    @property
    def end(self) -> CubeState:
        """The state that the hand works for."""
        return SOLVED if self.solve else apply_turns(self.turns)
