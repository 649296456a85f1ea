"""Our model on mujoco_warp's CPU device, a recorded graph per control step."""

import sys

import mujoco
import mujoco_warp as mjw
import numpy as np
import warp as wp
from replay import Replay
from serve import serve

ROWS, CANDIDATES = 384, 16
"""Constraint rows, and contacts of the broad phase, per world: room for the worst of `block`."""


def main(variant: str, worlds: str, threads: str, data: str) -> None:
    """Serve."""
    wp.config.cpu_compiler_flags, wp.config.optimization_level = "-march=native", 1
    replay = Replay(data)
    flags = mujoco.mjtDisableBit
    replay.model.opt.disableflags &= ~int(flags.mjDSBL_MIDPHASE)  # Warp has none
    replay.model.opt.disableflags |= int(flags.mjDSBL_NATIVECCD)  # boxes as C meets them
    with wp.ScopedDevice("cpu"):
        model = mjw.put_model(replay.model)
        state = mjw.make_data(replay.model, nworld=replay.worlds, njmax=ROWS, nconmax=CANDIDATES)
        mjw.step(model, state)  # compiles
        with wp.ScopedCapture() as capture:
            for _ in range(replay.substeps):
                mjw.step(model, state)

    def step() -> int:
        controls, anew = replay.controls()
        if anew:
            mjw.reset_data(model, state)
            state.qpos.assign(replay.starts.astype(np.float32))
        state.ctrl.assign(controls.astype(np.float32))
        wp.capture_launch(capture.graph)
        return replay.worlds

    packages = ("mujoco-warp", "warp-lang", "mujoco")
    serve(step, packages, period_s=replay.period_s, worlds=replay.worlds)


if __name__ == "__main__":
    main(*sys.argv[1:])
