"""Seconds of hand time per second, ours against Gymnasium-Robotics' block, in one run.

    sleight bench peers [--processes 2] [--worlds 128] [--repetitions 5]

The peer is `HandManipulateBlock-v1` under AsyncVectorEnv, as its users run it. It does not run on
our MuJoCo, so it lives in an environment of its own under the user's cache, made at first use from
peers-requirements.txt. Ours is the default `block` with every parameter randomized, on as many
threads as the peer has processes. The two take turns, because a shared machine changes its speed.
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
"""What ours must be at least, in times the peer."""
WARM_UP_S = 1.0


class Peer:
    """The worker in its own environment."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        told = self._answer()
        self.task, self.period_s = str(told["task"]), float(told["period_s"])

    def hand_rate(self, seconds: float) -> float:
        """Hand seconds per second, summed over environments."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{seconds}\n")
        self._process.stdin.flush()
        told = self._answer()
        return float(told["steps"]) * self.period_s / float(told["seconds"])

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.startswith("{"):
            raise ConnectError(f"peer: got '{line.strip()}', allowed: its figures; see above")
        found: dict[str, Any] = json.loads(line)
        return found


@contextmanager
def peer(processes: int) -> Iterator[Peer]:
    """Start the worker with that many environment processes; stops it at the end."""
    command = [str(environment()), "-W", "ignore", str(HERE / "_peer_worker.py"), str(processes)]
    started = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=HERE
    )
    try:
        yield Peer(started)
    finally:
        started.communicate()


def environment() -> Path:
    """The peers' Python, made where it is missing. Raises ConfigError when that fails."""
    pins = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "sleight" / f"peers-{pins}"
    python = folder / "bin" / "python"
    ready = folder / ".installed"
    if not ready.exists():
        print(f"making the peers' environment in {folder}", flush=True)
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        done = subprocess.run([*pip, "-r", str(REQUIREMENTS)], check=False)
        if done.returncode:
            raise ConfigError(f"{REQUIREMENTS.name}: cannot be installed: pip said why above")
        ready.touch()
    return python


class Ours:
    """The default `block`, randomized, which goes on from call to call as the peer does."""

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
    """(peer, ours) in hand seconds per second, one pair for each repetition."""
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
    parser.add_argument("--processes", type=int, default=2, help="of the peer; our threads")
    parser.add_argument("--worlds", type=int, default=EnvConfig().num_worlds, help="of ours")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each turn")
    parser.add_argument("--repetitions", type=int, default=5, help="the median counts")
    asked = parser.parse_args(argv)
    for count in (asked.processes, asked.worlds, asked.repetitions):
        check_count("--processes, --worlds, --repetitions", count)
    print(f"before: {circumstances(asked.processes)}", flush=True)
    pairs = bench(asked.processes, asked.worlds, asked.seconds, asked.repetitions)
    print(f"after:  {circumstances(asked.processes)}\n")
    ratios = [mine / theirs for theirs, mine in pairs]
    theirs, mine = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"Gymnasium-Robotics block, AsyncVectorEnv of {asked.processes}: {theirs:.0f} hand s/s")
    print(f"sleight block, {asked.worlds} worlds, MuJoCo {mujoco.__version__}: {mine:.0f} hand s/s")
    print(
        f"times the peer: {statistics.median(ratios):.1f}"
        f" ({min(ratios):.1f} to {max(ratios):.1f}); the bar is {BAR:g}"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
