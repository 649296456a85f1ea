"""Writes the state of worlds whose physics failed to files, for replay."""

from __future__ import annotations

from pathlib import Path

import mujoco
import numpy as np
from torch import Tensor

from ...files import atomic_path, write_bytes
from .sim import Sim

MOST = 20
"""Largest number of files per run: enough to find the cause, too few to fill a disk."""


def dump_failures(sim: Sim, worlds: Tensor, folder: Path) -> None:
    """Write failure-<n>.npz: the state before the step, its controls, the world's model fields.

    `state` is an mjSTATE_INTEGRATION row, controls included, of the model in model.mjb. The same
    step from it fails again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    existing = len(list(folder.glob("failure-*.npz")))
    for number, world in enumerate(worlds.tolist(), start=existing):
        if number >= MOST:
            return
        with atomic_path(folder / f"failure-{number:03d}.npz") as path, path.open("wb") as file:
            np.savez(file, world=world, **sim.broken_state(world))
    content = np.zeros(mujoco.mj_sizeModel(sim.model), np.uint8)
    mujoco.mj_saveModel(sim.model, None, content)
    write_bytes(folder / "model.mjb", content.tobytes())
