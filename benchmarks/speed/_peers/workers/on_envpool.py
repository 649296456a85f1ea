"""A hand of EnvPool, which steps MuJoCo in C++ threads."""

import sys

import envpool
from noise import Noise
from serve import serve

SUBSTEP_S = 0.002
"""Of Gymnasium-Robotics' hand, whose period is not in EnvPool's config."""


def main(task: str, worlds: str, threads: str, data: str) -> None:
    """Serve."""
    count = int(worlds)
    env = envpool.make_gymnasium(task, num_envs=count, num_threads=int(threads), seed=0)
    env.reset()
    config = env.spec.config
    period_s = getattr(config, "ctrl_dt", 0.0) or config.frame_skip * SUBSTEP_S
    noise = Noise((count, *env.action_space.shape))

    def step() -> int:
        env.step(noise().astype(env.action_space.dtype))
        return count

    serve(step, ("envpool",), period_s=period_s, worlds=count)


if __name__ == "__main__":
    main(*sys.argv[1:])
