"""Seconds of hand time per second, compared with Gymnasium-Robotics' block in one run.

    sleight bench peers [--processes 2] [--worlds 128] [--repetitions 5]

The peer is `HandManipulateBlock-v1` under AsyncVectorEnv, as its users run it. It needs another
MuJoCo version, so it runs in its own Python environment in the user's cache, which is created at
first use from peers-requirements.txt. Ours is the default `block` with the usual parameters
randomized, on as many threads as the peer has processes. Both alternate, because the speed of a
shared machine changes.
"""

from __future__ import annotations

import hashlib
import json
import os
import statistics
import subprocess
import sys
import time
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mujoco

from sleight.envs.config import EnvConfig
from sleight.envs.make import make_env
from sleight.errors import ConfigError, ConnectError
from sleight.flags import Parser, check_count

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / "peers-requirements.txt"
BAR = 8.0
"""Required throughput of ours, as a multiple of the peer's."""
WARM_UP_S = 1.0


class Peer:
    """The peer's worker process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        answer = self._answer()
        self.task, self.period_s = str(answer["task"]), float(answer["period_s"])

    def hand_rate(self, seconds: float) -> float:
        """Hand seconds per second, summed over environments."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{seconds}\n")
        self._process.stdin.flush()
        answer = self._answer()
        return float(answer["steps"]) * self.period_s / float(answer["seconds"])

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.startswith("{"):
            raise ConnectError(f"peer: got '{line.strip()}', allowed: a line of JSON; see above")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def peer(processes: int) -> Iterator[Peer]:
    """Start the worker with this number of environment processes; stops it at the end."""
    command = [str(environment()), "-W", "ignore", str(HERE / "_peer_worker.py"), str(processes)]
    started = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=HERE
    )
    try:
        yield Peer(started)
    finally:
        started.communicate()


def environment() -> Path:
    """The peer's Python, installed if it is missing. Raises ConfigError when that fails."""
    pins = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "sleight" / f"peers-{pins}"
    python = folder / "bin" / "python"
    ready = folder / ".installed"
    if not ready.exists():
        print(f"installing the peer's environment in {folder}", flush=True)
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        done = subprocess.run([*pip, "-r", str(REQUIREMENTS)], check=False)
        if done.returncode:
            raise ConfigError(
                f"{REQUIREMENTS.name}: cannot be installed: see the output of pip above"
            )
        ready.touch()
    return python


class Ours:
    """The default `block`, randomized; like the peer, it continues from call to call."""

    def __init__(self, worlds: int, threads: int) -> None:
        from env import correlated_actions, wide_ranges

        config = EnvConfig(num_worlds=worlds, threads=threads, randomization=wide_ranges())
        self.period_s = config.period_s
        self._env = make_env(config)
        self._env.reset(seed=0)
        self._actions = correlated_actions(worlds, 500, 0)
        self._step = 0

    def hand_rate(self, seconds: float) -> float:
        """Hand seconds per second, summed over worlds."""
        first, started = self._step, time.perf_counter()
        while time.perf_counter() < started + seconds:
            self._env.step(self._actions[self._step % len(self._actions)])
            self._step += 1
        steps = (self._step - first) * self._env.num_envs
        return steps * self.period_s / (time.perf_counter() - started)


def bench(
    processes: int, worlds: int, seconds: float, repetitions: int
) -> list[tuple[float, float]]:
    """(peer, ours) in hand seconds per second, one pair per repetition."""
    ours = Ours(worlds, processes)
    with peer(processes) as other:
        other.hand_rate(WARM_UP_S)
        ours.hand_rate(WARM_UP_S)
        return [(other.hand_rate(seconds), ours.hand_rate(seconds)) for _ in range(repetitions)]


def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    sys.path.insert(0, str(HERE))
    from env import circumstances

    parser = Parser("sleight bench peers", description=__doc__.split("\n", 1)[0])
    parser.add_argument(
        "--processes", type=int, default=2, help="processes of the peer, and our threads"
    )
    parser.add_argument(
        "--worlds", type=int, default=EnvConfig().num_worlds, help="our number of worlds"
    )
    parser.add_argument(
        "--seconds", type=float, default=4.0, help="duration of one measurement [s]"
    )
    parser.add_argument(
        "--repetitions", type=int, default=5, help="repetitions; the median is reported"
    )
    args = parser.parse_args(argv)
    for count in (args.processes, args.worlds, args.repetitions):
        check_count("--processes, --worlds, --repetitions", count)
    print(f"before: {circumstances(args.processes)}", flush=True)
    pairs = bench(args.processes, args.worlds, args.seconds, args.repetitions)
    print(f"after:  {circumstances(args.processes)}\n")
    ratios = [mine / theirs for theirs, mine in pairs]
    theirs, mine = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"Gymnasium-Robotics block, AsyncVectorEnv of {args.processes}: {theirs:.0f} hand s/s")
    print(f"sleight block, {args.worlds} worlds, MuJoCo {mujoco.__version__}: {mine:.0f} hand s/s")
    print(
        f"times the peer: {statistics.median(ratios):.1f}"
        f" ({min(ratios):.1f} to {max(ratios):.1f}); the bar is {BAR:g}"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
