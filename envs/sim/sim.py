"""The Sim contract: N worlds of one model stepped together, their fields seen as tensors.

Goals, resets and randomization reach the physics by writing these tensors; task code never sees
which backend is behind them. Backends: `batch_sim.BatchSim` on the CPU.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import mujoco
import torch
from torch import Tensor


class Sim(ABC):
    """N worlds. All tensors are (N, ...) on `device`, in the backend's own floating-point type.

    `worlds` (K,) are indices of some of them, ascending.
    """

    model: mujoco.MjModel
    """The nominal model, as compiled: randomization always starts from it."""
    num_worlds: int
    device: torch.device
    failures: int
    """Worlds whose physics broke since the start (non-finite or diverging state)."""

    @abstractmethod
    def state(self, name: str) -> Tensor:
        """Live, writable: qpos, qvel, ctrl, xfrc_applied, mocap_pos, ... as MuJoCo names them."""

    @abstractmethod
    def output(self, name: str) -> Tensor:
        """Live, read-only: xpos, site_xpos, actuator_force.

        After `forward` they belong to the state; after `step` to the one before the last physics
        step, as mj_step leaves them.
        """

    @abstractmethod
    def field(self, name: str) -> Tensor:
        """Live, writable per-world values of a model field, e.g. body_mass or opt.gravity."""

    @abstractmethod
    def fields(self) -> list[str]:
        """The model fields that differ between worlds: those that `field` was asked for."""

    @abstractmethod
    def refresh_constants(self, worlds: Tensor) -> None:
        """Recompute what MuJoCo derives from masses and inertias in `worlds` (K,)."""

    @abstractmethod
    def step(self, substeps: int) -> Tensor:
        """Advance every world; returns the (N,) mask of those whose physics broke.

        A broken world does not stop the others; its state is MuJoCo's default until it is reset.
        """

    @abstractmethod
    def forward(self, worlds: Tensor) -> None:
        """Bring the outputs of `worlds` (K,) up to date with their state, which stays as it is."""

    @abstractmethod
    def reset(self, worlds: Tensor) -> None:
        """Return `worlds` (K,) to the model's default state, outputs not yet computed."""

    @abstractmethod
    def broken_state(self, world: int) -> dict[str, Any]:
        """What a replay of the last step of `world` needs: the state before it, its own fields."""
