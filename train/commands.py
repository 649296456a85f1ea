"""The commands that live in this folder: each parses its words and calls the work."""

from __future__ import annotations

import argparse
import ast
import math
import re
import runpy
import sys
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from ..config import help_text
from ..config import load as load_config
from ..envs.config import GoalConfig
from ..envs.hands.variants import VARIANTS
from ..envs.randomization.table import lookup
from ..errors import ConfigError, nearest
from ..files import write_json, write_text
from ..flags import Parser, check_count, dispatch, seed_of
from .config import TrainConfig


def train(argv: list[str]) -> int:
    """`sleight train CONFIG.yaml [--field value ...]` or `sleight train --resume RUN`."""
    from .runs.session import check_new, named, resume, start
    from .runs.supervisor import supervise, supervised

    if not argv or {"-h", "--help"} & {*argv}:
        sys.stdout.write(help_text(TrainConfig, "sleight train [CONFIG.yaml | --resume RUN]"))
        return 0
    if argv[0] == "--resume":
        if len(argv) < 2:
            raise ConfigError("--resume: got nothing, allowed: the folder of a run")
        folder = Path(argv[1])
        config = load_config(TrainConfig, folder / "config.yaml", argv[2:])
        if config.train.restarts and not supervised():
            return supervise(argv, folder, config.train.restarts)
        resume(folder, argv[2:])
    else:
        config = named(config_of(argv))
        folder = Path(config.runs) / config.name
        if config.train.restarts and not supervised():
            check_new(folder)
            return supervise([*argv, "--name", config.name], folder, config.train.restarts)
        start(config)
    sys.stdout.write(f"{folder}\n")
    return 0


def config_of(argv: list[str]) -> TrainConfig:
    """Of a new run: `[CONFIG.yaml] [--field value ...]`."""
    path = None if argv[0].startswith("--") else Path(argv[0])
    return load_config(TrainConfig, path, argv[path is not None :])


def _eval_parser() -> argparse.ArgumentParser:
    parser = make_parser(
        "eval",
        "Consecutive successes in fresh worlds, by the papers' protocol.",
        "--goals.FIELD VALUE changes the protocol, for instance --goals.flip_share 0",
    )
    parser.add_argument("player", type=Path, help="a run folder, a checkpoint or a bundle")
    parser.add_argument("--trials", type=int, default=100, help="worlds, one trial each")
    parser.add_argument("--seed", type=seed_of, default=0)
    parser.add_argument("--stochastic", action="store_true", help="sample actions (runs only)")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE",
                        help="hold a randomization parameter at a value")  # fmt: skip
    range_flags(parser, "by stratum: ")
    parser.add_argument("--variant", choices=VARIANTS, default="none",
                        help="put a glove on the hand, tie two fingers, push, cover")  # fmt: skip
    parser.add_argument("--json", type=Path, help="write the result here as well")
    parser.add_argument("--html", type=Path, help="by stratum: write a page with charts")
    _track_flag(parser)
    return parser


def eval_(argv: list[str]) -> int:
    """`sleight eval RUN_OR_BUNDLE [--trials N] [--seed S] [--set name=value] [--json FILE]`, and
    with `--trained` or `--range name=low,high` success by stratum."""
    from .analysis.analysis_worlds import wanted_ranges
    from .analysis.strata import check_trials, page, strata
    from .rollout.evaluation import evaluate, protocol
    from .rollout.players import open_player
    from .runs.wandb_tracker import record

    parser = _eval_parser()
    given, rest = parser.parse_known_args(argv)
    check_count("--trials", given.trials)
    player = open_player(given.player, given.stochastic, given.seed)
    goals = goals_of(rest, parser)
    values = dict(setting(word) for word in given.set)
    ranges = wanted_ranges(player, given.trained, given.range, values)
    if ranges:
        check_trials(given.trials, ranges)
    elif given.html:
        raise ConfigError("--html: got no ranges, allowed with --trained or --range NAME=LOW,HIGH")
    config = protocol(player.env_config, given.trials, values, goals, ranges)
    config = replace(config, model=replace(config.model, variant=given.variant))
    result = evaluate(player, config, given.seed)
    found = strata(result, config) if ranges else None
    sys.stdout.write(result.table() + (found.table() if found else "") + "\n")
    if given.json:
        write_json(given.json, result.data() | ({"strata": found.data()} if found else {}))
    if given.html and found:
        sys.stdout.write(f"{write_text(given.html, page(found, result))}\n")
    record(given.wandb, Path("runs", f"eval-{given.player.resolve().name}"),
           {"kind": "eval", "uses": str(given.player), "result": result.data()})  # fmt: skip
    return 0


def export(argv: list[str]) -> int:
    """`sleight export RUN --out DIR`."""
    from .export.bundle_export import export as write_bundle
    from .runs.wandb_tracker import record

    parser = make_parser("export", "Write the bundle that a robot runs.")
    parser.add_argument("run", type=Path, help="a run folder or a checkpoint")
    parser.add_argument("--out", type=Path, required=True, help="the folder of the bundle")
    parser.add_argument("--name", default="", help="of the bundle; by default the task")
    parser.add_argument("--stochastic", action="store_true", help="draw actions, as in training")
    _track_flag(parser)
    given = parser.parse_args(argv)
    sys.stdout.write(f"{write_bundle(given.run, given.out, given.name, given.stochastic)}\n")
    record(given.wandb, Path("runs", f"export-{given.out.resolve().name}"),
           {"kind": "export", "uses": str(given.run), "bundle": str(given.out)})  # fmt: skip
    return 0


def _track_flag(parser: argparse.ArgumentParser) -> None:
    text = "record it, with what it used and made, at Weights & Biases"
    parser.add_argument("--wandb", choices=("auto", "offline", "off"), default="off", help=text)


def make_parser(command: str, text: str, more: str = "") -> argparse.ArgumentParser:
    return Parser(prog=f"sleight {command}", description=text, epilog=more)


@dataclass(frozen=True)
class _Goals:
    goals: GoalConfig = field(default_factory=GoalConfig)


def goals_of(words: list[str], parser: argparse.ArgumentParser) -> GoalConfig:
    """What `--goals.FIELD value ...` says. Raises ConfigError for any other flag."""
    for word in words:
        if word.startswith("--") and not word.startswith("--goals."):
            known = re.findall(r"--\w+", parser.format_usage())
            raise ConfigError(f"{word}: unknown flag, {nearest(word, [*known, '--goals.FIELD'])}")
    return load_config(_Goals, None, words).goals


def range_flags(parser: argparse.ArgumentParser, what: str = "") -> None:
    """`--trained` and `--range`: the worlds that are drawn from."""
    trained = f"{what}draw worlds from the ranges that it was trained on at last"
    parser.add_argument("--trained", action="store_true", help=trained)
    one = f"{what}draw a parameter of each world from a range"
    parser.add_argument("--range", action="append", default=[], metavar="NAME=LOW,HIGH", help=one)


def setting(word: str) -> tuple[str, float]:
    """NAME=VALUE of --set. Raises ConfigError for an unknown name or a value out of its limits."""
    name, equals, text = word.partition("=")
    row = lookup(name, "--set")
    if not equals:
        raise ConfigError(f"--set: got '{word}', allowed: NAME=VALUE")
    try:
        value = float(text)
    except ValueError:
        raise ConfigError(f"--set {name}: got '{text}', allowed: a number") from None
    row.coordinate(value, "--set")
    return name, value


def play(argv: list[str]) -> int:
    """`sleight play RUN_OR_BUNDLE [--video FILE] [--browser]`."""
    from .reports import play as stage
    from .rollout.players import open_player

    parser = make_parser("play", "Watch a policy: in a window, in a browser, or as a film.")
    parser.add_argument("player", type=Path, help="a run folder, a checkpoint or a bundle")
    parser.add_argument("--video", type=Path, help="write an MP4 instead of opening a window")
    parser.add_argument("--seconds", type=float, default=20.0, help="length of the film")
    parser.add_argument(
        "--browser", action="store_true", help="serve a live page, without a screen"
    )
    parser.add_argument("--port", type=int, default=0, help="of the page; 0 takes a free one")
    parser.add_argument("--seed", type=seed_of, default=0)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE",
                        help="hold a randomization parameter at a value")  # fmt: skip
    given = parser.parse_args(argv)
    if not 0 < given.seconds < math.inf:
        raise ConfigError(f"--seconds: got {given.seconds:g}, allowed: above 0")
    player = open_player(given.player)
    env = stage.open_stage(player, dict(setting(word) for word in given.set), given.seed)
    if given.video:
        sys.stdout.write(f"{stage.film(player, env, given.video, given.seconds)}\n")
    elif given.browser:
        stage.browser(player, env, given.port, lambda url: sys.stdout.write(f"{url}\n"))
    else:
        stage.window(player, env)
    return 0


def bench(argv: list[str]) -> int:
    """`sleight bench NAME ...`: runs a script of the checkout's benchmarks folder."""
    folder = Path(__file__).resolve().parent.parent / "benchmarks"
    known = sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("_"))
    if not known:
        raise ConfigError(f"sleight bench: got no {folder}, allowed: a checkout of the sources")

    def run(name: str, argv: list[str]) -> int:
        return int(runpy.run_path(str(folder / f"{name}.py"))["main"](argv) or 0)

    scripts = {name: partial(run, name) for name in known}
    return dispatch("sleight bench", _bench_usage(folder, known), scripts, argv)


def _bench_usage(folder: Path, names: list[str]) -> str:
    """Each benchmark with the first line of what it says of itself."""
    pages = {
        name: ast.get_docstring(ast.parse((folder / f"{name}.py").read_text())) or ""
        for name in names
    }
    width = max(map(len, names))
    lines = [f"  {name:<{width}}  {page.partition(chr(10))[0]}" for name, page in pages.items()]
    return "\n".join(["usage: sleight bench NAME ...", "", *lines, "", "Each has --help.", ""])


def report(argv: list[str]) -> int:
    """`sleight report RUN [--out FILE] [--rig FOLDER] [--eval FILE] [--expected METRICS]`."""
    from .reports.run_report import write_report

    parser = make_parser("report", "A run as one HTML page that opens without a network.")
    parser.add_argument("run", type=Path, help="a run folder")
    parser.add_argument("--out", type=Path, help="the page; by default report.html in the run")
    parser.add_argument("--rig", type=Path, help="the folder of a run on a rig")
    parser.add_argument("--eval", type=Path, help="what `sleight eval --json` wrote")
    parser.add_argument("--expected", type=Path, help="a metrics.jsonl to draw behind the curve")
    given = parser.parse_args(argv)
    page = write_report(
        given.run, given.out, expected=given.expected, rig=given.rig, evaluation=given.eval
    )
    sys.stdout.write(f"{page}\n")
    return 0


def runs(argv: list[str]) -> int:
    """`sleight runs [--runs FOLDER] [--html FILE RUN...]`."""
    from .reports.compare import write_comparison
    from .runs.run_table import chosen, find_runs, read, table

    parser = make_parser(
        "runs", "The local runs as a table, or some of them side by side as a page."
    )
    parser.add_argument("run", nargs="*", help="runs to show, by name or folder; default: all")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="the folder of the runs")
    parser.add_argument("--html", type=Path, help="write a page that compares the runs")
    given = parser.parse_args(argv)
    if given.html and not given.run:
        raise ConfigError("--html: got no runs, allowed: --html FILE RUN...")
    folders = chosen(given.runs, given.run) if given.run else find_runs(given.runs)
    found = [read(folder, given.runs) for folder in folders]
    page = write_comparison(found, given.html) if given.html else None
    sys.stdout.write(f"{page}\n" if page else f"{table(found)}\n")
    return 0
