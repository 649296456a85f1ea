"""Face angles that are known modulo a period -> continuous angles, and the state of the cube.

A smart cube reports the angle of each face modulo a turn; cameras see side faces modulo a quarter
turn. Each report is taken as the nearest angle to the one before (Solving Rubik's Cube with a Robot
Hand, algorithms 5 and 6). Faces count about their positive axes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ...errors import DataError
from .cube_geometry import AXES, FACES, SIDES, Floats, Ints
from .cube_state import CubeState

TURN, QUARTER = 2 * np.pi, np.pi / 2


class AnglesLost(DataError):
    """Reports of face angles that cannot be followed: the state must be set again."""


@dataclass(frozen=True)
class TrackedCube:
    """What the tracker knows after a report."""

    state: CubeState
    angles_rad: Floats
    """Continuous angle of each face since the start, (6,)."""
    partway_rad: Floats
    """Angle beyond the state's quarter turns, (6,): within 45 degrees and the hysteresis."""
    time_s: float
    doubtful: bool
    """Whether the order of two turns was not seen, now or before: set the state when possible."""


@dataclass
class FaceTracker:
    """Follows one cube from a known state.

    It follows turns while a face moves by less than half of the period, errors of the reports
    included, from one report to the next: 39 rad/s for a period of a turn at 12.5 Hz, 9.8 rad/s for
    a quarter. Turns of two axes between two reports are ordered by the mechanism: one face is
    straight while the other turns.
    """

    state: CubeState
    """With all faces straight, at the first report."""
    period_rad: float | tuple[float, ...] = TURN
    """Of the reports: one for all faces, or six."""
    max_gap_s: float = 0.4
    """Reports farther apart than this are not followed."""
    hysteresis_rad: float = np.radians(10.0)
    """A quarter turn counts from 45 degrees and this much on, so that noise does not repeat it."""
    _zero: Floats | None = field(default=None, init=False)
    _quarters: Ints = field(default_factory=lambda: np.zeros(6, dtype=np.int64), init=False)
    _angles: Floats = field(default_factory=lambda: np.zeros(6), init=False)
    _time_s: float = field(default=-np.inf, init=False)
    _doubtful: bool = field(default=False, init=False)

    def update(self, reported_rad: Floats, time_s: float) -> TrackedCube:
        """Take a report (6,), in the order of FACES. The first one is of a straight cube.

        Raises AnglesLost after a gap, for a report that is not finite or not of six angles, and for
        a time that does not grow; the tracker is unchanged.
        """
        reported = np.asarray(reported_rad, dtype=np.float64)
        self._check(reported, time_s)
        if self._zero is None:
            self._zero = reported.copy()
        period = np.broadcast_to(np.asarray(self.period_rad, dtype=np.float64), (6,))
        moved = reported - self._zero - self._angles
        self._angles = self._angles + moved - period * np.rint(moved / period)
        self._time_s = time_s
        self._count()
        return self.now

    @property
    def now(self) -> TrackedCube:
        """What is known from the last report."""
        partway = self._angles - QUARTER * self._quarters
        return TrackedCube(self.state, self._angles.copy(), partway, self._time_s, self._doubtful)

    def restart(self, state: CubeState) -> None:
        """Begin again at a state that was seen; the next report is of a straight cube."""
        self.state, self._zero, self._doubtful = state, None, False
        self._quarters, self._angles = np.zeros(6, dtype=np.int64), np.zeros(6)
        self._time_s = -np.inf

    def correct(self, face: str, angle_rad: float) -> TrackedCube:
        """Set a face to an absolute angle, modulo a turn, as a camera saw its centre.

        The nearest angle to the tracked one is taken, and the state follows.
        """
        index = FACES.index(face)
        start = self.state.joint_angles_rad[index] - QUARTER * self._quarters[index]
        moved = angle_rad - start - self._angles[index]
        moved -= TURN * np.rint(moved / TURN)
        self._angles[index] += moved
        if self._zero is not None:
            self._zero[index] -= moved
        self._count()
        return self.now

    def _check(self, reported: Floats, time_s: float) -> None:
        if reported.shape != (6,) or not np.isfinite(reported).all():
            got = reported.tolist()
            raise AnglesLost(f"cube angles: got {got}, allowed: six finite angles")
        if self._zero is None:
            return
        gap = time_s - self._time_s
        if not 0.0 < gap <= self.max_gap_s:
            line = f"cube angles: {gap:.2f} s after the last report, allowed: up to"
            raise AnglesLost(f"{line} {self.max_gap_s:g} s; set the state again")

    def _count(self) -> None:
        """Turn the state by the quarters that faces have completed, in the order they had."""
        partway = self._angles - QUARTER * self._quarters
        done = np.abs(partway) > np.pi / 4 + self.hysteresis_rad
        quarters = np.where(done, np.rint(partway / QUARTER), 0).astype(np.int64)
        faces = np.flatnonzero(quarters)
        rest = np.abs(partway - QUARTER * quarters)
        # The face that is still turning was turned last: the others had to be straight before it.
        order = faces[np.argsort(rest[faces], kind="stable")]
        self._doubtful |= _unordered(order, rest)
        for face in order:
            self.state = self.state.turn(FACES[face], int(SIDES[face] * quarters[face]))
        self._quarters = self._quarters + quarters


def _unordered(order: Ints, rest: Floats) -> bool:
    """Whether faces of two axes completed a turn and both are about as straight."""
    axes = {int(AXES[face]) for face in order}
    if len(axes) < 2:
        return False
    turning = rest[order].max()
    last = int(AXES[order[-1]])
    others = max(rest[face] for face in order if AXES[face] != last)
    return bool(turning - others < np.radians(15.0) or len(axes) > 2)
