"""What Ray costs and what it gives: one process, one worker, two workers, in turns.

    sleight bench scale [--config FILE] [--rounds 5] [--iterations 4] [--workers 1,2] [--json FILE]
                        [--field value]

Every kind trains in turns for a few iterations, because a shared machine changes its speed; while
one is timed the others' workers have nothing to do. The first iteration of a turn is not timed: its
experience was collected at the end of the turn before. Ratios are to one process in the same
round. The cores' limit is what one process would reach if no core ever waited: its steps per second
of CPU time, times the cores. Workers divide the machine's cores among them; the learner shares
them, as it does in one process.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from sleight.config import load
from sleight.envs.batch_sim import default_threads
from sleight.errors import ConfigError
from sleight.files import write_json
from sleight.train.cluster.build import build as build_cluster
from sleight.train.cluster.connect import connect
from sleight.train.cluster.sampler import RaySampler
from sleight.train.config import ActorsConfig, TrainConfig
from sleight.train.local import build, use_threads
from sleight.train.loop import Metrics, Training
from sleight.train.session import commit


@dataclass(frozen=True)
class Turn:
    """A few iterations of one kind."""

    steps: int
    seconds: float
    cpu_s: float
    """Of this process alone."""
    waiting: float
    """Share of the time in which the learner waited for experience; 0 in one process."""
    transfer: float
    """Share of the time in which batches and weights were copied; 0 in one process."""

    @property
    def rate(self) -> float:
        """Control steps per second."""
        return self.steps / self.seconds


@dataclass(frozen=True)
class Result:
    """One kind over all rounds."""

    name: str
    turns: list[Turn]


def take_turn(training: Training, iterations: int) -> Turn:
    """Time `iterations` of a run that has experience on its way, and let that arrive afterwards."""
    training.iterate()
    steps, began, cpu = training.steps, time.perf_counter(), time.process_time()
    rows: list[Metrics] = [training.iterate() for _ in range(iterations)]
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - cpu
    if isinstance(training.sampler, RaySampler):
        training.sampler.settle()
    wait, moved = (sum(row.get(key, 0.0) for row in rows) for key in ("wait_s", "transfer_s"))
    return Turn(training.steps - steps, seconds, cpu_s, wait / seconds, moved / seconds)


def bench(
    config: TrainConfig, workers: Sequence[int], rounds: int, iterations: int
) -> list[Result]:
    """Train in one process and with each number of workers, in turns."""
    use_threads(config)
    cores = default_threads()
    config = replace(config, steps=10**12)
    with ExitStack() as stack:
        # Room for the workers of every kind at once: only those of one work at a time.
        stack.callback(connect(replace(config.ray, cpus=cores * len(workers))))
        kinds = {"one process": build(replace(config, train=ActorsConfig()))}
        for count in workers:
            actors = replace(config.train, workers=count, worker_cpus=max(1, cores // count))
            training = build_cluster(replace(config, train=actors))
            stack.callback(training.sampler.close)
            kinds[f"{count} worker{'s' * (count > 1)}"] = training
        found: dict[str, list[Turn]] = {name: [] for name in kinds}
        for number in range(rounds + 1):  # the first is to warm up
            for name, training in kinds.items():
                turn = take_turn(training, iterations)
                if number:
                    found[name].append(turn)
    return [Result(name, turns) for name, turns in found.items()]


def table(results: Sequence[Result], cores: int) -> str:
    """Medians over rounds, and the lowest and highest ratio to one process."""
    local = results[0].turns
    head = f"{'':<14}{'steps/s':>9}{'of one process':>16}  (lowest, highest)"
    lines = [f"{head}{'of the limit':>14}{'waiting':>10}{'copying':>10}"]
    for result in results:
        ratios = [turn.rate / own.rate for turn, own in zip(result.turns, local, strict=True)]
        limits = [
            turn.rate / (own.steps / own.cpu_s * cores)
            for turn, own in zip(result.turns, local, strict=True)
        ]
        shares = "".join(
            f"{value:>10.1%}"
            for value in (
                statistics.median(turn.waiting for turn in result.turns),
                statistics.median(turn.transfer for turn in result.turns),
            )
        )
        rate = statistics.median(turn.rate for turn in result.turns)
        lines.append(
            f"{result.name:<14}{rate:>9,.0f}{statistics.median(ratios):>16.2f}"
            f"  ({min(ratios):.2f}, {max(ratios):.2f}){'':>5}"
            f"{statistics.median(limits):>14.2f}{shares}"
        )
    return "\n".join(lines)


def circumstances(config: TrainConfig) -> str:
    """What a reader needs to judge the figures."""
    load_average = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    return (
        f"{config.env.task}, {config.env.num_worlds} worlds a worker x {config.ppo.horizon} steps,"
        f" {config.ppo.epochs} epochs, hidden {config.policy.hidden}, lag {config.train.max_lag};"
        f" {default_threads()} cores, load average {load_average}, commit {commit() or 'unknown'}"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser("sleight bench scale", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--config", type=Path, help="a recipe; without it all defaults")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each kind that count")
    parser.add_argument("--iterations", type=int, default=4, help="that are timed in a turn")
    parser.add_argument("--workers", default="1,2", help="numbers of workers, with commas")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    asked, rest = parser.parse_known_args(argv)
    counts = asked.workers.split(",")
    if not all(count.isdigit() and int(count) for count in counts):
        raise ConfigError(f"--workers: got {asked.workers}, allowed: numbers like 1,2")
    config = load(TrainConfig, asked.config, rest)
    print(circumstances(config), flush=True)
    results = bench(config, [int(count) for count in counts], asked.rounds, asked.iterations)
    print(f"{circumstances(config)}\n\n{table(results, default_threads())}")
    if asked.json:
        write_json(asked.json, {"about": circumstances(config), "results": results})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
