"""Our model, settled starts and recorded controls, for what steps physics alone."""

from pathlib import Path

import mujoco
import numpy as np


class Replay:
    """N worlds that begin anew after T control steps, so that blocks stay in the hands."""

    def __init__(self, folder: str, worlds: int | None = None) -> None:
        self.model = mujoco.MjModel.from_binary_path(str(Path(folder) / "block.mjb"))
        with np.load(Path(folder) / "replay.npz") as data:
            self.starts, self._controls = data["starts"][:worlds], data["controls"][:, :worlds]
            self.substeps = int(data["substeps"])
        self.period_s = self.substeps * self.model.opt.timestep
        self.worlds, self._next = len(self.starts), 0

    def controls(self) -> tuple[np.ndarray, bool]:
        """(N, A) motor targets of the next control step, and whether worlds begin anew with it."""
        now, self._next = self._next, (self._next + 1) % len(self._controls)
        return self._controls[now], now == 0
