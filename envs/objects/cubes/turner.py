"""N free cubes without a hand, whose faces turn by applied torques: what tests and benches drive.

The worlds float without gravity. A layer is turned by an even torque on its nine cubelets, and the
opposite torque acts on the middle slice and the core. The law knows which cubelets are in a layer
from the orientations that a legal cube would have (`legal`), not from the physics.
"""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from mujoco.batch import Batch

from ...cube.cube_geometry import CENTRES, HOME, PLACES
from ...cube.cube_geometry import NORMALS as _NORMALS
from .full_cube import cubelet_name

NAME = "object"
_PLACES = HOME.astype(float)
NORMALS = _NORMALS.astype(float)
"""(6, 3) outward normals of the faces U, R, F, D, L, B."""
STEP_S = 0.008
"""Period of the law: torques are constant within it, whatever the physics step."""
STIFFNESS, DAMPING = 0.5, 0.03
"""Of the law that turns a layer, per rad and per rad/s [Nm]."""
HOLD, LARGEST_HOLD = 0.05, 0.01
"""The other centres are held straight: Nm per rad, and at most [Nm]."""


def multiply(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Product of quaternions wxyz (..., 4)."""
    aw, av, bw, bv = a[..., :1], a[..., 1:], b[..., :1], b[..., 1:]
    scalar = aw * bw - (av * bv).sum(axis=-1, keepdims=True)
    return np.concatenate((scalar, aw * bv + bw * av + np.cross(av, bv)), axis=-1)


def conjugate(q: np.ndarray) -> np.ndarray:
    """Inverse of unit quaternions (..., 4)."""
    return q * np.array((1.0, -1.0, -1.0, -1.0))


def rotate(q: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Vectors (..., 3) turned by unit quaternions (..., 4)."""
    zero = np.zeros((*v.shape[:-1], 1))
    return multiply(multiply(q, np.concatenate((zero, v), axis=-1)), conjugate(q))[..., 1:]


def about(axis: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Rotations by `angle` (...) [rad] about unit axes (..., 3)."""
    half = 0.5 * np.asarray(angle)[..., None]
    return np.concatenate((np.cos(half), np.sin(half) * axis), axis=-1)


def twist(q: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """Angle of rotations (..., 4) about axes (..., 3), in [-pi, pi] [rad]."""
    angle = 2.0 * np.arctan2((q[..., 1:] * axis).sum(axis=-1), q[..., 0])
    return (angle + np.pi) % (2.0 * np.pi) - np.pi


def angle_of(q: np.ndarray) -> np.ndarray:
    """Size of rotations (..., 4) [rad]."""
    return 2.0 * np.arctan2(np.linalg.norm(q[..., 1:], axis=-1), np.abs(q[..., 0]))


@dataclass
class Turn:
    """One turn in each of N worlds."""

    face: np.ndarray
    """(N,) index of the face."""
    angle: np.ndarray
    """(N,) right-handed angle about the outward normal, +-pi/2 [rad]."""


class Cubes:
    """N cubes of one model, which holds the object `object` and nothing else."""

    def __init__(self, model: mujoco.MjModel, count: int, threads: int = 1) -> None:
        self.model, self.count = model, count
        self.batch = Batch(model, count, nthread=threads)
        self.bodies = np.array([model.body(cubelet_name(NAME, place)).id for place in PLACES])
        self.root = model.body(NAME).id
        self.substeps = round(STEP_S / model.opt.timestep)
        self.qpos, self.xfrc = self.batch.bind("qpos"), self.batch.bind("xfrc_applied")
        self.qvel = self.batch.bind("qvel")
        self._joints = [_joints_of(model, int(body)) for body in self.bodies]
        # legal (N, 26, 4): orientation of each cubelet in a legal cube, relative to the core.
        self.legal = np.tile((1.0, 0.0, 0.0, 0.0), (count, len(PLACES), 1))

    def solve(self, worlds: np.ndarray) -> None:
        """Set worlds to the solved cube, at rest."""
        self.qpos[worlds], self.qvel[worlds] = self.model.qpos0, 0.0
        self.legal[worlds] = (1.0, 0.0, 0.0, 0.0)

    def set_face(self, face: int, angle: np.ndarray) -> None:
        """Turn a face of the solved cube by angles (N,) about its outward normal [rad].

        Only for ball joints.
        """
        for cubelet, joints in enumerate(self._joints):
            if _PLACES[cubelet] @ NORMALS[face] < 0.5:
                continue
            address, axis = joints[0]
            if axis is None:
                self.qpos[:, address : address + 4] = about(NORMALS[face], angle)
            else:
                self.qpos[:, address] = NORMALS[face] @ axis * angle

    def places(self) -> np.ndarray:
        """(N, 26, 3) where each cubelet of the legal cube is."""
        return np.rint(rotate(self.legal, np.broadcast_to(_PLACES, (self.count, 26, 3))))

    def members(self, face: np.ndarray) -> np.ndarray:
        """(N, 26) bool: the cubelets of the face (N,)."""
        members: np.ndarray = (self.places() * NORMALS[face][:, None]).sum(axis=-1) > 0.5
        return members

    def core(self) -> np.ndarray:
        """(N, 4) orientation of the core, which has the first joint of the model."""
        core: np.ndarray = self.qpos[:, 3:7]
        return core

    def orientation(self) -> np.ndarray:
        """(N, 26, 4) of the cubelets, relative to the core."""
        result = np.tile((1.0, 0.0, 0.0, 0.0), (self.count, len(PLACES), 1))
        for cubelet, joints in enumerate(self._joints):
            for address, axis in joints:
                turned = (
                    self.qpos[:, address : address + 4]
                    if axis is None
                    else about(axis, self.qpos[:, address])
                )
                result[:, cubelet] = multiply(result[:, cubelet], turned)
        return result

    def off(self) -> np.ndarray:
        """(N, 26, 4) orientation of the cubelets beyond the legal one, in axes of the core."""
        return multiply(self.orientation(), conjugate(self.legal))

    def face_angles(self) -> np.ndarray:
        """(N, 6) angle of each centre beyond the legal one, about the outward normal [rad]."""
        return twist(self.off()[:, CENTRES], NORMALS)

    def layer_angle(self, turn: Turn) -> np.ndarray:
        """(N,) mean angle of the layer's cubelets beyond the legal one [rad]."""
        angles = twist(self.off(), NORMALS[turn.face][:, None])
        inside = self.members(turn.face)
        return np.where(inside, angles, 0.0).sum(axis=1) / inside.sum(axis=1)

    def bend(self) -> np.ndarray:
        """(N,) largest angle of a cubelet from a legal cube whose faces have any one angle [rad].

        Of the legal orientation, and of that one turned with each face on which the cubelet lies,
        the nearest counts.
        """
        off, places = self.off(), self.places()
        nearest = angle_of(off)
        for face, angle in enumerate(self.face_angles().T):
            turned = multiply(conjugate(about(NORMALS[face], angle))[:, None], off)
            inside = (places * NORMALS[face]).sum(axis=-1) > 0.5
            nearest = np.where(inside, np.minimum(nearest, angle_of(turned)), nearest)
        return nearest.max(axis=1)

    def apply(self, turn: Turn, torque: np.ndarray) -> None:
        """Replace all forces by torques (N,) [Nm] on the layers, and their opposite."""
        self.xfrc[:] = 0.0
        axis = rotate(self.core(), NORMALS[turn.face])
        along = (self.places() * NORMALS[turn.face][:, None]).sum(axis=-1)
        share = np.where(along > 0.5, 1.0, np.where(along > -0.5, -1.0, 0.0)) / 9.0
        wrench = torque[:, None] * axis
        self.xfrc[:, self.bodies, 3:] = share[..., None] * wrench[:, None]
        self.xfrc[:, self.root, 3:] = -wrench / 9.0

    def hold_others(self, turn: Turn) -> None:
        """Add weak torques that hold the other centres straight."""
        angles = self.face_angles()
        angles[np.arange(self.count), turn.face] = 0.0
        size = np.clip(-HOLD * angles, -LARGEST_HOLD, LARGEST_HOLD)
        axes = rotate(self.core()[:, None], np.broadcast_to(NORMALS, (self.count, 6, 3)))
        for face, centre in enumerate(CENTRES):
            torque = size[:, face, None] * axes[:, face]
            self.xfrc[:, self.bodies[centre], 3:] += torque
            self.xfrc[:, self.root, 3:] -= torque

    def step(self) -> None:
        """Advance by STEP_S."""
        self.batch.step(nstep=self.substeps)


def _joints_of(model: mujoco.MjModel, body: int) -> list[tuple[int, np.ndarray | None]]:
    """Address in qpos and axis of each joint of a body; a ball has no axis."""
    first, count = int(model.body_jntadr[body]), int(model.body_jntnum[body])
    ball = mujoco.mjtJoint.mjJNT_BALL
    return [
        (int(model.jnt_qposadr[j]), None if model.jnt_type[j] == ball else model.jnt_axis[j].copy())
        for j in range(first, first + count)
    ]
