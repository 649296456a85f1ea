"""Gymnasium-Robotics' block under AsyncVectorEnv, as its users run it, with a process a thread."""

import sys

import gymnasium
import gymnasium_robotics
from noise import Noise
from serve import serve


def main(task: str, worlds: str, threads: str, data: str) -> None:
    """Serve; the number of worlds is that of threads."""
    gymnasium.register_envs(gymnasium_robotics)
    single = gymnasium.make(task)
    period_s = float(single.unwrapped.dt)
    single.close()
    env = gymnasium.make_vec(task, num_envs=int(threads), vectorization_mode="async")
    env.reset(seed=0)
    noise = Noise(env.action_space.shape)

    def step() -> int:
        env.step(noise())
        return env.num_envs

    serve(step, ("gymnasium-robotics", "mujoco"), period_s=period_s, worlds=int(threads))
    env.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
