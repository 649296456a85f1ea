"""MuJoCo's own ways to step our model in C: a Python loop of `mj_step`, and `mujoco.rollout`."""

import sys
from collections.abc import Callable

import mujoco
import numpy as np
from mujoco.rollout import Rollout
from replay import Replay
from serve import serve


def loop(replay: Replay, threads: int) -> Callable[[], int]:
    """A Python loop over worlds, on one thread."""
    model = replay.model
    worlds = [mujoco.MjData(model) for _ in replay.starts]

    def step() -> int:
        controls, anew = replay.controls()
        for world, start, control in zip(worlds, replay.starts, controls, strict=True):
            if anew:
                mujoco.mj_resetData(model, world)
                world.qpos[:] = start
            world.ctrl[:] = control
            mujoco.mj_step(model, world, replay.substeps)
        return replay.worlds

    return step


def rollout(replay: Replay, threads: int) -> Callable[[], int]:
    """`mujoco.rollout`, a call per control step."""
    model, count = replay.model, replay.worlds
    kind = int(mujoco.mjtState.mjSTATE_FULLPHYSICS)
    states, data = np.zeros((count, mujoco.mj_stateSize(model, kind))), mujoco.MjData(model)
    pool, scratch = Rollout(nthread=threads), [mujoco.MjData(model) for _ in range(threads)]

    def step() -> int:
        controls, anew = replay.controls()
        if anew:
            for state, start in zip(states, replay.starts, strict=True):
                data.qpos[:] = start
                mujoco.mj_getState(model, data, state, kind)
        held = np.repeat(controls[:, None], replay.substeps, axis=1)
        states[:] = pool.rollout(model, scratch, states, held)[0][:, -1]
        return count

    return step


def main(variant: str, worlds: str, threads: str, data: str) -> None:
    """Serve."""
    replay = Replay(data)
    step = {"loop": loop, "rollout": rollout}[variant](replay, int(threads))
    serve(step, ("mujoco",), period_s=replay.period_s, worlds=replay.worlds)


if __name__ == "__main__":
    main(*sys.argv[1:])
