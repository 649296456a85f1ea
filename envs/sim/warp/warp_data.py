"""State and pools of N worlds on Warp's device; the pools grow when one overflows."""

from __future__ import annotations

import mujoco
import mujoco_warp as mjw
import numpy as np
import torch
import warp as wp
from torch import Tensor

STATE = (
    "time", "qpos", "qvel", "act", "history", "qacc_warmstart", "ctrl", "qfrc_applied",
    "xfrc_applied", "eq_active", "mocap_pos", "mocap_quat", "userdata",
)  # fmt: skip
"""What a world consists of, as MuJoCo's mjSTATE_INTEGRATION; their arrays are never replaced."""
FULL = int(
    mjw.OverflowType.NEFC
    | mjw.OverflowType.NJMAX_NNZ
    | mjw.OverflowType.BROADPHASE
    | mjw.OverflowType.NARROWPHASE
    | mjw.OverflowType.CCD
)
"""Bits of `overflow` for a pool that was too small, so that contacts or rows were left out."""
ROWS = (64, 96, 128, 192, 256, 384, 512, 768, 1024)
"""Sizes of the pool of constraint rows of a world; few, because kernels are compiled for each."""
CANDIDATES = (16, 24, 32, 48, 64, 96, 128)
"""Sizes, per world, of the pool of contacts, which also holds the broad phase's candidates."""
TYPICAL_CONTACTS = 8
"""Contacts of a world for which the first pool of rows has room."""


def first_rows(model: mujoco.MjModel) -> int:
    """Rows of a world at first: every limit and friction of a joint or tendon, some contacts."""
    limits = int(model.jnt_limited.sum() + model.tendon_limited.sum())
    friction = int((model.dof_frictionloss > 0).sum() + (model.tendon_frictionloss > 0).sum())
    each = 2 * (int(model.geom_condim.max(initial=1)) - 1) or 1
    return next_size(ROWS, limits + friction + TYPICAL_CONTACTS * each - 1)


def next_size(sizes: tuple[int, ...], present: int) -> int:
    """The next larger size, or the largest."""
    return next((size for size in sizes if size > present), sizes[-1])


class WarpData:
    """`mujoco_warp.Data` of N worlds."""

    def __init__(self, model: mujoco.MjModel, num_worlds: int, device: torch.device) -> None:
        """model: see `warp_model.warp_copy`."""
        self._model, self._count, self._device = model, num_worlds, device
        self.rows, self.candidates = first_rows(model), CANDIDATES[0]
        self.data = self._make()
        self.state: dict[str, Tensor] = {}
        """Name -> (N, ...) live tensor."""
        for name in STATE:
            array = getattr(self.data, name)
            if array.size or array.shape[0] == num_worlds:
                self.state[name] = wp.to_torch(array)
        self._reads: dict[str, Tensor] = {}

    def _make(self) -> mjw.Data:
        with wp.ScopedDevice(wp.device_from_torch(self._device)):
            return mjw.make_data(self._model, self._count, nconmax=self.candidates, njmax=self.rows)

    def read(self, name: str) -> Tensor:
        """(N, ...) what Warp last computed; the tensor is valid until `grow`."""
        if name not in self._reads:
            self._reads[name] = wp.to_torch(getattr(self.data, name))
        return self._reads[name]

    def full(self) -> Tensor:
        """(N,) bool: a pool was too small for the world since its reset or the last `grow`."""
        return (self.read("overflow") & FULL) != 0

    def grow(self) -> bool:
        """Enlarge the pools that overflowed, if they may be larger; the state stays.

        Recorded graphs must be forgotten.
        """
        bits = int(np.bitwise_or.reduce(self.read("overflow").cpu().numpy()))
        rows, candidates = self.rows, self.candidates
        if bits & int(mjw.OverflowType.NEFC | mjw.OverflowType.NJMAX_NNZ):
            self.rows = next_size(ROWS, rows)
        if bits & (FULL & ~int(mjw.OverflowType.NEFC | mjw.OverflowType.NJMAX_NNZ)):
            self.candidates = next_size(CANDIDATES, candidates)
        if (rows, candidates) == (self.rows, self.candidates):
            return False
        larger = self._make()
        for name in STATE:
            setattr(larger, name, getattr(self.data, name))
        self.data = larger
        self._reads.clear()
        return True
