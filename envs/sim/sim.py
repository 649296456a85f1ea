"""The Sim contract: N worlds of one model stepped together, with their fields as tensors.

Goals, resets and randomization reach the physics by writing these tensors; task code never sees
which backend is behind them. A package outside this repository adds a backend with a class in the
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
    """N worlds, built by `Backend(model, num_worlds, threads, layout, device)`.

    All tensors are (N, ...) on `device`, in the backend's own floating-point type.

    `worlds` (K,) are indices of some of them, ascending, on `device` too.
    """

    model: mujoco.MjModel
    """The nominal model, as compiled; randomization always starts from it."""
    layout: Layout
    """Indices of the hand and the object, as tensors on `device`."""
    num_worlds: int
    device: torch.device
    failures: int
    """Number of physics failures so far (non-finite or diverging state)."""
    cannot_vary: frozenset[str] = frozenset()
    """Model fields that have one value for all worlds."""
    resting: Tensor | None = None
    """(N,) bool: worlds whose steps nobody needs, which a backend may skip; None: no world."""

    @abstractmethod
    def state(self, name: str) -> Tensor:
        """Live, writable: qpos, qvel, ctrl, xfrc_applied, mocap_pos, ... as MuJoCo names them."""

    @abstractmethod
    def output(self, name: str) -> Tensor:
        """Live, read-only: xpos, site_xpos, actuator_force.

        After `forward` they belong to the current state; after `step` to the state before the last
        physics step, as mj_step leaves them.
        """

    @abstractmethod
    def field(self, name: str) -> Tensor:
        """Live, writable per-world values of a model field, e.g. body_mass or opt.gravity."""

    @abstractmethod
    def fields(self) -> list[str]:
        """Names of the model fields that may differ between worlds: all that `field` returned."""

    @abstractmethod
    def refresh_constants(self, worlds: Tensor) -> None:
        """Recompute the constants that MuJoCo derives from masses and inertias."""

    @abstractmethod
    def step(self, substeps: int) -> Tensor:
        """Advance every world; returns the (N,) mask of the worlds whose physics failed.

        A failed world does not stop the others; its state is MuJoCo's default until it is reset.
        """

    @abstractmethod
    def forward(self, worlds: Tensor) -> None:
        """Recompute the outputs of `worlds` (K,) from their state, which does not change."""

    @abstractmethod
    def reset(self, worlds: Tensor) -> None:
        """Set `worlds` (K,) to the model's default state; outputs are not recomputed."""

    @abstractmethod
    def save(self) -> dict[str, Tensor]:
        """The full state and the per-world model fields of every world, copied to the host."""

    @abstractmethod
    def load(self, saved: dict[str, Tensor]) -> None:
        """Continue from the result of `save`; recompute constants and outputs."""

    @abstractmethod
    def broken_state(self, world: int) -> dict[str, Any]:
        """State before the last step, and model fields, of `world`: all that a replay needs."""


SIMS: Registry[Callable[[mujoco.MjModel, int, int, Layout, str], Sim]] = Registry(
    "sleight.backends",
    {"mujoco": "envs.sim.batch_sim:BatchSim", "warp": "envs.sim.warp.warp_sim:WarpSim"},
    must_call,
)
BY_DEVICE = "auto"
"""The name that stands for `mujoco` on the CPU, and for `warp` on any other device."""


def backend_name(chosen: str, device: str) -> str:
    """The name of a backend: the chosen one, or by the device."""
    if chosen != BY_DEVICE:
        return chosen
    return "mujoco" if device == "cpu" else "warp"


def on_device(layout: Layout, device: torch.device) -> Layout:
    """The layout with its arrays as tensors on `device`."""
    moved: dict[str, Any] = {
        name: torch.as_tensor(value, device=device)
        for name, value in vars(layout).items()
        if isinstance(value, np.ndarray)
    }
    return replace(layout, **moved)
