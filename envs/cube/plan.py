"""Plans for a hand that turns only the face on top: flips of the cube, and quarter turns.

A solution becomes steps: a flip brings the face of the next turn to the top, and each quarter turn
is a step, as in Solving Rubik's Cube with a Robot Hand, 2.2 and 8.4.1. Its fair scramble counts 26
quarter turns and 17 flips, 43 steps; the face of the first turn is on top at the start.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from .cube_geometry import face_index, opposite
from .cube_state import SOLVED, CubeState
from .notation import FAIR_SCRAMBLE, FaceTurn, parse_moves
from .permutation import check
from .search import BUDGET, Search
from .search_tables import Costs


@dataclass(frozen=True)
class Flip:
    """Bring a face to the top, whatever the yaw of the cube."""

    face_up: str


@dataclass(frozen=True)
class Turn:
    """Turn the face on top by a quarter."""

    quarter: int
    """+1: counterclockwise as one looks at it from above, right-handed about up; -1: clockwise."""


@dataclass(frozen=True)
class Step:
    """One step, and what it leads to."""

    move: Flip | Turn
    face_up: str
    """The face on top after the step, and during a turn."""
    state: CubeState
    """After the step, with straight faces; a flip does not change it."""


@dataclass(frozen=True)
class Plan:
    """Steps from a state; `steps[k].state` is the goal of step k."""

    start: CubeState
    face_up: str
    """The face on top at the start."""
    steps: tuple[Step, ...]

    @property
    def flips(self) -> int:
        """Steps that flip the cube."""
        return sum(isinstance(step.move, Flip) for step in self.steps)

    @property
    def turns(self) -> int:
        """Steps that turn the top by a quarter."""
        return len(self.steps) - self.flips

    @property
    def half(self) -> int:
        """Steps that count as half of the plan: 22 of the original's 43."""
        return (len(self.steps) + 1) // 2

    def turns_from(self, step: int) -> tuple[FaceTurn, ...]:
        """The turns of the steps from number `step` on."""
        return tuple(
            FaceTurn(left.face_up, left.move.quarter)
            for left in self.steps[step:]
            if isinstance(left.move, Turn)
        )

    @property
    def end(self) -> CubeState:
        """The state after all steps."""
        return self.steps[-1].state if self.steps else self.start


def plan_turns(
    turns: Iterable[FaceTurn],
    state: CubeState = SOLVED,
    face_up: str | None = None,
    half_turn: int = 1,
) -> Plan:
    """The plan that makes these turns in this order, one flip before each turn of another face.

    face_up: the face on top at the start; None: that of the first turn. half_turn: the sign of both
    quarters of a half turn. Raises IllegalCube for an illegal state.
    """
    check(state)
    turns = tuple(turns)
    up = face_up or (turns[0].face if turns else "U")
    face_index(up)
    plan_start, plan_up = state, up
    steps: list[Step] = []
    for turn in turns:
        if turn.face != up:
            up = turn.face
            steps.append(Step(Flip(up), up, state))
        for quarter in (half_turn,) * 2 if turn.quarters == 2 else (turn.quarters,):
            state = state.turn(up, quarter)
            steps.append(Step(Turn(quarter), up, state))
    return Plan(plan_start, plan_up, tuple(steps))


def plan_solve(
    state: CubeState,
    face_up: str | None = None,
    costs: Costs | None = None,
    budget: int = BUDGET,
    half_turn: int = 1,
    target: CubeState = SOLVED,
) -> Plan:
    """The cheapest plan found that solves a state; plan anew from any state that is measured.

    face_up: the face on top now; None: that of the first turn. costs: what a flip and a quarter
    turn cost, by default one step each. budget: nodes to search; the same arguments give the same
    plan. target: the state that it leads to. The first call makes or reads the search's tables.
    Raises IllegalCube.
    """
    check(state)
    best = search_for(costs or Costs()).solve(state.toward(target), face_up, budget)[0]
    return plan_turns(ordered(best.turns, face_up), state, face_up, half_turn)


@cache
def search_for(costs: Costs) -> Search:
    """The search under these costs, made once."""
    return Search(costs)


def ordered(turns: Sequence[FaceTurn], face_up: str | None) -> tuple[FaceTurn, ...]:
    """The same turns without needless ones, the face on top first where the order is free.

    Turns of opposite faces commute: of such a run each face keeps one turn, or none.
    """
    runs: list[list[FaceTurn]] = []
    for turn in turns:
        if not (runs and face_index(runs[-1][0].face) % 3 == face_index(turn.face) % 3):
            runs.append([])
        runs[-1].append(turn)
        merged = _merged(runs.pop(), face_up if not runs else None)
        if merged:
            runs.append(merged)
    return tuple(turn for run in runs for turn in run)


def _merged(run: list[FaceTurn], face_up: str | None) -> list[FaceTurn]:
    """One turn for each face of a run of one axis."""
    first = run[0].face
    faces = sorted((first, opposite(first)), key=lambda face: (face != face_up, face != first))
    sums = {face: sum(t.quarters for t in run if t.face == face) % 4 for face in faces}
    return [FaceTurn(face, k if k < 3 else -1) for face, k in sums.items() if k]


def fair_scramble() -> Plan:
    """The original's 43 steps: from a solved cube with L on top, its fair scramble."""
    return plan_turns(parse_moves(FAIR_SCRAMBLE).turns)
