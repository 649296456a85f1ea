"""Our own training, on one process."""

import sys

from hands import recipe
from serve import serve

from sleight.train.rollout.in_process import LocalSampler, build, use_threads


def main(variant: str, worlds: str, threads: str) -> None:
    """Serve."""
    config = recipe(worlds, threads)
    use_threads(config)
    training = build(config)
    assert isinstance(training.sampler, LocalSampler)
    env = training.sampler.collector.env
    counted, step_env = {"successes": 0.0, "drops": 0.0}, env.step

    def counting(actions: object) -> tuple[object, ...]:
        result = step_env(actions)
        counted["successes"] += float(result[4]["success"].sum())
        counted["drops"] += float(result[2].sum())
        return result

    def counts() -> dict[str, float]:
        seen = dict(counted)
        counted.update(dict.fromkeys(counted, 0.0))
        return seen

    vars(env)["step"] = counting

    def step() -> int:
        before = training.steps
        training.iterate()
        return training.steps - before

    serve(step, ("torch", "mujoco"), counts, period_s=config.env.period_s)


if __name__ == "__main__":
    main(*sys.argv[1:])
