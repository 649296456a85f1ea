"""Our `block`: without randomization, with the usual parameters, or with every one randomized."""

import sys

import torch
from noise import Noise
from serve import serve

from sleight.envs.config import EnvConfig, ResetConfig
from sleight.envs.gym import SMALL_CACHE
from sleight.envs.make import make_env


def main(variant: str, worlds: str, threads: str, data: str) -> None:
    """Serve."""
    sys.path.insert(0, str(__file__).rpartition("/_peers/")[0])
    from env import EVERYTHING, wide_ranges

    ranges = {"nominal": None, "usual": wide_ranges(), "everything": wide_ranges(EVERYTHING)}
    config = EnvConfig(
        num_worlds=int(worlds),
        threads=int(threads),
        randomization=ranges[variant] or {},
        resets=ResetConfig(cache=SMALL_CACHE),
    )
    env = make_env(config)
    env.reset(seed=0)
    noise = Noise(env.action_space.shape)

    def step() -> int:
        env.step(torch.from_numpy(noise()))
        return env.num_envs

    serve(step, ("mujoco", "torch"), period_s=config.period_s, worlds=env.num_envs)


if __name__ == "__main__":
    main(*sys.argv[1:])
