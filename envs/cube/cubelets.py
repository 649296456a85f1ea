"""Rotations of the 26 cubelets, as a simulator or a camera gives them, <-> state and face angles.

A face may be partway through a turn; then the four faces around it are straight, and its opposite
may be anywhere. Reading undoes the partial turns of one axis and rounds what is left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .cube_geometry import (
    AXES,
    CENTRES,
    FACES,
    HOME,
    IN_LAYER,
    NAMES,
    NORMALS,
    ROTATIONS,
    SIDES,
    Floats,
    Ints,
    about,
    wrapped,
)
from .cube_state import CubeState
from .permutation import IllegalCube, check

LIMIT_RAD = float(np.radians(20.0))
"""A cubelet farther than this from a legal rotation has come out of the mechanism."""


@dataclass(frozen=True)
class Reading:
    """A physical cube as the nearest state."""

    state: CubeState
    angles_rad: Floats
    """Angle of each face about the positive axis in (-pi, pi], (6,)."""
    live_axis: int
    """0, 1 or 2 for x, y or z: the axis whose layers may be partway through a turn."""
    partway_rad: Floats
    """What each face is away from the state's angle, about the positive axis, (6,)."""
    residual_rad: Floats
    """What each cubelet is away from its place in a cube with these partial turns, (26,)."""

    @property
    def distance_rad(self) -> float:
        """The largest residual: 0 for a cube whose cubelets are where its mechanism wants them."""
        return float(self.residual_rad.max())

    @property
    def turning(self) -> tuple[str, ...]:
        """Faces of the live axis that are more than 0.1 rad away from straight."""
        away = np.abs(self.partway_rad) > 0.1
        return tuple(FACES[f] for f in range(6) if away[f] and AXES[f] == self.live_axis)


def place_cubelets(state: CubeState, partway_rad: Floats | None = None) -> tuple[Floats, Floats]:
    """Rotations (26, 3, 3) and places (26, 3), in pitches from the core, of a state's cubelets.

    partway_rad: what each face is turned beyond the state, about the positive axis, (6,). Raises
    IllegalCube if faces of two axes are partway.
    """
    turned = ROTATIONS[list(state.turned)].astype(np.float64)
    for face in _partway_faces(np.zeros(6) if partway_rad is None else np.asarray(partway_rad)):
        inside = IN_LAYER[state.places, face]
        angle = float(SIDES[face] * np.asarray(partway_rad)[face])
        turned[inside] = about(NORMALS[face], angle) @ turned[inside]
    return turned, np.einsum("nij,nj->ni", turned, HOME)


def _partway_faces(partway_rad: Floats) -> Ints:
    faces = np.flatnonzero(partway_rad)
    if len({int(AXES[face]) for face in faces}) > 1:
        names = " and ".join(FACES[face] for face in faces)
        raise IllegalCube(f"cube: faces {names} partway through a turn, allowed: of one axis")
    return faces


def read_cubelets(turned: Floats, limit_rad: float = LIMIT_RAD) -> Reading:
    """The state nearest to rotations of the cubelets relative to the core, (26, 3, 3).

    Raises IllegalCube if a cubelet is farther than `limit_rad` from its place, or if the nearest
    rotations are no legal cube.
    """
    if turned.shape != (26, 3, 3) or not np.isfinite(turned).all():
        raise IllegalCube(f"cube: got rotations {turned.shape}, allowed: (26, 3, 3), all finite")
    angles = _face_angles(turned)
    rests = angles - np.rint(angles / (np.pi / 2)) * (np.pi / 2)
    tries = [_straightened(turned, rests, axis) for axis in range(3)]
    residuals = np.array([residual for _, residual in tries])
    live = _live_axis(residuals, rests)
    nearest, residual = tries[live]
    worst = int(residual.argmax())
    if residual[worst] > limit_rad:
        far, limit = np.degrees((residual[worst], limit_rad))
        where = f"the cubelet {NAMES[worst]} is {far:.0f} degrees from the nearest legal place"
        raise IllegalCube(f"cube: {where}, allowed: {limit:.0f}")
    state = CubeState(tuple(nearest.tolist()))
    check(state)
    return Reading(state, angles, live, rests, residual)


def _live_axis(residuals: Floats, rests: Floats) -> int:
    """The axis that explains the rotations best; where several do, the one turned the most."""
    worst = residuals.max(axis=1)
    turned = np.array([np.abs(rests[axis == AXES]).max() for axis in range(3)])
    return int(np.where(worst < worst.min() + 1e-9, turned, -1.0).argmax())


def _face_angles(turned: Floats) -> Floats:
    """Angle of each centre about its positive axis in (-pi, pi], (6,)."""
    angles = np.empty(6)
    for face, centre in enumerate(CENTRES):
        first, second = (AXES[face] + 1) % 3, (AXES[face] + 2) % 3
        matrix = turned[centre]
        # The part of the rotation about the axis, whatever tilt is left over.
        sine = matrix[second, first] - matrix[first, second]
        cosine = matrix[first, first] + matrix[second, second]
        angles[face] = np.arctan2(sine, cosine)
    return angles


def _straightened(turned: Floats, rests: Floats, axis: int) -> tuple[Ints, Floats]:
    """Undo the partial turns about an axis, and round: rotations' indices and residuals, (26,)."""
    along = np.einsum("nj,nj->n", turned[:, axis, :], HOME)
    straight = turned.copy()
    for face in np.flatnonzero(axis == AXES):
        inside = along * SIDES[face] > 0.5
        unit = np.eye(3)[axis]
        straight[inside] = about(unit, -float(rests[face])) @ straight[inside]
    traces = np.einsum("gij,nij->ng", ROTATIONS, straight)
    nearest = traces.argmax(axis=1)
    chosen = ROTATIONS[nearest]
    # From the chord, which is exact for small angles where the arc cosine of the trace is not.
    chord = np.linalg.norm(straight - chosen, axis=(1, 2)) / np.sqrt(8.0)
    return nearest, 2.0 * np.arcsin(np.minimum(chord, 1.0))


def matrices_of(wxyz: Floats) -> Floats:
    """Rotation matrices (..., 3, 3) of unit quaternions (..., 4)."""
    w, x, y, z = np.moveaxis(np.asarray(wxyz), -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), (0, 1), (-2, -1))


def quaternions_of(turned: Floats) -> Floats:
    """Unit quaternions (..., 4), wxyz with w >= 0, of rotation matrices (..., 3, 3)."""
    m = np.asarray(turned)
    trace = np.trace(m, axis1=-2, axis2=-1)
    diagonal = np.diagonal(m, axis1=-2, axis2=-1)
    # Four times each product of two components; the row of the largest square is the best.
    squares = np.concatenate(((1 + trace)[..., None], 1 + 2 * diagonal - trace[..., None]), -1)
    w = (m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1])
    xy, xz, yz = (m[..., i, j] + m[..., j, i] for i, j in ((0, 1), (0, 2), (1, 2)))
    s0, s1, s2, s3 = np.moveaxis(squares, -1, 0)
    table = np.array([[s0, *w], [w[0], s1, xy, xz], [w[1], xy, s2, yz], [w[2], xz, yz, s3]])
    table = np.moveaxis(table, (0, 1), (-2, -1))
    best = squares.argmax(axis=-1)[..., None, None]
    q = np.take_along_axis(table, best, axis=-2)[..., 0, :]
    q = q / np.linalg.norm(q, axis=-1, keepdims=True)
    return np.where(q[..., :1] < 0, -q, q)


def read_quaternions(wxyz: Floats, limit_rad: float = LIMIT_RAD) -> Reading:
    """As `read_cubelets`, from unit quaternions relative to the core, (26, 4)."""
    return read_cubelets(matrices_of(wxyz), limit_rad)


def face_up(core_wxyz: Floats) -> tuple[str, float]:
    """The face that is up, and its tilt from vertical [rad], for the core's orientation (4,)."""
    heights = (matrices_of(core_wxyz) @ NORMALS.T)[2]
    best = int(heights.argmax())
    return FACES[best], float(np.arccos(np.clip(heights[best], -1.0, 1.0)))


def joint_angles_of(state: CubeState, partway_rad: Floats | None = None) -> Floats:
    """Angle of each face about the positive axis, wrapped to (-pi, pi], (6,)."""
    angles = state.joint_angles_rad + (0.0 if partway_rad is None else np.asarray(partway_rad))
    return wrapped(angles)
