"""Throughput of one process, of Ray workers and of learners, and forecasts for larger clusters.

    sleight bench scale [--config FILE] [--rounds 5] [--iterations 4] [--workers 1,2]
                        [--learners 1,2] [--kills 3] [--json FILE] [--field value]
    sleight bench scale --simulate FILE [--cores 6144] [--plot FILE] ...

All setups alternate for a few iterations each, because the speed of a shared machine changes; while
one is timed, the workers of the others are idle. The first iteration of a turn is not timed: its
experience was collected at the end of the last turn. Ratios are relative to one process in the same
round. The cores' limit is the rate of one process if no core ever waited: its steps per second of
CPU time, times the number of cores. Workers divide the cores of the machine among them; the learner
shares them, as in one process. Learners are measured with the largest number of workers.

Each setup with workers is also measured with `--train.max_lag 0`, in which the learner waits for
the workers. Then no part slows another, and the times are the constants of the model that
--simulate reads from the file of --json. The rates of the other turns are used to check the model.
"""

from __future__ import annotations

import argparse
import math
import os
import signal
import statistics
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from sleight.config import load, to_dict
from sleight.errors import ConfigError
from sleight.files import write_json
from sleight.flags import picture_file
from sleight.machine import usable_cores
from sleight.train import benching
from sleight.train.algorithms.ppo import PpoConfig
from sleight.train.cluster.cluster_build import build as build_cluster
from sleight.train.cluster.ray_connect import connect
from sleight.train.cluster.sampling.sampler import RaySampler
from sleight.train.config import ActorsConfig, TrainConfig
from sleight.train.rollout.in_process import build, use_threads
from sleight.train.runs.progress import ProgressBar
from sleight.train.runs.training_loop import Metrics, Training
from sleight.train.scaling.forecast import FORMAT, Cluster, Measurement, Result, Turn, read, report

TIMES = ("collect_s", "wait_s", "transfer_s", "learn_s", "share_s", "learner_s")


@dataclass(frozen=True)
class Kind:
    """One setup, and its run."""

    name: str
    workers: int
    learners: int
    max_lag: int
    training: Training


def take_turn(kind: Kind, iterations: int) -> Turn:
    """Time `iterations` of a run with pending experience, and let that arrive afterwards."""
    training = kind.training
    if isinstance(training.sampler, RaySampler):
        training.sampler.max_lag = kind.max_lag
    training.iterate()
    steps, began, cpu = training.steps, time.perf_counter(), time.process_time()
    rows: list[Metrics] = [training.iterate() for _ in range(iterations)]
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - cpu
    if isinstance(training.sampler, RaySampler):
        training.sampler.settle()
    mean = {name: statistics.fmean(row.get(name, 0.0) for row in rows) for name in TIMES}
    batch_mb = statistics.fmean(row.get("batch_mb", 0.0) for row in rows)
    return Turn(
        iterations=iterations,
        steps=training.steps - steps,
        seconds=seconds,
        cpu_s=cpu_s,
        **mean,
        lag=statistics.fmean(row.get("lag_mean", 0.0) for row in rows),
        moved_mb=batch_mb + statistics.fmean(row.get("weights_mb", 0.0) for row in rows),
        batch_mb=batch_mb,
    )


def kinds(
    config: TrainConfig, workers: Sequence[int], learners: Sequence[int], stack: ExitStack
) -> list[Kind]:
    """One process, each number of workers, and each number of learners with most workers."""
    cores = usable_cores()
    pairs = [(count, 0) for count in workers]
    pairs += [(max(workers), count) for count in learners]
    # Ray needs room for the workers of every setup, although only one works at a time.
    stack.callback(connect(replace(config.ray, cpus=cores * len(pairs))))
    setups = [Kind("one process", 0, 0, 0, build(replace(config, train=ActorsConfig())))]
    for count, several in pairs:
        share = max(1, cores // count)
        actors = replace(config.train, workers=count, worker_cpus=share, learners=several)
        training = build_cluster(replace(config, train=actors))
        stack.callback(training.sampler.close)
        name = f"{_some(count, 'worker')}{', ' + _some(several, 'learner') if several else ''}"
        if config.train.max_lag:
            setups.append(Kind(name, count, several, config.train.max_lag, training))
        setups.append(Kind(f"{name}, waited for", count, several, 0, training))
    return setups


def _some(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count > 1)}"


def time_without(kind: Kind) -> float:
    """Kill a worker of a run with max_lag 0, in which no finished batch of it is left.

    Returns the seconds until its replacement has delivered a batch.
    """
    training, came = kind.training, "worker/0/steps_per_second"  # only of workers that delivered
    assert isinstance(training.sampler, RaySampler)
    training.sampler.max_lag = 0
    before = training.iterate()["worker_restarts"]
    os.kill(training.sampler.pool.members[0].pid, signal.SIGKILL)
    began, row = time.perf_counter(), training.iterate()
    while not (row["worker_restarts"] > before and came in row):
        row = training.iterate()
    return time.perf_counter() - began


def bench(
    config: TrainConfig,
    workers: Sequence[int],
    learners: Sequence[int],
    rounds: int,
    iterations: int,
    kills: int,
) -> tuple[list[Result], list[float]]:
    """Measure all setups in turns; then kill workers."""
    use_threads(config)
    with ExitStack() as stack:
        every = kinds(replace(config, steps=10**12), workers, learners, stack)
        turns: dict[str, list[Turn]] = {kind.name: [] for kind in every}
        bar = stack.enter_context(ProgressBar("scale", (rounds + 1) * len(every), unit="turns"))
        for number in range(rounds + 1):  # the first round is a warm-up
            for place, kind in enumerate(every, 1):
                turn = take_turn(kind, iterations)
                if number:
                    turns[kind.name].append(turn)
                bar.update(number * len(every) + place)
        killed = next(kind for kind in every if kind.workers == max(workers))
        without = [time_without(killed) for _ in range(kills)]
    results = [
        Result(kind.name, kind.workers, kind.learners, kind.max_lag, tuple(turns[kind.name]))
        for kind in every
    ]
    return results, without


def table(results: Sequence[Result], cores: int) -> str:
    """Medians over rounds, and the lowest and highest ratio to one process."""
    local = results[0].turns
    head = f"{'':<36}{'steps/s':>9}{'of one process':>16}  (lowest, highest)"
    lines = [f"{head}{'of the limit':>14}{'waiting':>10}{'copying':>10}"]
    for result in results:
        pairs = list(zip(result.turns, local, strict=True))
        ratios = [turn.rate / own.rate for turn, own in pairs]
        limits = [turn.rate / (own.steps / own.cpu_s * cores) for turn, own in pairs]
        shares = "".join(
            f"{statistics.median(_share(turn, part) for turn in result.turns):>10.1%}"
            for part in ("wait_s", "transfer_s")
        )
        lines.append(
            f"{result.name:<36}{result.median('rate'):>9,.0f}{statistics.median(ratios):>16.2f}"
            f"  ({min(ratios):.2f}, {max(ratios):.2f}){'':>5}"
            f"{statistics.median(limits):>14.2f}{shares}"
        )
    return "\n".join(lines)


def _share(turn: Turn, part: str) -> float:
    value: float = getattr(turn, part)
    return value * turn.iterations / turn.seconds


def circumstances(config: TrainConfig) -> str:
    """The conditions of the measurement: config and machine."""
    return (
        f"{config.env.task}, {config.env.num_worlds} worlds a worker"
        f" x {config.rollout.horizon} steps, {config.block(PpoConfig).epochs} epochs,"
        f" hidden {config.policy.hidden_size}, lag {config.train.max_lag};"
        f" {benching.machine()}"
    )


def numbers(flag: str, text: str, least: int = 1) -> list[int]:
    """Parse integers such as `1,2`. Raises ConfigError for anything else."""
    parts = [word for word in text.split(",") if word]
    if not all(word.isdigit() and int(word) >= least for word in parts):
        raise ConfigError(f"{flag}: got {text}, allowed: numbers like 1,2")
    return [int(word) for word in parts]


def measure(args: argparse.Namespace, rest: list[str]) -> None:
    """Measure, without --simulate."""
    workers = numbers("--workers", args.workers)
    learners = numbers("--learners", args.learners)
    if not workers:
        raise ConfigError("--workers: got nothing, allowed: numbers like 1,2")
    config = load(TrainConfig, args.config, rest)
    print(circumstances(config), flush=True)
    results, without = bench(config, workers, learners, args.rounds, args.iterations, args.kills)
    about, cores = circumstances(config), usable_cores()
    print(f"{about}\n\n{table(results, cores)}")
    if without:
        each = ", ".join(f"{seconds:.1f}" for seconds in without)
        print(f"\nfrom a worker's death until its replacement has delivered a batch: {each} s")
    if args.json:
        steps = config.env.num_worlds * config.rollout.horizon
        content = to_dict(Measurement(about, cores, steps, tuple(results)))
        write_json(args.json, {"format": FORMAT, **content})


def forecast(args: argparse.Namespace, rest: list[str]) -> None:
    """Forecast, with --simulate."""
    if rest:
        raise ConfigError(f"{rest[0]}: got it with --simulate, allowed: without")
    measurement = read(args.simulate)
    clusters = {}
    for learners in numbers("--learners", args.learners, least=0) or [0]:
        cluster = Cluster(args.cores, args.worker_cores, args.core_rate, learners,
                          args.learner_cores, args.learner_speed, args.worker_steps)  # fmt: skip
        who = _some(learners, "learner") if learners else "one learning process"
        clusters[f"{args.cores:,} cores, {who}"] = cluster
    print(report(measurement, clusters))
    if args.plot:
        from sleight.train.scaling.forecast_plot import draw

        draw(measurement, clusters, args.plot)


def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = benching.parser("scale", __doc__, iterations=4)
    parser.add_argument("--rounds", type=int, default=5, help="timed turns of each setup")
    parser.add_argument("--kills", type=int, default=3, help="number of workers to kill at the end")
    parser.add_argument("--workers", default="1,2", help="numbers of workers, for example 1,2")
    parser.add_argument("--learners", default="", help="numbers of learners, for example 1,2")
    model = parser.add_argument_group("forecasts, from a file of --json")
    model.add_argument("--simulate", type=Path, metavar="FILE", help="forecast from this file")
    model.add_argument(
        "--plot", type=picture_file, help="plot the forecast to this file: .png, .svg, .pdf"
    )
    model.add_argument("--cores", type=int, default=6144, help="cores of all workers")
    model.add_argument("--worker_cores", type=int, default=1, help="cores of each worker")
    model.add_argument("--core_rate", type=float, default=0.0,
                       help="control steps/s of one core or GPU; 0: as measured")  # fmt: skip
    model.add_argument("--worker_steps", type=int, default=0,
                       help="control steps in a worker's batch; 0: as measured")  # fmt: skip
    model.add_argument("--learner_cores", type=int, default=1, help="cores of each learner")
    model.add_argument("--learner_speed", type=float, default=1.0,
                       help="speed relative to as many measured cores")  # fmt: skip
    args, rest = parser.parse_known_args(argv)
    for name in ("rounds", "iterations", "cores", "worker_cores", "learner_cores", "learner_speed"):
        if not 0 < (value := getattr(args, name)) < math.inf:
            raise ConfigError(f"--{name}: got {value}, allowed: above 0")
    for name in ("kills", "core_rate", "worker_steps"):
        if not 0 <= (value := getattr(args, name)) < math.inf:
            raise ConfigError(f"--{name}: got {value}, allowed: 0 or more")
    (forecast if args.simulate else measure)(args, rest)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
