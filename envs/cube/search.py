"""Solutions that cost a hand the fewest steps: a two-phase search over arrays of nodes.

The search runs on six views of the cube at once: three axes for the middle slice, and the inverse
of each. It lengthens phase 1 step by step, and completes each of its ends by phase 2. The first
solution comes early; the budget goes into cheaper ones. It counts nodes, so that results repeat.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .cube_geometry import FACE_OF, FACES, INVERSE, PRODUCT, Ints, opposite
from .cube_state import CubeState
from .notation import FaceTurn, apply_turns, inverted
from .permutation import check, permutation_of
from .search_phase import Budget, Nodes, Phase
from .search_tables import (
    FREE_MOVES,
    MOVE_FACE,
    MOVES,
    QUADS,
    SLICE_OF_QUAD,
    Costs,
    load_tables,
    orientation_index,
    quad_index,
    rank,
)

_PHASE_2_MOVES = (11, 10)
"""Phase 2 has at most about this many turns for a first solution, and for later ones: where it is
longer, a longer phase 1 finds a cheaper solution sooner."""
BUDGET = 3_000_000
"""Nodes of a search."""
_MOST_MOVES = 14
"""A node's path holds this many."""
_ENDS_PHASE_1 = np.array([m not in FREE_MOVES for m in range(18)])


@dataclass(frozen=True)
class Solution:
    """Turns that solve a cube."""

    turns: tuple[FaceTurn, ...]
    cost: int
    """Of its quarter turns and flips; none before the first turn if its face is up at the start."""


@dataclass
class _Best:
    """The solutions found so far, and how they are priced."""

    costs: Costs
    face_up: str | None
    found: list[Solution] = field(default_factory=list)

    @property
    def cost(self) -> int:
        return min(solution.cost for solution in self.found)

    def add(self, turns: tuple[FaceTurn, ...], cost: int) -> None:
        """cost: with a flip before each turn. Keeps what is cheaper than all before."""
        first = {
            turn.face for turn in turns[:2] if turn.face in turns[0].face + opposite(turns[0].face)
        }
        if self.face_up is None or self.face_up in first:
            cost -= self.costs.flip
        if not self.found or cost < self.cost:
            self.found.append(Solution(turns, cost))


@dataclass(frozen=True)
class _View:
    """The cube as one of the six searches sees it."""

    rotation: int
    backwards: bool
    root: Nodes
    """Of phase 1."""
    corners: int
    """Index of the corners' permutation."""
    quads: Ints
    """Where the edges of the top, of the bottom and of the middle slice are, (3,)."""

    def turns(self, moves: list[int]) -> tuple[FaceTurn, ...]:
        """The moves of this view as turns of the cube."""
        names = FACE_OF[int(INVERSE[self.rotation])]
        turns = [FaceTurn(FACES[names[m // 3]], MOVES[m].quarters) for m in moves]
        return inverted(turns) if self.backwards else tuple(turns)


def _view(state: CubeState, rotation: int, backwards: bool) -> _View:
    at = permutation_of((state.inverse() if backwards else state).held(rotation))
    quads = quad_index(np.argsort(at.edges).reshape(3, 4))
    twist, flip = orientation_index(at.twists, 3), orientation_index(at.flips, 2)
    where = np.array([[twist, flip, SLICE_OF_QUAD[quads[2]]]])
    zero = np.zeros(1, dtype=np.int64)
    root = Nodes(where, zero + 6, zero, zero, zero)
    return _View(rotation, backwards, root, int(rank(np.array(at.corners))), quads)


def _views(state: CubeState) -> list[_View]:
    """Three axes for the middle slice, each forwards and backwards."""
    third = next(g for g in range(24) if (FACE_OF[g, :3] == (1, 2, 0)).all())
    rotations = (0, third, int(PRODUCT[third, third]))
    return [_view(state, g, backwards) for g in rotations for backwards in (False, True)]


class Search:
    """Searches for the cheapest solutions under one set of costs; its tables are made once."""

    def __init__(self, costs: Costs | None = None) -> None:
        self.costs = costs or Costs()
        self.tables = tables = load_tables(self.costs)
        self._first = Phase(
            (tables.twist, tables.flip, tables.slices),
            ((0, 1, tables.twist_flip), (0, 2, tables.twist_slice), (1, 2, tables.flip_slice)),
            np.arange(18),
            self.costs,
        )
        self._second = Phase(
            (tables.corners[:, FREE_MOVES], tables.outer, tables.inner),
            ((0, 2, tables.corner_inner), (1, 2, tables.outer_inner)),
            FREE_MOVES,
            self.costs,
        )

    def solve(
        self, state: CubeState, face_up: str | None = None, budget: int = BUDGET
    ) -> list[Solution]:
        """The solutions found, the cheapest first; one of no turns for a solved cube.

        face_up: the face on top at the start; None: the one that is turned first. budget: nodes to
        search; a first solution is found whatever it is. The same arguments give the same result.
        Raises IllegalCube for a state that no turns reach.
        """
        check(state)
        if state.solved:
            return [Solution((), 0)]
        best = _Best(self.costs, face_up)
        left = Budget(budget)
        views = _views(state)
        limit, longest = 0, _MOST_MOVES * int(self.costs.moves.min())
        while not left.over and not (
            best.found and limit >= min(longest, best.cost + self.costs.flip)
        ):
            for view in views:
                self._lengthen(view, limit, best, left)
            limit += 1
        for solution in best.found:
            if not apply_turns(solution.turns, state).solved:
                raise AssertionError(f"a solution that does not solve: {solution} of {state}")
        return best.found[::-1]

    def _lengthen(self, view: _View, limit: int, best: _Best, budget: Budget) -> None:
        """Complete every phase 1 of exactly this cost by a phase 2, where it can be cheaper."""
        for ends in self._first.goals(view.root, limit, budget):
            if limit:
                # Ends of which phase 2 could have made the last turn are ends of a shorter phase 1.
                ends = ends.take(_ENDS_PHASE_1[(ends.path - 1) % 19])
            if len(ends.cost):
                self._complete(view, ends, limit, best, budget)
                budget.solved = bool(best.found)

    def _complete(self, view: _View, ends: Nodes, spent: int, best: _Best, budget: Budget) -> None:
        """Add what is cheaper than the best so far through these ends, each of cost `spent`."""
        paths = [_moves(int(path)) for path in ends.path]
        start = self._between(view, ends, paths)
        bounds = self._second.bound(start.at)
        cost = int(bounds.min())
        while cost <= self._most(best, spent):
            near = bounds <= cost
            for goals in self._second.goals(start.take(near), cost, budget):
                for root, path in zip(goals.root, goals.path, strict=True):
                    best.add(view.turns(paths[root] + _moves(int(path))), spent + cost)
            cost += 1

    def _most(self, best: _Best, spent: int) -> int:
        """The largest cost of phase 2 that is worth a search."""
        first, later = (
            int(moves * (self.costs.flip + 1.3 * self.costs.turn)) for moves in _PHASE_2_MOVES
        )
        return min(later, best.cost - 1 + self.costs.flip - spent) if best.found else first

    def _between(self, view: _View, ends: Nodes, paths: list[list[int]]) -> Nodes:
        """The roots of phase 2: corners, outer edges and edges of the slice after each path."""
        count = len(paths)
        corners = np.full(count, view.corners)
        quads = np.tile(view.quads, (count, 1))
        # Paths of one cost differ in length; a short one waits.
        longest = max(map(len, paths))
        steps = np.array([path + [-1] * (longest - len(path)) for path in paths]).reshape(count, -1)
        for move in steps.T:
            go = move >= 0
            corners[go] = self.tables.corners[corners[go], move[go]]
            quads[go] = self.tables.quads[quads[go], move[go, None]]
        edges = np.argsort(QUADS[quads].reshape(count, 12), axis=1)
        at = np.stack((corners, rank(edges[:, :8]), rank(edges[:, 8:])), axis=1)
        zero = np.zeros(count, dtype=np.int64)
        last = np.array([MOVE_FACE[path[-1]] if path else 6 for path in paths])
        return Nodes(at, last, zero, zero, np.arange(count))


def _moves(path: int) -> list[int]:
    """The moves of a node's path."""
    moves: list[int] = []
    while path:
        path, digit = divmod(path, 19)
        moves.append(digit - 1)
    return moves[::-1]
