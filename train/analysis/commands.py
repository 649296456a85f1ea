"""`sleight adr report | probe | perturb`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ...errors import ConfigError
from ...files import write_json, write_text
from ...flags import check_count, dispatch, seed_of
from ..commands import goals_of, make_parser, setting

_USAGE = """usage: sleight adr report RUN... | probe RUN... | perturb RUN

  report   ranges, entropy and performance over training: a page and CSVs
  probe    what the memory knows of the world: classifiers of each parameter
  perturb  how it recovers when the memory is reset, the world changes, a joint breaks

Each has --help.
"""


def adr(argv: list[str]) -> int:
    """`sleight adr report | probe | perturb`."""
    known = {"report": report, "probe": probe, "perturb": perturb}
    return dispatch("sleight adr", _USAGE, known, argv)


def report(argv: list[str]) -> int:
    """`sleight adr report RUN... [--out FILE] [--csv FOLDER]`."""
    from .adr_csv import write_csvs
    from .adr_report import report as page
    from .adr_runs import read_runs

    parser = make_parser("adr report", "ADR over the course of one or several runs, as one page.")
    parser.add_argument("run", nargs="+", type=Path, help="run folders, bundles, or adr.json files")
    parser.add_argument("--out", type=Path, help="the page; by default adr.html in the first run")
    parser.add_argument("--csv", type=Path, help="write CSVs of the same into this folder")
    given = parser.parse_args(argv)
    runs = read_runs(given.run)
    out = given.out or runs[0].folder / "adr.html"
    sys.stdout.write(f"{write_text(out, page(runs))}\n")
    if given.csv:
        for path in write_csvs(runs, given.csv):
            sys.stdout.write(f"{path}\n")
    return 0


def _study_parser(name: str, text: str, trials: int) -> argparse.ArgumentParser:
    parser = make_parser(
        name, text, "--goals.FIELD VALUE changes the goals, for instance --goals.flip_share 0"
    )
    parser.add_argument("--trials", type=int, default=trials, help="worlds, one trial each")
    parser.add_argument("--seed", type=seed_of, default=0)
    parser.add_argument("--stochastic", action="store_true", help="sample actions (runs only)")
    parser.add_argument("--range", action="append", default=[], metavar="NAME=LOW,HIGH",
                        help="draw a parameter of each world from this range instead of the one"
                        " that the policy was trained on")  # fmt: skip
    parser.add_argument("--json", type=Path, help="write the result here as well")
    parser.add_argument("--html", type=Path, help="write a page with charts")
    return parser


def probe(argv: list[str]) -> int:
    """`sleight adr probe RUN...`."""
    from ..rollout.players import open_player
    from .analysis_worlds import study_ranges
    from .probe import TIMES, check, probe_player
    from .probe_page import data, page, table

    parser = _study_parser(
        "adr probe", "What a policy's memory knows of its world: linear and nonlinear classifiers"
        " of each parameter, on held-out trials, against permuted labels.", 500)  # fmt: skip
    parser.add_argument("run", nargs="+", type=Path, help="runs, checkpoints or bundles to compare")
    parser.add_argument("--times", type=_numbers, default=TIMES, metavar="T,T,...",
                        help="control steps after which the memory is read")  # fmt: skip
    parser.add_argument("--permutations", type=int, default=4, help="of the labels, for chance")
    given, rest = parser.parse_known_args(argv)
    check_count("--permutations", given.permutations)
    goals = goals_of(rest, parser)
    players = [open_player(path, given.stochastic, given.seed) for path in given.run]
    for player in players:
        check(player, given.trials, given.times)
    # The same worlds for all: the widest that one of them was trained on, unless told otherwise.
    ranges = study_ranges(players, given.range)
    if not ranges:
        raise ConfigError(
            f"{players[0].name}: got a policy that was trained in one world, allowed:"
            " --range NAME=LOW,HIGH"
        )
    found = []
    for player in players:
        found.append(
            probe_player(
                player, ranges, given.trials, goals,
                times=given.times, permutations=given.permutations, seed=given.seed,
            )
        )  # fmt: skip
        sys.stdout.write(f"{table(found[-1])}\n")
    if given.json:
        write_json(given.json, data(found))
    if given.html:
        sys.stdout.write(f"{write_text(given.html, page(found))}\n")
    return 0


def perturb(argv: list[str]) -> int:
    """`sleight adr perturb RUN`."""
    from ..rollout.players import open_player
    from .analysis_worlds import study_ranges
    from .perturb import check, study
    from .perturb_page import data, page, table

    parser = _study_parser(
        "adr perturb", "How a policy recovers when its memory is reset, its world drawn anew, or a"
        " joint broken after the n-th success.", 200)  # fmt: skip
    parser.add_argument("player", type=Path, help="a run folder, a checkpoint or a bundle")
    parser.add_argument("--after", type=_numbers, default=(10, 30), metavar="N,N,...",
                        help="successes after which a trial is disturbed")  # fmt: skip
    parser.add_argument("--window", type=int, default=5, help="goals compared before and after")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE",
                        help="hold a randomization parameter at a value")  # fmt: skip
    given, rest = parser.parse_known_args(argv)
    check_count("--trials", given.trials)
    check_count("--window", given.window)
    goals = goals_of(rest, parser)
    check(given.after, goals.max_successes)
    player = open_player(given.player, given.stochastic, given.seed)
    fixed = dict(setting(word) for word in given.set)
    ranges = study_ranges([player], given.range, fixed)
    found = study(
        player, ranges, given.trials, goals, after=given.after, fixed=fixed, seed=given.seed
    )
    sys.stdout.write(f"{table(found, given.window)}\n")
    if given.json:
        write_json(given.json, data(found, given.window))
    if given.html:
        sys.stdout.write(f"{write_text(given.html, page(found, given.window))}\n")
    return 0


def _numbers(text: str) -> tuple[int, ...]:
    """Whole numbers between commas."""
    try:
        return tuple(int(word) for word in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"got '{text}', allowed: whole numbers, 10,30") from None
