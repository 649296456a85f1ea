"""Training of `block` by PPO with an LSTM, compared with other libraries in one run.

    sleight bench train_peers [--peers sb3,cleanrl,...] [--threads 1] [--worlds 128] [--seconds 20]
                              [--rounds 3 | --minutes 20] [--clock wall|cpu] [--json FILE]
                              [--curves FILE.png]

All learn configs/block.yaml without its curriculum (goals up to 1 rad), through Gymnasium, with its
sizes of networks and batches as far as they have them, each in its own environment as in `sleight
bench peers`. They take turns of whole updates, `--seconds` or a little more each. With `--minutes`
they go on until each has had that much of the clock, and the successes of the last turns are
compared, with sampled actions: what was learned in the same time.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))  # the benchmarks are scripts, not a package

from _peers.command import parsed, parser_of, report, turn_of
from _peers.curves import WINDOW, draw_curves, per_minute
from _peers.race import Result, run_rounds, started
from _peers.table import LEARNERS, Peer, chosen
from _peers.worker_process import Worker

from sleight.errors import ConfigError
from sleight.flags import picture_file
from sleight.train import benching

UNIT = "steps/s"


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line. Raises ConfigError."""
    parser = parser_of("train_peers", __doc__, LEARNERS, seconds=20.0, rounds=3)
    parser.add_argument("--minutes", type=float, default=0.0,
                        help="time of each peer, instead of rounds [min]")  # fmt: skip
    parser.add_argument("--curves", type=picture_file,
                        help="plot successes against time to this file")  # fmt: skip
    args = parsed(parser, argv)
    if args.minutes < 0:
        raise ConfigError(f"--minutes: got {args.minutes:g}, allowed: 0 or more")
    return args


def learned(results: Mapping[str, Result]) -> str:
    """What each does in its last turns, after all its training."""
    title = f"last {WINDOW} turns, by sampled actions"
    width = max(len(name) for name in (title, *(result.title for result in results.values())))
    lines = [f"{title:<{width}} {'after steps':>12} successes/min drops/min"]
    for result in results.values():
        steps, period_s = sum(turn.steps for turn in result.turns), result.about["period_s"]
        last = result.turns[-WINDOW:]
        successes, drops = (per_minute(last, period_s, what) for what in ("successes", "drops"))
        lines.append(f"{result.title:<{width}} {steps:>12,} {successes:>13.2f} {drops:>9.2f}")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    args = arguments(argv)
    peers = chosen(args.peers, LEARNERS)

    def start(peer: Peer) -> Worker:
        return Worker(peer, [str(args.worlds), str(args.threads)], args.threads, args.wait_s)

    def ended(result: Result) -> bool:
        spent = sum(turn.time_s(args.clock) for turn in result.turns)
        return spent >= 60.0 * args.minutes if args.minutes else len(result.turns) == args.rounds

    with started(peers, start) as workers:
        before = benching.machine()
        print(f"before: {before}", flush=True)
        results = run_rounds(
            peers,
            workers,
            turn_of(args),
            lambda turn, worker: turn.steps / turn.time_s(args.clock),
            ended,
        )
    title = f"control steps per second of training ({args.clock} clock)"
    report(args, results, UNIT, title, before, benching.machine())
    print(f"\n{learned(results)}")
    if args.curves:
        draw_curves(results, args.clock, args.curves)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
