"""`sleight adr report | probe | perturb`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ...errors import ConfigError
from ...files import write_json, write_text
from ...flags import check_count, dispatch, output_file, output_folder, seed_of
from ..commands import goals_of, make_parser, setting

_USAGE = """usage: sleight adr report RUN... | probe RUN... | perturb RUN

  report   write a page and CSVs: ranges, entropy and performance over training
  probe    test what the memory encodes about the world, with classifiers of each parameter
  perturb  measure recovery after a memory reset, a change of the world, or a broken joint

sleight adr COMMAND --help lists its options.
"""


def adr(argv: list[str]) -> int:
    """`sleight adr report | probe | perturb`."""
    commands = {"report": report, "probe": probe, "perturb": perturb}
    return dispatch("sleight adr", _USAGE, commands, argv)


def report(argv: list[str]) -> int:
    """`sleight adr report RUN... [--out FILE] [--csv FOLDER]`."""
    from .adr_csv import write_csvs
    from .adr_report import report as page
    from .adr_runs import read_runs

    parser = make_parser("adr report", "Write a page about ADR over one or several runs.")
    parser.add_argument("run", nargs="+", type=Path, help="run folders, bundles, or adr.json files")
    parser.add_argument(
        "--out", type=output_file, help="HTML file (default: adr.html in the first run)"
    )
    parser.add_argument(
        "--csv", type=output_folder, help="also write the data as CSV files to this folder"
    )
    args = parser.parse_args(argv)
    runs = read_runs(args.run)
    out = args.out or runs[0].folder / "adr.html"
    sys.stdout.write(f"{write_text(out, page(runs))}\n")
    if args.csv:
        for path in write_csvs(runs, args.csv):
            sys.stdout.write(f"{path}\n")
    return 0


def _study_parser(name: str, text: str, trials: int) -> argparse.ArgumentParser:
    parser = make_parser(
        name, text, "--goals.FIELD VALUE changes the goals, for example --goals.flip_share 0"
    )
    parser.add_argument("--trials", type=int, default=trials,
                        help=f"number of trials, one per world (default: {trials})")  # fmt: skip
    parser.add_argument("--seed", type=seed_of, default=0, help="seed of the worlds (default: 0)")
    parser.add_argument("--stochastic", action="store_true",
                        help="sample actions instead of using the mean; runs only")  # fmt: skip
    parser.add_argument("--range", action="append", default=[], metavar="NAME=LOW,HIGH",
                        help="draw a parameter of each world from this range instead of the range"
                        " of training")  # fmt: skip
    parser.add_argument("--json", type=output_file, help="also write the result to this JSON file")
    parser.add_argument("--html", type=output_file, help="write this page with charts")
    return parser


def probe(argv: list[str]) -> int:
    """`sleight adr probe RUN...`."""
    from ..rollout.players import open_player
    from .analysis_worlds import study_ranges
    from .probe import TIMES, check, probe_player
    from .probe_page import data, page, table

    parser = _study_parser(
        "adr probe", "Test what a policy's memory encodes about its world: linear and nonlinear"
        " classifiers of each parameter, compared with permuted labels.", 500)  # fmt: skip
    parser.add_argument("run", nargs="+", type=Path, help="runs, checkpoints or bundles to compare")
    parser.add_argument("--times", type=_numbers, default=TIMES, metavar="T,T,...",
                        help="control steps at which the memory is read")  # fmt: skip
    parser.add_argument("--permutations", type=int, default=4, help="permutations of the labels")
    args, rest = parser.parse_known_args(argv)
    check_count("--permutations", args.permutations)
    goals = goals_of(rest, parser)
    players = [open_player(path, args.stochastic, args.seed) for path in args.run]
    for player in players:
        check(player, args.trials, args.times)
    # The same worlds for all players: by default the hull of their training ranges.
    ranges = study_ranges(players, args.range)
    if not ranges:
        raise ConfigError(
            f"{players[0].name}: got a policy that was trained in one world, allowed:"
            " --range NAME=LOW,HIGH"
        )
    probes = []
    for player in players:
        probes.append(
            probe_player(
                player, ranges, args.trials, goals,
                times=args.times, permutations=args.permutations, seed=args.seed,
            )
        )  # fmt: skip
        sys.stdout.write(f"{table(probes[-1])}\n")
        if args.json:
            write_json(args.json, data(probes))
        if args.html:
            write_text(args.html, page(probes))
    if args.html:
        sys.stdout.write(f"{args.html}\n")
    return 0


def perturb(argv: list[str]) -> int:
    """`sleight adr perturb RUN`."""
    from ..rollout.players import open_player
    from .analysis_worlds import study_ranges
    from .perturb import check, study
    from .perturb_page import data, page, table

    parser = _study_parser(
        "adr perturb", "Measure how a policy recovers when its memory is reset, its world changes"
        " or a joint breaks after the n-th success.", 200)  # fmt: skip
    parser.add_argument("player", type=Path, help="a run folder, a checkpoint or a bundle")
    parser.add_argument("--after", type=_numbers, default=(10, 30), metavar="N,N,...",
                        help="numbers of successes after which a trial is disturbed")  # fmt: skip
    parser.add_argument(
        "--window", type=int, default=5, help="number of goals compared before and after"
    )
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE",
                        help="set a randomization parameter to a fixed value")  # fmt: skip
    args, rest = parser.parse_known_args(argv)
    check_count("--trials", args.trials)
    check_count("--window", args.window)
    goals = goals_of(rest, parser)
    check(args.after, goals.max_successes)
    player = open_player(args.player, args.stochastic, args.seed)
    fixed = dict(setting(word) for word in args.set)
    ranges = study_ranges([player], args.range, fixed)
    result = study(
        player, ranges, args.trials, goals, after=args.after, fixed=fixed, seed=args.seed
    )
    if args.json:
        write_json(args.json, data(result, args.window))
    if args.html:
        write_text(args.html, page(result, args.window))
    sys.stdout.write(f"{table(result, args.window)}\n")
    if args.html:
        sys.stdout.write(f"{args.html}\n")
    return 0


def _numbers(text: str) -> tuple[int, ...]:
    """Integers, separated by commas."""
    try:
        return tuple(int(word) for word in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"got '{text}', allowed: whole numbers, 10,30") from None
