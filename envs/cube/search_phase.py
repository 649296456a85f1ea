"""One phase of the search: nodes as arrays, expanded in blocks, depth first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .cube_geometry import Ints
from .search_tables import MOVE_FACE, Bounds, Costs

_BLOCK = 1 << 15


def _followers() -> NDArray[np.bool_]:
    """Whether move m may follow one of face f (6: none), (7, 18). Opposite faces: in one order."""
    table = np.ones((7, 18), dtype=bool)
    for face in range(6):
        table[face] = (face != MOVE_FACE) & ~((face >= 3) & (face - 3 == MOVE_FACE))
    return table


_FOLLOWS = _followers()


@dataclass
class Nodes:
    """Nodes of one search: coordinates (n, k), face of the last move, cost, and path."""

    at: Ints
    last: Ints
    cost: Ints
    path: Ints
    """Moves + 1 as digits to base 19, the first in the highest place."""
    root: Ints
    """Index of the node's start in what the search began with."""

    def take(self, chosen: Ints | NDArray[np.bool_] | slice) -> Nodes:
        return Nodes(
            self.at[chosen], self.last[chosen], self.cost[chosen], self.path[chosen],
            self.root[chosen],
        )  # fmt: skip


@dataclass
class Budget:
    """Nodes that a search may still expand; without a solution it goes on."""

    left: int
    solved: bool = False

    @property
    def over(self) -> bool:
        return self.solved and self.left <= 0


class Phase:
    """One phase: how its coordinates move, and the bounds on pairs of them."""

    def __init__(
        self,
        moves: tuple[Ints, ...],
        bounds: tuple[tuple[int, int, Bounds], ...],
        allowed: Ints,
        costs: Costs,
    ) -> None:
        self.moves, self.bounds, self.allowed = moves, bounds, allowed
        self.costs = costs.moves[allowed]
        self.faces = MOVE_FACE[allowed]
        self.follows = _FOLLOWS[:, allowed]

    def bound(self, at: Ints) -> Ints:
        """Lower bound of the cost to the phase's goal, (n,); 0 only there."""
        pairs = [table[at[:, i] * width + at[:, j]] for i, j, width, table in self._pairs()]
        return np.maximum.reduce(pairs).astype(np.int64)

    def _pairs(self) -> Iterator[tuple[int, int, int, Bounds]]:
        for i, j, table in self.bounds:
            yield i, j, len(self.moves[j]), table

    def expand(self, nodes: Nodes, limit: int, budget: Budget) -> tuple[Nodes, Ints]:
        """Children whose cost can stay within the limit, and their bounds."""
        may = self.follows[nodes.last] & (nodes.cost[:, None] + self.costs <= limit)
        parent, move = np.nonzero(may)
        budget.left -= len(parent)
        cost = nodes.cost[parent] + self.costs[move]
        at = np.stack(
            [table[nodes.at[parent, k], move] for k, table in enumerate(self.moves)], axis=1
        )
        bound = self.bound(at)
        keep = np.flatnonzero(cost + bound <= limit)
        parent, move = parent[keep], move[keep]
        path = nodes.path[parent] * 19 + self.allowed[move] + 1
        children = Nodes(at[keep], self.faces[move], cost[keep], path, nodes.root[parent])
        return children, bound[keep]

    def goals(self, start: Nodes, limit: int, budget: Budget) -> Iterator[Nodes]:
        """Blocks of nodes at the goal whose cost is exactly the limit, depth first."""
        bound = self.bound(start.at)
        done = (bound == 0) & (start.cost == limit)
        if done.any():
            yield start.take(done)
        stack = [start.take(start.cost + bound <= limit)]
        while stack and not budget.over:
            block = stack.pop()
            if len(block.cost) > _BLOCK:
                stack.append(block.take(slice(_BLOCK, None)))
                block = block.take(slice(_BLOCK))
            children, bound = self.expand(block, limit, budget)
            done = (bound == 0) & (children.cost == limit)
            if done.any():
                yield children.take(done)
            inner = children.take(~done)
            if len(inner.cost):
                stack.append(inner)
