"""54 stickers <-> the state of a cube.

A string of 54 letters: the faces U R F D L B, each row by row as one looks at it, with the
neighbour at its upper edge as in the usual net (U above F, D below it, R, B and L with U above).
A letter is the face to which the sticker belongs, which the centres say.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from .cube_geometry import (
    FACE_OF,
    FACES,
    INVERSE,
    NAMES,
    NORMALS,
    PLACE_OF,
    PLACES,
    ROTATIONS,
)
from .cube_state import CubeState
from .permutation import IllegalCube, check

COLOURS = {"U": "white", "R": "red", "F": "green", "D": "yellow", "L": "orange", "B": "blue"}
"""Face -> the colour of its stickers in the usual scheme, which the models have."""
_ABOVE = {"U": "B", "R": "U", "F": "U", "D": "F", "L": "U", "B": "U"}
"""Face -> its neighbour at the upper edge in the net."""


def _facelets() -> list[tuple[int, int]]:
    """(place, face) of each of the 54 facelets."""
    found = []
    for face, letter in enumerate(FACES):
        up = NORMALS[FACES.index(_ABOVE[letter])]
        right = np.cross(up, NORMALS[face])
        for row in (1, 0, -1):
            for column in (-1, 0, 1):
                place = NORMALS[face] + row * up + column * right
                found.append((PLACES.index(tuple(place.tolist())), face))
    return found


FACELETS = _facelets()
_BY_PLACE: list[list[tuple[int, int]]] = [
    [(i, face) for i, (at, face) in enumerate(FACELETS) if at == place] for place in range(26)
]
"""Place -> (facelet, face) of each of its stickers."""


def _lookup() -> dict[tuple[int, str], tuple[int, int]]:
    """(place, letters on its stickers) -> (cubelet, rotation). Centres: without rotation."""
    found: dict[tuple[int, str], tuple[int, int]] = {}
    for turn in range(len(ROTATIONS)):
        for cubelet in range(26):
            place = int(PLACE_OF[turn, cubelet])
            letters = "".join(
                FACES[int((FACE_OF[turn] == face).argmax())] for _, face in _BY_PLACE[place]
            )
            found.setdefault((place, letters), (cubelet, turn))
    return found


_LOOKUP = _lookup()


def facelets_of(state: CubeState) -> str:
    """The 54 letters of a state."""
    cubelet_at = np.argsort(state.places)
    letters = []
    for place, face in FACELETS:
        turn = state.turned[cubelet_at[place]]
        letters.append(FACES[int((FACE_OF[turn] == face).argmax())])
    return "".join(letters)


def state_of_facelets(text: str) -> CubeState:
    """The state that shows these letters; its centres count no quarter turns.

    The centres say how the cube is held; the state is that of its core. Raises IllegalCube
    with the reason: length, letter, count of a colour, centres, a cubelet that does not exist or
    is there twice, corner twist, edge flip, parity.
    """
    _check_letters(text)
    text, held = _by_centres(text)
    turned = [0] * 26
    seen: dict[int, int] = {}
    for place in range(26):
        letters = "".join(text[facelet] for facelet, _ in _BY_PLACE[place])
        if (place, letters) not in _LOOKUP:
            raise IllegalCube(f"cube: {_why_unknown(place, letters)}")
        cubelet, turn = _LOOKUP[place, letters]
        if cubelet in seen:
            places = f"{NAMES[seen[cubelet]]} and {NAMES[place]}"
            raise IllegalCube(f"cube: the cubelet {NAMES[cubelet]} is there twice, at {places}")
        seen[cubelet] = place
        turned[cubelet] = turn
    state = CubeState(tuple(turned))
    check(state)
    return state.held(int(INVERSE[held]))


def _check_letters(text: str) -> None:
    if len(text) != 54:
        raise IllegalCube(f"cube: got {len(text)} stickers, allowed: 54")
    for position, letter in enumerate(text):
        if letter not in FACES:
            allowed = ", ".join(FACES)
            raise IllegalCube(f"cube: sticker {position + 1} is {letter!r}, allowed: {allowed}")
    centres = Counter(text[9 * face + 4] for face in range(6))
    for face in FACES:
        if centres[face] != 1:
            raise IllegalCube(f"cube: {centres[face]} centres are {face}, allowed: one of each")
    counts = Counter(text)
    for face in FACES:
        if counts[face] != 9:
            raise IllegalCube(f"cube: {counts[face]} stickers are {face}, allowed: nine of each")


def _by_centres(text: str) -> tuple[str, int]:
    """Rename the letters by the faces where their centres are; and how the cube is held."""
    centres = [FACES.index(text[9 * face + 4]) for face in range(6)]
    same = (FACE_OF[:, centres] == np.arange(6)).all(axis=1)
    if not same.any():
        got = "".join(FACES[centre] for centre in centres)
        raise IllegalCube(f"cube: the centres are {got}: no cube is held like that (mirrored?)")
    renamed = text.translate({ord(FACES[c]): FACES[face] for face, c in enumerate(centres)})
    return renamed, int(same.argmax())


def _why_unknown(place: int, letters: str) -> str:
    """Why no cubelet has these letters at a place."""
    kind = "edge" if len(letters) == 2 else "corner"
    where = f"the {kind} at {NAMES[place]} shows {letters}"
    if len(set(letters)) < len(letters):
        return f"{where}: one colour twice on one cubelet"
    axes = {FACES.index(letter) % 3 for letter in letters}
    if len(axes) < len(letters):
        return f"{where}: opposite colours on one cubelet"
    return f"{where}: the mirror image of a corner"
