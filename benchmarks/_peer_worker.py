"""The worker in the peer's environment: steps Gymnasium-Robotics' block for requested times.

It reads a number of seconds per line and answers each with a line of JSON: steps summed over
environments, and the seconds that they took. Its first line has the period of a step.
"""

import json
import sys
import time

import gymnasium
import gymnasium_robotics
import numpy as np

TASK = "HandManipulateBlock-v1"


def main(processes: int) -> None:
    """Serve until the input ends."""
    gymnasium.register_envs(gymnasium_robotics)
    single = gymnasium.make(TASK)
    period_s = float(single.unwrapped.dt)
    single.close()
    env = gymnasium.make_vec(TASK, num_envs=processes, vectorization_mode="async")
    env.reset(seed=0)
    rng, action = np.random.default_rng(0), np.zeros(env.action_space.shape)
    print(json.dumps({"task": TASK, "period_s": period_s}), flush=True)
    for line in sys.stdin:
        steps, started = 0, time.perf_counter()
        while time.perf_counter() < started + float(line):
            action = np.clip(0.8 * action + 0.4 * rng.normal(size=action.shape), -1.0, 1.0)
            env.step(action.astype(np.float32))
            steps += processes
        seconds = time.perf_counter() - started
        print(json.dumps({"steps": steps, "seconds": seconds}), flush=True)
    env.close()


if __name__ == "__main__":
    main(int(sys.argv[1]))
