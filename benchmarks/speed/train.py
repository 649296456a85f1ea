"""Time shares of training: simulation, rest of the environment, policy, learner.

    sleight bench train [--config FILE] [--iterations 8] [--threads 2] [--json FILE] [--field value]

Trains `block` at the default sizes, with the LSTM and without a memory, and with a learner in
float32 and, where the processor has it, in bfloat16; alternately, because the speed of a shared
machine changes. Simulation is physics only; goals, rewards, observations, resets
and randomization belong to the environment. Shares refer to wall time, in which the load of other
programs is included. The last column is the share of CPU time, without waiting for busy cores.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from sleight.config import load
from sleight.files import write_json
from sleight.flags import check_count
from sleight.machine import usable_cores
from sleight.train import benching
from sleight.train.algorithms.ppo import PpoConfig
from sleight.train.algorithms.precision import Precision, is_low
from sleight.train.config import TrainConfig
from sleight.train.rollout.in_process import LocalSampler, build, use_threads
from sleight.train.runs.training_loop import Training

WARM_UP = 2
"""Untimed iterations at the start: first drops, memory allocation."""
PARTS = ("simulation", "environment", "policy", "learner")


@dataclass(frozen=True)
class Iteration:
    """One iteration of training: seconds of each part, by the wall's clock and of CPU time."""

    steps: int
    seconds: float
    parts: dict[str, float]
    cpu_s: float
    cpu_parts: dict[str, float]


@dataclass(frozen=True)
class Result:
    """The results of one kind of policy."""

    name: str
    iterations: list[Iteration]

    def median(self, of: Callable[[Iteration], float]) -> float:
        """Median over the iterations."""
        return statistics.median(map(of, self.iterations))

    def share(self, part: str) -> float:
        """Median share of wall time."""
        return self.median(lambda i: i.parts[part] / i.seconds)


class _Watch:
    """Wall and CPU time spent in a method."""

    def __init__(self, owner: Any, method: str) -> None:
        self.seconds = self.cpu_s = 0.0
        self._call = getattr(owner, method)
        setattr(owner, method, self)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        wall, cpu = time.perf_counter(), time.process_time()
        result = self._call(*arguments, **named)
        self.seconds += time.perf_counter() - wall
        self.cpu_s += time.process_time() - cpu
        return result


class Watched:
    """A run with timed parts."""

    def __init__(self, training: Training) -> None:
        assert isinstance(training.sampler, LocalSampler)
        env = training.sampler.collector.env
        self._training = training
        self._sim, self._env = _Watch(env.sim, "step"), _Watch(env, "step")
        self._collect = _Watch(training.sampler, "next")
        self._learn = _Watch(training.learner, "update")

    def iterate(self) -> Iteration:
        watches = (self._sim, self._env, self._collect, self._learn)
        for watch in watches:
            watch.seconds = watch.cpu_s = 0.0
        steps, wall, cpu = self._training.steps, time.perf_counter(), time.process_time()
        self._training.iterate()
        return Iteration(
            steps=self._training.steps - steps,
            seconds=time.perf_counter() - wall,
            parts=_parts(*(watch.seconds for watch in watches)),
            cpu_s=time.process_time() - cpu,
            cpu_parts=_parts(*(watch.cpu_s for watch in watches)),
        )


def _parts(sim: float, env: float, collect: float, learn: float) -> dict[str, float]:
    return dict(zip(PARTS, (sim, env - sim, collect - env, learn), strict=True))


def bench(config: TrainConfig, iterations: int = 8) -> list[Result]:
    """Train each of `kinds`, alternately."""
    use_threads(config)
    runs = {name: Watched(build(kind)) for name, kind in kinds(config).items()}
    iterations_of: dict[str, list[Iteration]] = {name: [] for name in runs}
    for number in range(WARM_UP + iterations):
        for name, run in runs.items():
            iteration = run.iterate()
            if number >= WARM_UP:
                iterations_of[name].append(iteration)
    return [Result(name, rows) for name, rows in iterations_of.items()]


def kinds(config: TrainConfig) -> dict[str, TrainConfig]:
    """Name -> config: both memories, each in the precisions that the processor is fast in."""
    ppo = config.block(PpoConfig)
    precisions: list[Precision] = ["float32"]
    if is_low(ppo.precision, torch.device("cpu")):
        precisions.append("bfloat16")
    return {
        f"{name}, {precision}": replace(
            config, policy=replace(config.policy, memory=memory)
        ).with_block(replace(ppo, precision=precision))
        for memory, name in (("lstm", "LSTM"), ("none", "feed-forward"))
        for precision in precisions
    }


def table(results: Sequence[Result]) -> str:
    """Medians over iterations; for the share of simulation also the lowest and highest."""
    heads = "".join(f"{part:>13}" for part in PARTS)
    lines = [f"{'':<24}{'steps/s':>9}{heads}  (lowest, highest)   simulation of CPU"]
    for result in results:
        shares = "".join(f"{result.share(part):>13.1%}" for part in PARTS)
        simulation = [i.parts["simulation"] / i.seconds for i in result.iterations]
        cpu = result.median(lambda i: i.cpu_parts["simulation"] / i.cpu_s)
        lines.append(
            f"{result.name:<24}{result.median(lambda i: i.steps / i.seconds):>9,.0f}{shares}"
            f"  ({min(simulation):.1%}, {max(simulation):.1%}){'':>6}{cpu:>10.1%}"
        )
    return "\n".join(lines)


def circumstances(config: TrainConfig) -> str:
    """The conditions of the measurement: config, threads, versions, machine."""
    ppo, env = config.block(PpoConfig), config.env
    threads = env.threads or usable_cores()
    return (
        f"{env.task}, {env.num_worlds} worlds x {config.rollout.horizon} steps,"
        f" {ppo.epochs} epochs, hidden {config.policy.hidden_size}, {config.policy.head};"
        f" threads: {threads} of simulation, {torch.get_num_threads()} of torch,"
        f" torch {torch.__version__}; {benching.machine()}"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = benching.parser("train", __doc__, iterations=8)
    parser.add_argument(
        "--threads", type=int, default=0, help="threads of simulation and torch; 0: all cores"
    )
    args, rest = parser.parse_known_args(argv)
    check_count("--iterations", args.iterations)
    config = load(TrainConfig, args.config, rest)
    config = replace(config, threads=args.threads, env=replace(config.env, threads=args.threads))
    print(circumstances(config), flush=True)
    results = bench(config, args.iterations)
    print(f"{circumstances(config)}\n\n{table(results)}")
    if args.json:
        about = circumstances(config)
        write_json(args.json, {"about": about, "results": results})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
