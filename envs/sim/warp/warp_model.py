"""The model on Warp's device, with an array per world for the fields that are asked for."""

from __future__ import annotations

import copy
from typing import Any

import mujoco
import mujoco_warp as mjw
import numpy as np
import warp as wp
from torch import Tensor

from ....errors import ConfigError

MOST_DENSE_DOFS = 60
"""Up to this many degrees of freedom Warp takes a dense Jacobian."""
NO_MOTOR, SEARCH_MOTORS = -1, -2
"""Values of `jnt_actuatorid`: no motor has damping, and look for those that have."""
DERIVED = (
    "body_subtreemass",
    "body_invweight0",
    "dof_invweight0",
    "tendon_invweight0",
    "tendon_length0",
    "actuator_acc0",
    "geom_rbound",
    "geom_aabb",
)
"""What `set_const` computes. An array that all worlds share would get the values of one of them."""


def warp_copy(model: mujoco.MjModel) -> mujoco.MjModel:
    """The model as Warp takes it; its physics in C are the same.

    Warp has no mid-phase to switch off. Without the flag NATIVECCD it meets two boxes with the same
    collider as C, not with the general one for convex shapes.
    """
    taken = copy.copy(model)
    taken.opt.disableflags &= ~int(mujoco.mjtDisableBit.mjDSBL_MIDPHASE)
    taken.opt.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_NATIVECCD)
    if model.nv > MOST_DENSE_DOFS:
        taken.opt.jacobian = mujoco.mjtJacobian.mjJAC_SPARSE
    _name_motors(taken)
    return taken


def _name_motors(model: mujoco.MjModel) -> None:
    """Let joints and tendons look for the damping of their motors, also if none has any yet.

    C finds the motors anew when constants are computed, Warp only when the model is built.
    """
    kinds = mujoco.mjtTrn
    for motor, kind in ((model.jnt_actuatorid, kinds.mjTRN_JOINT),
                        (model.tendon_actuatorid, kinds.mjTRN_TENDON)):  # fmt: skip
        driven = model.actuator_trnid[model.actuator_trntype == int(kind), 0]
        motor[driven] = np.where(motor[driven] == NO_MOTOR, SEARCH_MOTORS, motor[driven])


class WarpModel:
    """`mujoco_warp.Model` of N worlds; a field is shared until it is asked for."""

    def __init__(self, model: mujoco.MjModel, num_worlds: int) -> None:
        """model: see `warp_copy`. Raises ConfigError for a model with a thing that Warp lacks."""
        self._model, self._count = model, num_worlds
        try:
            self.model = mjw.put_model(model)
        except (NotImplementedError, ValueError) as error:
            line = " ".join(str(error).split())
            raise ConfigError(
                f"env.backend: got warp, whose physics lack something of this model: {line}"
                " allowed: mujoco"
            ) from error
        # Full pools grow instead; the limits of the solver are meant.
        self.model.opt.warn_overflow = 0
        self._arrays: dict[str, wp.array] = {}

    def field(self, name: str) -> Tensor:
        """(N, ...) live values of a field, shaped as MuJoCo shapes it. Raises ConfigError.

        The first call replaces an array: recorded graphs must be forgotten.
        """
        own_name, option = name.removeprefix("opt."), name.startswith("opt.")
        owner: Any = self.model.opt if option else self.model
        source: Any = self._model.opt if option else self._model
        array = getattr(owner, own_name, None)
        if not isinstance(array, wp.array) or not getattr(array, "_is_batched", False):
            raise ConfigError(
                f"env.backend: got warp, whose worlds share {name},"
                " allowed: mujoco where it varies between worlds"
            )
        if name not in self._arrays:
            setattr(owner, own_name, self._expanded(array))
            self._arrays[name] = getattr(owner, own_name)
        shape = np.shape(getattr(source, own_name, 0.0))
        return wp.to_torch(self._arrays[name]).view(self._count, *shape)

    def expand_derived(self) -> bool:
        """Give every world its own constants; whether an array was replaced."""
        missing = [name for name in DERIVED if name not in self._arrays]
        for name in missing:
            self.field(name)
        return bool(missing)

    def _expanded(self, array: wp.array) -> wp.array:
        shared = wp.to_torch(array)
        own = shared.expand(self._count, *shared.shape[1:]).contiguous().clone()
        made = wp.from_torch(own, dtype=array.dtype)
        made._is_batched = True  # as `put_model` marks what may differ between worlds
        return made
