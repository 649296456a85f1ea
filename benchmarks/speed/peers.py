"""Seconds of hand time per second, compared with other libraries' hands in one run.

    sleight bench peers [--peers envpool-block,loop,...] [--threads 1] [--worlds 128]
                        [--rounds 5] [--seconds 4] [--clock wall|cpu] [--json FILE] [--plot FILE]

Each peer runs in its own Python environment in the user's cache, created at first use from the
pins in `_peers/requirements`. A peer that cannot be installed or does not run is said in one
line, and the others go on. All get the same number of threads and take turns, because the speed of
a shared machine changes; `--clock cpu` counts processor time of all processes of a peer, for a
machine that does other work. Ours is the default `block`. The peers of physics alone (`loop`,
`rollout`, `mjx`, `warp`) step our model through recorded controls, without observations, goals or
rewards.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))  # the benchmarks are scripts, not a package

import mujoco
import numpy as np
from _peers.command import parsed, parser_of, report, turn_of
from _peers.race import run_rounds, started
from _peers.table import ENVIRONMENTS, Peer, chosen
from _peers.worker_process import Worker
from env import circumstances, correlated_actions, record

from sleight.envs.config import EnvConfig, ResetConfig
from sleight.envs.gym import SMALL_CACHE
from sleight.envs.make import make_env

UNIT = "hand s/s"
BAR = 10.0
"""Required throughput of ours, as a multiple of EnvPool's."""
REPLAYED = 50
"""Control steps after which the peers of physics alone begin anew."""
WARM_UP_S = 1.0


def write_replay(worlds: int, folder: Path) -> None:
    """Write our model, N settled starts and T controls, as `workers/replay.py` reads them."""
    config = EnvConfig(num_worlds=worlds, threads=1, resets=ResetConfig(cache=SMALL_CACHE))
    env = make_env(config)
    env.reset(seed=0)
    starts = env.sim.state("qpos").numpy().copy()
    controls = record(env, correlated_actions(worlds, REPLAYED, 0), 0).controls
    mujoco.mj_saveModel(env.sim.model, str(folder / "block.mjb"), None)
    np.savez(
        folder / "replay.npz",
        starts=starts,
        controls=np.stack(controls),
        substeps=config.control.substeps,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    args = parsed(parser_of("peers", __doc__, ENVIRONMENTS, seconds=4.0, rounds=5), argv)
    peers = chosen(args.peers, ENVIRONMENTS)
    with tempfile.TemporaryDirectory() as folder:
        write_replay(args.worlds, Path(folder))

        def start(peer: Peer) -> Worker:
            given = [str(args.worlds), str(args.threads), folder]
            worker = Worker(peer, given, args.threads, args.wait_s)
            worker.work(min(WARM_UP_S, args.seconds), args.clock, args.wait_s)
            return worker

        with started(peers, start) as workers:
            before = circumstances(args.threads)
            print(f"before: {before}", flush=True)
            results = run_rounds(
                peers,
                workers,
                turn_of(args),
                lambda turn, worker: (
                    turn.steps * worker.about["period_s"] / turn.time_s(args.clock)
                ),
                lambda result: len(result.turns) == args.rounds,
            )
    threads = f"{args.threads} thread{'s' * (args.threads > 1)}"
    title = f"seconds of hand time per second ({args.clock} clock, {threads})"
    report(args, results, UNIT, title, before, circumstances(args.threads))
    print(f"\nthe bar is {BAR:g} times EnvPool's block, with {args.worlds} worlds of each peer")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
