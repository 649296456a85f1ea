"""The Sim contract: N worlds of one model stepped together, their fields seen as tensors.

Goals, resets and randomization reach the physics by writing these tensors; task code never sees
which backend is behind them. A package outside this repository adds a backend by a class in the
entry-point group `sleight.backends`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import mujoco
import numpy as np
import torch
from torch import Tensor

from ...registry import Registry, must_call
from .layout import Layout


class Sim(ABC):
    """N worlds, made by `Backend(model, num_worlds, threads, layout, device)`.

    All tensors are (N, ...) on `device`, in the backend's own floating-point type.

    `worlds` (K,) are indices of some of them, ascending, on `device` too.
    """

    model: mujoco.MjModel
    """The nominal model, as compiled: randomization always starts from it."""
    layout: Layout
    """Which elements are the hand's and the object's, with indices on `device`."""
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
    def save(self) -> dict[str, Tensor]:
        """The whole state of every world and its own model fields, copied to the host."""

    @abstractmethod
    def load(self, saved: dict[str, Tensor]) -> None:
        """Go on from `save` of a simulation of the same model; constants and outputs follow."""

    @abstractmethod
    def broken_state(self, world: int) -> dict[str, Any]:
        """What a replay of the last step of `world` needs: the state before it, its own fields."""


SIMS: Registry[Callable[[mujoco.MjModel, int, int, Layout, str], Sim]] = Registry(
    "sleight.backends", {"mujoco": "envs.sim.batch_sim:BatchSim"}, must_call
)


def on_device(layout: Layout, device: torch.device) -> Layout:
    """The layout with tensors on `device` in the place of arrays."""
    moved: dict[str, Any] = {
        name: torch.as_tensor(value, device=device)
        for name, value in vars(layout).items()
        if isinstance(value, np.ndarray)
    }
    return replace(layout, **moved)
