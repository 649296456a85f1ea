"""Tables of the two-phase search: moves of its coordinates, and lower bounds of the cost to go.

Coordinates and phases are Kociemba's (https://kociemba.org/cube.htm): phase 1 makes all twists and
flips 0 and brings the four edges of the middle slice into it; phase 2 does the rest by turns of U
and D and half turns of the other faces. Bounds count a hand's steps instead of turns, so that
every solution is judged by what it costs a hand.
"""

from __future__ import annotations

import os
import zipfile
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import permutations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import SleightError
from ...files import atomic_path
from .cube_geometry import FACES, Ints
from .cube_state import SOLVED
from .notation import FaceTurn
from .permutation import Permutation, permutation_of

Bounds = NDArray[np.uint8]
MOVES: tuple[FaceTurn, ...] = tuple(FaceTurn(face, k) for face in FACES for k in (-1, 2, 1))
"""The 18 turns: U U2 U' R R2 ..."""
MOVE_FACE: Ints = np.arange(18) // 3
FREE_MOVES: Ints = np.array([m for m in range(18) if m // 3 in (0, 3) or m % 3 == 1])
"""The 10 turns of phase 2."""
TWISTS, FLIPS, SLICES = 3**7, 2**11, 495
_VERSION = 1


@dataclass(frozen=True)
class Costs:
    """What a plan's steps cost; solutions are compared by the sum."""

    flip: int = 1
    """Bringing another face to the top: before a turn of each face but the one that is up."""
    turn: int = 1
    """A quarter turn of the top; a half turn is two."""

    @cached_property
    def moves(self) -> Ints:
        """Cost of each of MOVES with the flip before it, (18,)."""
        return np.array([self.flip + abs(move.quarters) * self.turn for move in MOVES])

    def __post_init__(self) -> None:
        # The largest bound, 35 for costs of 1 and 1, has to fit into a byte.
        if not (0 <= self.flip <= 6 and 1 <= self.turn <= 6):
            raise ValueError(f"costs: got {self}, allowed: flip 0 to 6, turn 1 to 6, whole numbers")


@dataclass(frozen=True)
class Tables:
    """All that the search looks up; see the functions that make them."""

    twist: Ints
    flip: Ints
    slices: Ints
    corners: Ints
    quads: Ints
    outer: Ints
    inner: Ints
    twist_flip: Bounds
    twist_slice: Bounds
    flip_slice: Bounds
    corner_inner: Bounds
    outer_inner: Bounds


@cache
def turned(move: int) -> Permutation:
    """The solved cube after one of MOVES: entry i of corners says which corner comes to place i."""
    return permutation_of(SOLVED.turn(MOVES[move].face, MOVES[move].quarters))


def _orientations(base: int, count: int, edges: bool) -> Ints:
    """Moves of a twist or flip coordinate, (base^(count - 1), 18)."""
    powers = base ** np.arange(count - 1)
    digits = np.arange(base ** (count - 1))[:, None] // powers % base
    digits = np.concatenate((digits, -digits.sum(axis=1, keepdims=True) % base), axis=1)
    columns = []
    for move in range(18):
        to = turned(move)
        source, add = (to.edges, to.flips) if edges else (to.corners, to.twists)
        new = (digits[:, list(source)] + np.array(add)) % base
        columns.append(new[:, :-1] @ powers)
    return np.stack(columns, axis=1)


def orientation_index(values: tuple[int, ...], base: int) -> int:
    """The twist or flip coordinate: all but the last orientation as digits."""
    return int(np.array(values[:-1]) @ base ** np.arange(len(values) - 1))


_ORDERS: Ints = np.array(list(permutations(range(8))), dtype=np.int64)


def rank(orders: Ints) -> Ints:
    """Index of permutations (..., n) in lexicographic order."""
    count = orders.shape[-1]
    total = np.zeros(orders.shape[:-1], dtype=np.int64)
    for i in range(count):
        smaller = (orders[..., i + 1 :] < orders[..., i : i + 1]).sum(axis=-1)
        total = total * (count - i) + smaller
    return total


QUADS: Ints = np.array(list(permutations(range(12), 4)), dtype=np.int64)
"""Places of four edges that are told apart, (11880, 4)."""
_QUAD_WEIGHTS = 12 ** np.arange(4)
_QUAD_INDEX = np.zeros(12**4, dtype=np.int64)
_QUAD_INDEX[QUADS @ _QUAD_WEIGHTS] = np.arange(len(QUADS))


def quad_index(places: Ints) -> Ints:
    """Index in QUADS of places (..., 4)."""
    return np.asarray(_QUAD_INDEX[places @ _QUAD_WEIGHTS])


def _quad_moves() -> Ints:
    columns = [quad_index(np.argsort(turned(move).edges)[QUADS]) for move in range(18)]
    return np.stack(columns, axis=1)


SLICE_OF_QUAD: Ints = np.unique((1 << QUADS).sum(axis=1), return_inverse=True)[1]
"""Which of the 495 sets of places the four edges of a quad have, (11880,)."""
SLICE_HOME = int(SLICE_OF_QUAD[quad_index(np.array([8, 9, 10, 11]))])


def _slice_moves(quads: Ints) -> Ints:
    first = np.unique(SLICE_OF_QUAD, return_index=True)[1]
    return SLICE_OF_QUAD[quads[first]]


def _order_moves(start: int, count: int) -> Ints:
    """Moves of the edges at places start .. start + count, among themselves: (count!, 10)."""
    orders = np.array(list(permutations(range(count))))
    columns = []
    for move in FREE_MOVES:
        source = np.array(turned(int(move)).edges[start : start + count]) - start
        columns.append(rank(orders[:, source]))
    return np.stack(columns, axis=1)


def _bounds(first: Ints, second: Ints, start: tuple[int, int], costs: Ints) -> Bounds:
    """Least cost to a start from every pair of two coordinates; 255 where none leads (Dijkstra)."""
    width = len(second)
    found = np.full(len(first) * width, 255, dtype=np.uint8)
    found[start[0] * width + start[1]] = 0
    level, last = 0, 0
    while level <= last:
        front = np.flatnonzero(found == level)
        a, b = np.divmod(front, width)
        for move, cost in enumerate(costs.tolist()):
            after = first[a, move] * width + second[b, move]
            better = found[after] > level + cost
            found[after[better]] = level + cost
            last = max(last, level + cost) if better.any() else last
        level += 1
    return found


def _make(costs: Costs) -> dict[str, NDArray[np.generic]]:
    twist, flip = _orientations(3, 8, edges=False), _orientations(2, 12, edges=True)
    quads = _quad_moves()
    slices = _slice_moves(quads)
    corners = np.stack([rank(_ORDERS[:, list(turned(move).corners)]) for move in range(18)], axis=1)
    outer, inner = _order_moves(0, 8), _order_moves(8, 4)
    free = costs.moves[FREE_MOVES]
    return {
        "twist": twist,
        "flip": flip,
        "slices": slices,
        "corners": corners,
        "quads": quads,
        "outer": outer,
        "inner": inner,
        "twist_flip": _bounds(twist, flip, (0, 0), costs.moves),
        "twist_slice": _bounds(twist, slices, (0, SLICE_HOME), costs.moves),
        "flip_slice": _bounds(flip, slices, (0, SLICE_HOME), costs.moves),
        "corner_inner": _bounds(corners[:, FREE_MOVES], inner, (0, 0), free),
        "outer_inner": _bounds(outer, inner, (0, 0), free),
    }


def cache_folder() -> Path:
    """Where tables are kept: $XDG_CACHE_HOME/sleight, by default ~/.cache/sleight."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sleight"


@cache
def load_tables(costs: Costs) -> Tables:
    """The tables for these costs: from the cache's folder, or made (seconds) and kept there.

    A damaged file is made anew. Where the folder cannot be written, nothing is kept.
    """
    path = cache_folder() / f"cube-search-{costs.flip}-{costs.turn}-v{_VERSION}.npz"
    arrays = _read(path)
    if arrays is None:
        arrays = _make(costs)
        _keep(path, arrays)
    return Tables(**arrays)  # type: ignore[arg-type]


def _read(path: Path) -> dict[str, NDArray[np.generic]] | None:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in Tables.__dataclass_fields__}
    except (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile):
        return None  # RuntimeError: a file that says that it is encrypted
    return arrays


def _keep(path: Path, arrays: dict[str, NDArray[np.generic]]) -> None:
    try:
        with atomic_path(path) as temporary:
            np.savez(temporary, **arrays)  # type: ignore[arg-type]
    except (SleightError, OSError):
        return  # the tables are in memory; the next program makes them again
