"""Move strings in the notation of the World Cube Association, and a few common additions.

Faces U R F D L B; a letter alone turns clockwise by a quarter as one looks at the face, an
apostrophe counterclockwise, a 2 by half a turn. Also understood: wide turns (Rw or r), slices
(M E S) and rotations of the whole cube (x y z); each becomes turns of faces.
(WCA Regulations, article 12)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...errors import DataError
from .cube_geometry import FACE_OF, FACES, PRODUCT, QUARTER, opposite
from .cube_state import SOLVED, CubeState

FAIR_SCRAMBLE = "L2 U2 R2 B D2 B2 D2 L2 F' D' R B F L U' F D' L2"
"""The scramble of the original's evaluation (Solving Rubik's Cube with a Robot Hand, 8.4.1)."""

_MOVE = re.compile(r"(?P<letter>[URFDLBurfdlb]w?|[MESxyz])(?P<count>2?)(?P<prime>['’]?)(?=\s|$)")
_ROTATIONS = {"x": "R", "y": "U", "z": "F"}
_SLICES = {"M": ("L", "x", -1), "E": ("D", "y", -1), "S": ("F", "z", 1)}
"""Slice -> the face whose sense it has, and the rotation of the whole cube that it brings."""


class NotationError(DataError):
    """A move string with an error; the message names the position."""


@dataclass(frozen=True)
class FaceTurn:
    """A turn of one face of the core."""

    face: str
    """One of U R F D L B: the face whose centre has this letter, wherever it is."""
    quarters: int
    """-1, 1 or 2 quarters, right-handed: counterclockwise as one looks at the face."""

    def __str__(self) -> str:
        return self.face + {-1: "", 1: "'", 2: "2"}[self.quarters]

    @property
    def inverse(self) -> FaceTurn:
        """The turn that undoes this one."""
        return FaceTurn(self.face, 2 if self.quarters == 2 else -self.quarters)


@dataclass(frozen=True)
class Moves:
    """A parsed string: turns of the core's faces, and how the whole cube was turned meanwhile."""

    turns: tuple[FaceTurn, ...]
    held: int = 0
    """Rotation of the core in the hands of the reader: an index of ROTATIONS."""


def parse_moves(text: str) -> Moves:
    """Parse a move string. Raises NotationError, which names the move and its column."""
    turns: list[FaceTurn] = []
    held, position = 0, _skip(text, 0)
    count = 0
    while position < len(text):
        count += 1
        match = _MOVE.match(text, position)
        if match is None:
            raise NotationError(_refusal(text, position, count))
        quarters = (2 if match["count"] else 1) * (1 if match["prime"] else -1)
        held = _add(turns, match["letter"], quarters, held)
        position = _skip(text, match.end())
    return Moves(tuple(turns), held)


def _skip(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position


def _refusal(text: str, position: int, count: int) -> str:
    word = text[position:].split()[0]
    allowed = "U R F D L B, wide (Rw or r), M E S, x y z, each alone or with ' or 2, spaces between"
    return f"moves: move {count} at column {position + 1}: got {word!r}, allowed: {allowed}"


def _add(turns: list[FaceTurn], letter: str, quarters: int, held: int) -> int:
    """Append the turns of one move; returns how the cube is held after it."""
    if letter in _ROTATIONS:
        return _rotate(held, _ROTATIONS[letter], quarters)
    if letter in _SLICES:
        face, rotation, sense = _SLICES[letter]
        _append(turns, face, -quarters, held)
        _append(turns, opposite(face), quarters, held)
        return _rotate(held, _ROTATIONS[rotation], sense * quarters)
    if len(letter) == 2 or letter.islower():
        face = letter[0].upper()
        _append(turns, opposite(face), quarters, held)
        return _rotate(held, face, quarters)
    _append(turns, letter, quarters, held)
    return held


def _append(turns: list[FaceTurn], spoken: str, quarters: int, held: int) -> None:
    """spoken: the face that the reader sees there; the core's face depends on how it is held."""
    core = FACES[int((FACE_OF[held] == FACES.index(spoken)).argmax())]
    turns.append(FaceTurn(core, (quarters + 1) % 4 - 1))


def _rotate(held: int, face: str, quarters: int) -> int:
    return int(PRODUCT[QUARTER[FACES.index(face), quarters % 4], held])


def format_moves(turns: Iterable[FaceTurn]) -> str:
    """The WCA string of face turns."""
    return " ".join(map(str, turns))


def inverted(turns: Sequence[FaceTurn]) -> tuple[FaceTurn, ...]:
    """The turns that undo these."""
    return tuple(turn.inverse for turn in reversed(turns))


def apply_turns(turns: Iterable[FaceTurn], state: CubeState = SOLVED) -> CubeState:
    """The state after these turns."""
    for turn in turns:
        state = state.turn(turn.face, turn.quarters)
    return state
