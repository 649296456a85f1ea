"""Worlds whose physics broke, kept for replay."""

from __future__ import annotations

from pathlib import Path

import mujoco
import numpy as np
from torch import Tensor

from ...files import atomic_path
from .sim import Sim

MOST = 20
"""Files kept of one run: enough to find the cause, not enough to fill a disk."""


def dump_failures(sim: Sim, worlds: Tensor, folder: Path) -> None:
    """Write failure-<n>.npz with the state before the step, its controls, the world's own fields.

    `state` is an mjSTATE_INTEGRATION row of the model in model.mjb, controls included; the same
    step from it breaks again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    known = len(list(folder.glob("failure-*.npz")))
    for number, world in enumerate(worlds.tolist(), start=known):
        if number >= MOST:
            return
        with atomic_path(folder / f"failure-{number:03d}.npz") as path, path.open("wb") as file:
            np.savez(file, world=world, **sim.broken_state(world))
    mujoco.mj_saveModel(sim.model, str(folder / "model.mjb"))
