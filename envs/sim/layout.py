"""The layout of a model: which indices belong to the hand and to the object, found by name.

Consecutive indices are stored as a slice, which reads a view of the state without a copy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np

from ...contract.hand_spec import HandSpec
from ..objects.object_spec import ObjectSpec
from .model_config import OBJECT

Index = Any
"""A slice, or an array of indices: numpy's, or a tensor on a device (`sim.on_device`)."""


@dataclass(frozen=True)
class Layout:
    """Indices of J joints, A actuators, F fingertips and K inner joints of the object."""

    joints: Index
    """(J,) joints of the hand in qpos, in the order of the HandSpec."""
    joint_dofs: Index
    """(J,) joints of the hand in qvel."""
    wrist: Index
    """Joints of the wrist, in qpos."""
    motors: Index
    """(A,) motors in ctrl."""
    tips: Index
    """(F,) sites of the fingertips."""
    position: slice
    rotation: slice
    """Pose of the object in qpos: position [m] and wxyz quaternion."""
    velocity: slice
    spin: slice
    """Velocity of the object in qvel: linear in world axes [m/s], angular in its own [rad/s]."""
    inner: Index
    inner_dofs: Index
    """(K,) observed inner joints of the object, in qpos and in qvel."""
    parts: Index
    """All inner joints of the object in qpos, those that are not observed too; a ball has four."""
    object_dofs: Index
    """Degrees of freedom of the object, all inner joints included, in qvel."""
    object_bodies: tuple[int, ...]
    """Bodies of the object, the root first."""
    object_geoms: tuple[int, ...]
    """Geoms of the object that collide."""
    hand_bodies: tuple[int, ...]
    hand_joints: tuple[int, ...]
    hand_geoms: tuple[int, ...]
    """Geoms of the hand that collide."""
    contact_geoms: tuple[int, ...]
    """Geoms whose parameters the contacts between hand and object have: those of both, or the
    hand's alone if the object's are for contacts among its own parts."""
    couplings: tuple[int, ...]
    """Tendons of limited length, which couple two joints."""

    @property
    def object_body(self) -> int:
        """Root body of the object."""
        return self.object_bodies[0]

    @property
    def self_contact(self) -> bool:
        """Whether contacts among its own parts hold the object together."""
        return self.contact_geoms == self.hand_geoms


def layout_of(model: mujoco.MjModel, hand: HandSpec, held: ObjectSpec) -> Layout:
    """The layout of a model that `build_model` made for this hand and object."""
    joints = [model.joint(name) for name in hand.joints]
    inner = [model.joint(name) for name in held.joint_names(OBJECT)]
    free = model.joint(OBJECT)
    qpos, dof = int(free.qposadr[0]), int(free.dofadr[0])
    bodies = _subtree(model, model.body(OBJECT).id)
    links = _subtree(model, *{_root(model, int(model.jnt_bodyid[j.id])) for j in joints})
    parts = [j for j in range(model.njnt) if int(model.jnt_bodyid[j]) in bodies and j != free.id]
    touching, own = _touching(model, links), _touching(model, bodies)
    return Layout(
        joints=as_index(j.qposadr[0] for j in joints),
        joint_dofs=as_index(j.dofadr[0] for j in joints),
        wrist=as_index(joints[i].qposadr[0] for i in hand.wrist_joints),
        motors=as_index(model.actuator(name).id for name in hand.actuators),
        tips=np.array([model.site(name).id for name in hand.fingertips], dtype=np.int64),
        position=slice(qpos, qpos + 3),
        rotation=slice(qpos + 3, qpos + 7),
        velocity=slice(dof, dof + 3),
        spin=slice(dof + 3, dof + 6),
        inner=as_index(j.qposadr[0] for j in inner),
        inner_dofs=as_index(joint.dofadr[0] for joint in inner),
        parts=_coordinates(model.jnt_qposadr, parts, model.nq),
        object_dofs=_coordinates(model.jnt_dofadr, [free.id, *parts], model.nv),
        object_bodies=bodies,
        object_geoms=own,
        hand_bodies=links,
        hand_joints=tuple(int(j.id) for j in joints),
        hand_geoms=touching,
        contact_geoms=touching if held.self_contact else tuple(sorted((*touching, *own))),
        couplings=tuple(i for i in range(model.ntendon) if model.tendon_limited[i]),
    )


def as_index(ids: Iterable[int]) -> slice | np.ndarray:
    """Indices as a slice if they are consecutive, otherwise as an array."""
    values = [int(i) for i in ids]
    first = values[0] if values else 0
    if values == list(range(first, first + len(values))):
        return slice(first, first + len(values))
    return np.array(values, dtype=np.int64)


def cells(rows: Any, columns: Index) -> tuple[Any, Index]:
    """The key that selects columns in rows of a tensor; each is a slice or indices."""
    both = not isinstance(rows, slice) and not isinstance(columns, slice)
    return (rows[:, None] if both else rows), columns


def _coordinates(start: np.ndarray, joints: Sequence[int], count: int) -> Index:
    """Coordinates of joints; those of one joint end where the next joint's begin."""
    ends = np.append(start[1:], count)
    return as_index(i for joint in joints for i in range(int(start[joint]), int(ends[joint])))


def _root(model: mujoco.MjModel, body: int) -> int:
    """The ancestor of a body whose parent is the world."""
    while model.body_parentid[body]:
        body = int(model.body_parentid[body])
    return body


def _subtree(model: mujoco.MjModel, *roots: int) -> tuple[int, ...]:
    """The bodies `roots` and all bodies below them; MuJoCo numbers parents before children."""
    inside: set[int] = set(roots)
    for body in range(1, model.nbody):
        if int(model.body_parentid[body]) in inside:
            inside.add(body)
    return tuple(sorted(inside))


def _touching(model: mujoco.MjModel, bodies: Sequence[int]) -> tuple[int, ...]:
    """Geoms of `bodies` that collide."""
    wanted = set(bodies)
    return tuple(
        geom
        for geom in range(model.ngeom)
        if int(model.geom_bodyid[geom]) in wanted and model.geom_contype[geom]
    )
