"""What the commands `sleight bench peers` and `train_peers` share: flags, turns, results."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict

from _peers.plot import draw
from _peers.race import Result, table
from _peers.table import Peer
from _peers.worker_process import CLOCKS, Turn, Worker
from sleight.envs.config import EnvConfig
from sleight.files import write_json
from sleight.flags import Parser, check_count, output_file, picture_file


def parser_of(
    command: str, text: str, peers: Mapping[str, Peer], seconds: float, rounds: int
) -> Parser:
    """The flags of both; text: the docstring of the command. seconds, rounds: defaults."""
    parser = Parser(f"sleight bench {command}", description=text.split("\n", 1)[0])
    add = parser.add_argument
    add("--peers", default="", help=f"some of {', '.join(peers)} (default: all)")
    add("--threads", type=int, default=1, help="threads of each peer")
    add("--worlds", type=int, default=EnvConfig().num_worlds, help="worlds of each peer")
    add("--seconds", type=float, default=seconds, help="duration of one turn [s]")
    add("--rounds", type=int, default=rounds, help="rounds; the median is reported")
    add("--clock", choices=CLOCKS, default="wall", help="wall, or processor time")
    add("--wait_s", type=float, default=3600.0, help="longest time for a start or a turn [s]")
    add("--json", type=output_file, help="also write the results to this JSON file")
    add("--plot", type=picture_file, help="plot them to this file: .png, .svg, .pdf")
    return parser


def parsed(parser: Parser, argv: Sequence[str] | None) -> argparse.Namespace:
    """The arguments. Raises ConfigError."""
    args = parser.parse_args(argv)
    for name in ("threads", "worlds", "rounds"):
        check_count(f"--{name}", getattr(args, name))
    return args


def turn_of(args: argparse.Namespace) -> Callable[[Worker], Turn]:
    """What a worker does in its turn."""
    return lambda worker: worker.work(args.seconds, args.clock, args.wait_s)


def report(
    args: argparse.Namespace, results: Mapping[str, Result], unit: str, title: str,
    before: str, after: str,
) -> None:  # fmt: skip
    """Print the table; write what --json and --plot ask for."""
    print(f"after:  {after}, {args.clock} clock\n\n{table(results, unit, 'sleight is')}")
    if args.json:
        rows = {name: asdict(result) for name, result in results.items()}
        about = {"before": before, "after": after, "clock": args.clock, "unit": unit}
        write_json(args.json, {**about, "results": rows})
    if args.plot:
        draw(results, title, args.plot)
