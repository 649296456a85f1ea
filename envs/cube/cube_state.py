"""The state of a cube whose faces are straight: the rotation of each cubelet about the core."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .cube_geometry import (
    CENTRES,
    FACES,
    IN_LAYER,
    INVERSE,
    PLACE_OF,
    PRODUCT,
    QUARTER,
    SIDES,
    Floats,
    Ints,
    face_index,
)


@dataclass(frozen=True)
class CubeState:
    """Where the 26 cubelets are and how they are turned, relative to the core.

    Where a cubelet is follows from its rotation, so that one number for each says all. The six
    centres stay where they are and turn with their faces; stickers without a cut corner do not
    show it (`same_stickers`).
    """

    turned: tuple[int, ...] = (0,) * 26
    """For each cubelet, in the order of PLACES, its rotation from home: an index of ROTATIONS."""

    @cached_property
    def places(self) -> Ints:
        """Where each cubelet is: index of PLACES, (26,)."""
        return np.asarray(PLACE_OF[list(self.turned), np.arange(26)])

    @property
    def centres(self) -> Ints:
        """Quarter turns of each face, right-handed about its outward normal, 0 to 3, (6,)."""
        turned = np.array(self.turned)[CENTRES]
        return np.asarray((turned[:, None] == QUARTER).argmax(axis=1))

    @property
    def joint_angles_rad(self) -> Floats:
        """Angle of each face about the positive axis in (-pi, pi], multiples of pi / 2, (6,)."""
        quarters = SIDES * self.centres % 4
        return np.where(quarters == 3, -1, quarters) * (np.pi / 2)

    def turn(self, face: str, quarters: int = 1) -> CubeState:
        """Turn a face by quarters, right-handed about its outward normal."""
        index = face_index(face)
        inside = IN_LAYER[self.places, index]
        old = np.array(self.turned)
        new = np.where(inside, PRODUCT[QUARTER[index, quarters % 4], old], old)
        return CubeState(tuple(new.tolist()))

    def held(self, rotation: int) -> CubeState:
        """The same puzzle with the whole cube turned and its stickers renamed by where they are.

        rotation: index of ROTATIONS. A turn of face f becomes one of face FACE_OF[rotation, f].
        """
        new = np.zeros(26, dtype=np.int64)
        new[PLACE_OF[rotation]] = PRODUCT[
            PRODUCT[rotation, list(self.turned)], int(INVERSE[rotation])
        ]
        return CubeState(tuple(new.tolist()))

    def inverse(self) -> CubeState:
        """The state whose solutions are this one's, backwards: every cubelet's move undone."""
        new = np.zeros(26, dtype=np.int64)
        new[self.places] = INVERSE[list(self.turned)]
        return CubeState(tuple(new.tolist()))

    def toward(self, target: CubeState) -> CubeState:
        """The state whose solutions are the sequences that lead from this one to `target`."""
        new = np.zeros(26, dtype=np.int64)
        new[self.places] = PRODUCT[list(target.turned), INVERSE[list(self.turned)]]
        return CubeState(tuple(new.tolist())).inverse()

    def same_stickers(self, other: CubeState) -> bool:
        """Whether both look the same where centres are not told apart by their angle."""
        rest = np.setdiff1d(np.arange(26), CENTRES)
        return bool((np.array(self.turned)[rest] == np.array(other.turned)[rest]).all())

    @property
    def solved(self) -> bool:
        """Whether every face has one colour."""
        return self.same_stickers(SOLVED)


SOLVED = CubeState()


def random_turns(rng: np.random.Generator, count: int) -> list[tuple[str, int]]:
    """Random quarter turns (face, +1 or -1): the scramble of robogym's cubes."""
    faces, signs = rng.integers(6, size=count), rng.choice((-1, 1), size=count)
    return [(FACES[f], int(s)) for f, s in zip(faces, signs, strict=True)]
