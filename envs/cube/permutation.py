"""Permutation and orientation of corners and edges, in the convention of Kociemba's two-phase.

A corner has twist t when its U or D sticker is on the t-th face of the place, clockwise from the
place's U or D face. An edge is flipped when its first sticker is not on the place's first face.
(https://kociemba.org/math/cubielevel.htm)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import DataError
from .cube_geometry import CENTRES, FACE_OF, FACES, NAMES, PLACE_OF, QUARTER, Ints
from .cube_state import CubeState

CORNERS = ("URF", "UFL", "ULB", "UBR", "DFR", "DLF", "DBL", "DRB")
"""Corners, each with its faces clockwise from U or D."""
EDGES = ("UR", "UF", "UL", "UB", "DR", "DF", "DL", "DB", "FR", "FL", "BL", "BR")


class IllegalCube(DataError):
    """Cubelets that no sequence of turns can bring to where they are."""


def _cubelet(faces: str) -> int:
    return next(i for i, name in enumerate(NAMES) if sorted(name) == sorted(faces))


CORNER_CUBELETS: Ints = np.array([_cubelet(faces) for faces in CORNERS])
EDGE_CUBELETS: Ints = np.array([_cubelet(faces) for faces in EDGES])


@dataclass(frozen=True)
class Permutation:
    """What lies at each place: entry p of `corners` is the corner at the p-th of CORNERS."""

    corners: tuple[int, ...] = tuple(range(8))
    twists: tuple[int, ...] = (0,) * 8
    """0, 1 or 2: thirds of a turn, clockwise."""
    edges: tuple[int, ...] = tuple(range(12))
    flips: tuple[int, ...] = (0,) * 12
    """0 or 1."""

    def check(self) -> None:
        """Raises IllegalCube with the reason if no sequence of turns leads here."""
        _unique("corner", self.corners, CORNERS)
        _unique("edge", self.edges, EDGES)
        if sum(self.twists) % 3:
            thirds = "a third" if sum(self.twists) % 3 == 1 else "two thirds"
            raise IllegalCube(f"cube: corner twist: the twists add up to {thirds} of a turn, not 0")
        if sum(self.flips) % 2:
            raise IllegalCube("cube: edge flip: an odd number of edges is flipped")
        if _odd(self.corners) != _odd(self.edges):
            raise IllegalCube("cube: parity: two cubelets are swapped, which no turns can do")


def _unique(kind: str, values: tuple[int, ...], names: tuple[str, ...]) -> None:
    for value, name in enumerate(names):
        places = [names[p] for p, v in enumerate(values) if v == value]
        if len(places) > 1:
            raise IllegalCube(f"cube: the {kind} {name} is there twice, at {' and '.join(places)}")


def _odd(values: tuple[int, ...]) -> bool:
    """Parity of a permutation."""
    pairs = np.triu(np.array(values)[:, None] > np.array(values)[None, :], k=1)
    return bool(pairs.sum() % 2)


def permutation_of(state: CubeState) -> Permutation:
    """The permutation of a state; centres are left out."""
    corners = _read(state, CORNERS, CORNER_CUBELETS)
    edges = _read(state, EDGES, EDGE_CUBELETS)
    return Permutation(*corners, *edges)


def _read(
    state: CubeState, names: tuple[str, ...], cubelets: Ints
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """What lies at each place of one kind, and on which of its faces the first sticker is."""
    at, how = [-1] * len(names), [0] * len(names)
    for piece, cubelet in enumerate(cubelets):
        place = int(np.flatnonzero(cubelets == state.places[cubelet])[0])
        face = FACES[FACE_OF[state.turned[cubelet], FACES.index(names[piece][0])]]
        at[place], how[place] = piece, names[place].index(face)
    return tuple(at), tuple(how)


def state_of(permutation: Permutation, centres: tuple[int, ...] = (0,) * 6) -> CubeState:
    """The state of a legal permutation. centres: quarter turns of each face, unknown from stickers.

    Raises IllegalCube with the reason.
    """
    permutation.check()
    turned = [0] * 26
    _write(turned, permutation.corners, permutation.twists, CORNERS, CORNER_CUBELETS)
    _write(turned, permutation.edges, permutation.flips, EDGES, EDGE_CUBELETS)
    for face, quarters in enumerate(centres):
        turned[CENTRES[face]] = int(QUARTER[face, quarters % 4])
    return CubeState(tuple(turned))


def random_state(rng: np.random.Generator) -> CubeState:
    """A state drawn evenly from all that turns reach; its centres count no quarter turns."""
    corners, edges = rng.permutation(8), rng.permutation(12)
    if _odd(tuple(corners)) != _odd(tuple(edges)):
        edges[:2] = edges[1::-1]
    twists, flips = rng.integers(3, size=8), rng.integers(2, size=12)
    twists[-1], flips[-1] = -twists[:-1].sum() % 3, -flips[:-1].sum() % 2
    parts = (tuple(values.tolist()) for values in (corners, twists, edges, flips))
    return state_of(Permutation(*parts))


def _write(
    turned: list[int],
    pieces: tuple[int, ...],
    how: tuple[int, ...],
    names: tuple[str, ...],
    cubelets: Ints,
) -> None:
    for place, (piece, shift) in enumerate(zip(pieces, how, strict=True)):
        first = FACES.index(names[piece][0])
        to = FACES.index(names[place][shift])
        there = PLACE_OF[:, cubelets[piece]] == cubelets[place]
        turned[cubelets[piece]] = int(np.flatnonzero(there & (FACE_OF[:, first] == to))[0])


def check(state: CubeState) -> None:
    """Raises IllegalCube with the reason if no sequence of turns leads to a state's cubelets."""
    for face, centre in enumerate(CENTRES):
        if state.places[centre] != centre:
            where = NAMES[state.places[centre]]
            raise IllegalCube(f"cube: the centre {FACES[face]} is at {where}; centres do not move")
    for cubelet in np.concatenate((CORNER_CUBELETS, EDGE_CUBELETS)):
        twice = np.flatnonzero(state.places == state.places[cubelet])
        if len(twice) > 1:
            names = " and ".join(NAMES[i] for i in twice)
            raise IllegalCube(f"cube: {names} are both at {NAMES[state.places[cubelet]]}")
    permutation_of(state).check()
