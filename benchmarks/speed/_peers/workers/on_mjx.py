"""Our model on MJX, on the CPU. The first run compiles for minutes; later ones find the result."""

import os
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
from mujoco import mjx
from replay import Replay
from serve import serve

MOST_WORLDS = 16
"""On a CPU more worlds are not faster per world, and take longer to compile."""


def main(variant: str, worlds: str, threads: str, data: str) -> None:
    """Serve."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(threads)])  # it has no setting
    jax.config.update("jax_compilation_cache_dir", str(Path(sys.prefix) / "compiled"))
    replay = Replay(data, min(int(worlds), MOST_WORLDS))
    model, blank = mjx.put_model(replay.model), mjx.make_data(replay.model)
    starts, held = jnp.asarray(replay.starts, jnp.float32), replay.controls()[0]
    with_start = jax.vmap(lambda qpos, ctrl: blank.replace(qpos=qpos, ctrl=ctrl))
    state = first = with_start(starts, jnp.asarray(held, jnp.float32))
    # Compiled ahead, because a call with another kind of array would compile again.
    advance = jax.jit(jax.vmap(lambda world: mjx.step(model, world))).lower(state).compile()

    def step() -> int:
        nonlocal state
        controls, anew = replay.controls()
        state = (first if anew else state).replace(ctrl=jnp.asarray(controls, jnp.float32))
        for _ in range(replay.substeps):
            state = advance(state)
        jax.block_until_ready(state)
        return replay.worlds

    packages = ("mujoco-mjx", "jax", "mujoco")
    serve(step, packages, period_s=replay.period_s, worlds=replay.worlds)


if __name__ == "__main__":
    main(*sys.argv[1:])
