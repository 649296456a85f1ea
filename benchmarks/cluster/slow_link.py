"""Throughput of a cluster whose workers are behind a slow link: delay, loss, and a cut.

    sleight bench slow_link [--config FILE] [--links 0:0,20:0,100:0,20:0.01] [--rounds 3]
                            [--cut_s 10] [--json FILE] [--field value]

Two machines of a real Ray cluster: the learner here, one worker in a network namespace, and a link
between them that delays or loses packets (_tun_link.py). The qualities of the link alternate,
because the speed of a shared machine changes; ratios are to the first one in the same round. At the
end the link is cut for a while. Needs root.
"""

from __future__ import annotations

import os
import secrets
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sleight.config import load
from sleight.errors import ConfigError
from sleight.files import write_json
from sleight.flags import check_count
from sleight.train import benching
from sleight.train.cluster.cluster_build import build
from sleight.train.cluster.ray_connect import connect, probe
from sleight.train.cluster.sampling.sampler import RaySampler
from sleight.train.config import TrainConfig
from sleight.train.rollout.in_process import use_threads
from sleight.train.runs.progress import ProgressBar
from sleight.train.runs.training_loop import Training

sys.path.insert(0, str(Path(__file__).parent))
from _tun_link import FAR, NEAR, Link, Quality, slow_link  # a script, no package

PORT = 6391
RAY = str(Path(sys.executable).with_name("ray"))
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
"""Workers at the priority of all else: what this machine does beside it would starve them."""
START_S, STOP_S = 120.0, 20.0
"""Longest waits for the head to answer, and for a machine to end [s]."""
STORE = 200 * 2**20
"""Size of each machine's object store [bytes]."""


@dataclass(frozen=True)
class Turn:
    """A few iterations with one quality of the link."""

    steps_per_second: float
    wait_share: float
    """Of the time, in which the learner waits for experience."""
    transfer_share: float
    """In which weights and batches are copied."""
    weights_age_s: float
    """From publishing weights to learning from what they collected."""


@contextmanager
def cluster(link: Link) -> Iterator[str]:
    """A head here, without cores for workers, and a machine behind the link; gives its address."""
    os.environ.update(QUIET, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(16))
    address, both = f"{NEAR}:{PORT}", ("--disable-usage-stats", f"--object-store-memory={STORE}")
    head = [RAY, "start", "--head", "--block", f"--port={PORT}", f"--node-ip-address={NEAR}",
            "--num-cpus=0", "--include-dashboard=false", *both]  # fmt: skip
    node = link.far(RAY, "start", "--block", f"--address={address}", f"--node-ip-address={FAR}",
                    "--num-cpus=1", *both)  # fmt: skip
    with ExitStack() as machines:
        machines.enter_context(_machine(head))
        probe(address, START_S)
        machines.enter_context(_machine(node))
        yield address


@contextmanager
def _machine(command: Sequence[str]) -> Iterator[None]:
    """A machine of the cluster; its end leaves other clusters of this user alone."""
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield
    finally:
        process.terminate()  # Ray ends what it has started
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_S)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def take_turn(training: Training, iterations: int) -> Turn:
    """Time `iterations`, after one whose experience came over the link as it was before."""
    training.iterate()
    steps, began = training.steps, time.perf_counter()
    rows = [training.iterate() for _ in range(iterations)]
    seconds = time.perf_counter() - began

    def share(name: str) -> float:
        return sum(row.get(name, 0.0) for row in rows) / seconds

    return Turn(
        steps_per_second=(training.steps - steps) / seconds,
        wait_share=share("wait_s"),
        transfer_share=share("transfer_s"),
        weights_age_s=statistics.fmean(row.get("weights_age_s", 0.0) for row in rows),
    )


def cut(training: Training, link: Link, good: Quality, seconds: float) -> float:
    """Cut the link; the longest time [s] between two updates around it."""
    training.iterate()
    link.set(Quality(loss=1.0))
    mend = threading.Timer(seconds, link.set, (good,))
    mend.start()
    began, longest = time.perf_counter(), 0.0
    while time.perf_counter() < began + seconds or mend.is_alive():
        before = time.perf_counter()
        training.iterate()
        longest = max(longest, time.perf_counter() - before)
    return longest


def bench(
    config: TrainConfig, links: Sequence[Quality], rounds: int, iterations: int, cut_s: float
) -> tuple[list[list[Turn]], float]:
    """Turns of each quality; and the longest pause when the link is cut."""
    use_threads(config)
    with slow_link() as link, cluster(link) as address:
        ray = replace(config.ray, address=address, wait_s=max(config.ray.wait_s, 300.0))
        actors = replace(config.train, workers=1, worker_cpus=1)
        stop = connect(ray)
        training = build(replace(config, ray=ray, train=actors, steps=10**12))
        assert isinstance(training.sampler, RaySampler)
        with closing(training.sampler):
            turns: list[list[Turn]] = [[] for _ in links]
            with ProgressBar("slow link", rounds * len(links), unit="turns") as bar:
                for number in range(rounds):
                    for place, quality in enumerate(links):
                        link.set(quality)
                        turns[place].append(take_turn(training, iterations))
                        bar.update(number * len(links) + place + 1)
            pause_s = cut(training, link, links[0], cut_s) if cut_s else 0.0
        stop()
    return turns, pause_s


def table(links: Sequence[Quality], turns: Sequence[Sequence[Turn]]) -> str:
    """Medians over rounds, and ratios to the first link in the same round."""
    head = f"{'delay, loss':<18}{'steps/s':>9}{'of the first':>14}  (lowest, highest)"
    lines = [f"{head}{'waiting':>9}{'copying':>9}{'weights age':>13}"]
    for quality, own in zip(links, turns, strict=True):
        ratios = [
            a.steps_per_second / b.steps_per_second for a, b in zip(own, turns[0], strict=True)
        ]

        def median(name: str, own: Sequence[Turn] = own) -> float:
            return statistics.median(getattr(turn, name) for turn in own)

        name = f"{quality.delay_ms:g} ms, {quality.loss:.1%}"
        lines.append(
            f"{name:<18}{median('steps_per_second'):>9,.0f}"
            f"{statistics.median(ratios):>14.2f}  ({min(ratios):.2f}, {max(ratios):.2f}){'':>5}"
            f"{median('wait_share'):>9.0%}{median('transfer_share'):>9.0%}"
            f"{median('weights_age_s'):>11.2f} s"
        )
    return "\n".join(lines)


def qualities(text: str) -> list[Quality]:
    """Parse `delay_ms:loss,...`. Raises ConfigError for anything else."""
    try:
        pairs = [tuple(map(float, word.split(":"))) for word in text.split(",")]
        links = [Quality(delay, loss) for delay, loss in pairs]
    except ValueError:
        links = []
    if not links or not all(0 <= one.delay_ms <= 1e4 and 0 <= one.loss < 1 for one in links):
        raise ConfigError(f"--links: got {text}, allowed: DELAY_MS:LOSS,... such as 0:0,20:0.01")
    return links


def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = benching.parser("slow_link", __doc__, iterations=4)
    parser.add_argument("--links", default="0:0,20:0,100:0,20:0.01",
                        help="DELAY_MS:LOSS,..., one way (default: %(default)s)")  # fmt: skip
    parser.add_argument("--rounds", type=int, default=3, help="timed turns of each quality")
    parser.add_argument("--cut_s", type=float, default=10.0,
                        help="duration of the cut at the end; 0: none [s]")  # fmt: skip
    args, rest = parser.parse_known_args(argv)
    for count in (args.rounds, args.iterations):
        check_count("--rounds, --iterations", count)
    links = qualities(args.links)
    config = load(TrainConfig, args.config, rest)
    about = f"{config.env.task}, {config.env.num_worlds} worlds x {config.rollout.horizon} steps;"
    print(f"{about} {benching.machine()}", flush=True)
    turns, pause_s = bench(config, links, args.rounds, args.iterations, args.cut_s)
    print(table(links, turns))
    if args.cut_s:
        print(f"link cut for {args.cut_s:g} s: no update for {pause_s:.1f} s, then it went on")
    if args.json:
        rows: list[dict[str, Any]] = [
            {"link": quality, "turns": own} for quality, own in zip(links, turns, strict=True)
        ]
        found = {"about": about, "links": rows, "cut_s": args.cut_s, "pause_s": pause_s}
        write_json(args.json, found)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
