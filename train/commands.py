"""The commands train, eval, export, play, bench, report and runs: they parse arguments."""

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
from ..flags import Parser, check_count, dispatch, output_file, output_folder, seed_of
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
    """The config of a new run, from `[CONFIG.yaml] [--field value ...]`."""
    path = None if argv[0].startswith("--") else Path(argv[0])
    return load_config(TrainConfig, path, argv[path is not None :])


def _eval_parser() -> argparse.ArgumentParser:
    parser = make_parser(
        "eval",
        "Evaluate a policy: consecutive successes in new worlds, by the papers' protocol.",
        "--goals.FIELD VALUE changes the protocol, for example --goals.flip_share 0",
    )
    parser.add_argument("player", type=Path, help="a run folder, a checkpoint or a bundle")
    parser.add_argument("--trials", type=int, default=100,
                        help="number of trials, one per world (default: 100)")  # fmt: skip
    parser.add_argument("--seed", type=seed_of, default=0, help="seed of the worlds (default: 0)")
    parser.add_argument("--stochastic", action="store_true",
                        help="sample actions instead of using the mean; runs only")  # fmt: skip
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE",
                        help="set a randomization parameter to a fixed value")  # fmt: skip
    range_flags(parser, "success by stratum: ")
    parser.add_argument("--variant", choices=VARIANTS, default="none",
                        help="variant: glove, two fingers tied, pushes or cover")  # fmt: skip
    parser.add_argument("--json", type=output_file, help="also write the result to this JSON file")
    parser.add_argument(
        "--html", type=output_file, help="success by stratum: write this page with charts"
    )
    _track_flag(parser)
    return parser


def eval_(argv: list[str]) -> int:
    """`sleight eval RUN_OR_BUNDLE [--trials N] [--seed S] [--set name=value] [--json FILE]`; with
    `--trained` or `--range name=low,high` also success by stratum."""
    from .analysis.analysis_worlds import wanted_ranges
    from .analysis.strata import check_trials, page, strata
    from .rollout.evaluation import evaluate, protocol
    from .rollout.players import open_player
    from .runs.wandb_tracker import record

    parser = _eval_parser()
    args, rest = parser.parse_known_args(argv)
    check_count("--trials", args.trials)
    player = open_player(args.player, args.stochastic, args.seed)
    goals = goals_of(rest, parser)
    values = dict(setting(word) for word in args.set)
    ranges = wanted_ranges(player, args.trained, args.range, values)
    if ranges:
        check_trials(args.trials, ranges)
    elif args.html:
        raise ConfigError("--html: got no ranges, allowed with --trained or --range NAME=LOW,HIGH")
    config = protocol(player.env_config, args.trials, values, goals, ranges)
    config = replace(config, model=replace(config.model, variant=args.variant))
    result = evaluate(player, config, args.seed)
    by_stratum = strata(result, config) if ranges else None
    if args.json:
        write_json(args.json, result.data() | ({"strata": by_stratum.data()} if by_stratum else {}))
    if args.html and by_stratum:
        write_text(args.html, page(by_stratum, result))
    sys.stdout.write(result.table() + (by_stratum.table() if by_stratum else "") + "\n")
    if args.html:
        sys.stdout.write(f"{args.html}\n")
    record(args.wandb, Path("runs", f"eval-{args.player.resolve().name}"),
           {"kind": "eval", "uses": str(args.player), "result": result.data()})  # fmt: skip
    return 0


def export(argv: list[str]) -> int:
    """`sleight export RUN --out DIR`."""
    from .export.bundle_export import export as write_bundle
    from .runs.wandb_tracker import record

    parser = make_parser("export", "Export a policy as the bundle that runs on a robot.")
    parser.add_argument("run", type=Path, help="a run folder or a checkpoint")
    parser.add_argument("--out", type=output_folder, required=True, help="folder of the new bundle")
    parser.add_argument("--name", default="", help="name of the bundle (default: the task)")
    parser.add_argument("--stochastic", action="store_true", help="sample actions, as in training")
    parser.add_argument(
        "--max_successes",
        type=int,
        default=GoalConfig.max_successes,
        help="goals after which a trial on a rig ends (default: %(default)s, the papers')",
    )
    _track_flag(parser)
    args = parser.parse_args(argv)
    check_count("--max_successes", args.max_successes)
    bundle = write_bundle(args.run, args.out, args.name, args.stochastic, args.max_successes)
    sys.stdout.write(f"{bundle}\n")
    record(args.wandb, Path("runs", f"export-{args.out.resolve().name}"),
           {"kind": "export", "uses": str(args.run), "bundle": str(args.out)})  # fmt: skip
    return 0


def _track_flag(parser: argparse.ArgumentParser) -> None:
    text = "log the result, inputs and outputs to Weights & Biases (default: off)"
    parser.add_argument("--wandb", choices=("auto", "offline", "off"), default="off", help=text)


def make_parser(command: str, text: str, more: str = "") -> argparse.ArgumentParser:
    return Parser(prog=f"sleight {command}", description=text, epilog=more)


@dataclass(frozen=True)
class _Goals:
    goals: GoalConfig = field(default_factory=GoalConfig)


def goals_of(words: list[str], parser: argparse.ArgumentParser) -> GoalConfig:
    """The config from `--goals.FIELD value ...`. Raises ConfigError for any other flag."""
    for word in words:
        if word.startswith("--") and not word.startswith("--goals."):
            flags = re.findall(r"--\w+", parser.format_usage())
            raise ConfigError(f"{word}: unknown flag, {nearest(word, [*flags, '--goals.FIELD'])}")
    return load_config(_Goals, None, words).goals


def range_flags(parser: argparse.ArgumentParser, what: str = "") -> None:
    """Add `--trained` and `--range`: the ranges from which worlds are drawn."""
    trained = f"{what}draw worlds from the final ranges of training"
    parser.add_argument("--trained", action="store_true", help=trained)
    one = f"{what}draw a parameter of each world from this range"
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
    from .reports.video import check_format
    from .rollout.players import open_player

    parser = make_parser("play", "Show a policy in a window, in a browser, or as a video.")
    parser.add_argument("player", type=Path, help="a run folder, a checkpoint or a bundle")
    parser.add_argument(
        "--video", type=output_file, help="write an MP4 instead of opening a window"
    )
    parser.add_argument(
        "--seconds", type=float, default=20.0, help="length of the video [s] (default: 20)"
    )
    parser.add_argument("--browser", action="store_true", help="serve a live page; needs no screen")
    parser.add_argument("--port", type=int, default=0, help="TCP port of the page; 0: a free port")
    parser.add_argument("--seed", type=seed_of, default=0, help="seed of the world (default: 0)")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE",
                        help="set a randomization parameter to a fixed value")  # fmt: skip
    args = parser.parse_args(argv)
    if not 0 < args.seconds < math.inf:
        raise ConfigError(f"--seconds: got {args.seconds:g}, allowed: above 0")
    if args.video:
        check_format(args.video)
    player = open_player(args.player)
    env = stage.open_stage(player, dict(setting(word) for word in args.set), args.seed)
    if args.video:
        sys.stdout.write(f"{stage.record_video(player, env, args.video, args.seconds)}\n")
    elif args.browser:
        stage.browser(player, env, args.port, lambda url: sys.stdout.write(f"{url}\n"))
    else:
        stage.window(player, env)
    return 0


def bench(argv: list[str]) -> int:
    """`sleight bench NAME ...`: runs a script of the benchmarks folder in a checkout."""
    folder = Path(__file__).resolve().parent.parent / "benchmarks"
    names = sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("_"))
    if not names:
        raise ConfigError(f"sleight bench: got no {folder}, allowed: a checkout of the sources")

    def run(name: str, argv: list[str]) -> int:
        return int(runpy.run_path(str(folder / f"{name}.py"))["main"](argv) or 0)

    scripts = {name: partial(run, name) for name in names}
    return dispatch("sleight bench", _bench_usage(folder, names), scripts, argv)


def _bench_usage(folder: Path, names: list[str]) -> str:
    """The usage text: each benchmark with the first line of its docstring."""
    pages = {
        name: ast.get_docstring(ast.parse((folder / f"{name}.py").read_text())) or ""
        for name in names
    }
    width = max(map(len, names))
    lines = [f"  {name:<{width}}  {page.partition(chr(10))[0]}" for name, page in pages.items()]
    return "\n".join(
        [
            "usage: sleight bench NAME ...",
            "",
            *lines,
            "",
            "sleight bench NAME --help lists its options.",
            "",
        ]
    )


def report(argv: list[str]) -> int:
    """`sleight report RUN [--out FILE] [--rig FOLDER] [--eval FILE] [--expected METRICS]`."""
    from .reports.run_report import write_report

    parser = make_parser("report", "Write a report of a run: one HTML page that needs no network.")
    parser.add_argument("run", type=Path, help="a run folder")
    parser.add_argument(
        "--out", type=output_file, help="HTML file (default: report.html in the run)"
    )
    parser.add_argument("--rig", type=Path, help="folder of a rig run, to include its results")
    parser.add_argument("--eval", type=Path, help="result file of `sleight eval --json`")
    parser.add_argument(
        "--expected", type=Path, help="a metrics.jsonl to plot as a reference curve"
    )
    parser.add_argument("--transfer", type=Path, help="result of `sleight bench sim_to_sim --json`")
    args = parser.parse_args(argv)
    page = write_report(
        args.run,
        args.out,
        expected=args.expected,
        rig=args.rig,
        evaluation=args.eval,
        transfer=args.transfer,
    )
    sys.stdout.write(f"{page}\n")
    return 0


def runs(argv: list[str]) -> int:
    """`sleight runs [--runs FOLDER] [--html FILE RUN...]`."""
    from .reports.compare import write_comparison
    from .runs.run_table import chosen, find_runs, read, table

    parser = make_parser("runs", "List local runs in a table, or compare some of them on a page.")
    parser.add_argument("run", nargs="*", help="runs to show, by name or folder (default: all)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of the run folders")
    parser.add_argument("--html", type=output_file, help="write this page, which compares the runs")
    args = parser.parse_args(argv)
    if args.html and not args.run:
        raise ConfigError("--html: got no runs, allowed: --html FILE RUN...")
    folders = chosen(args.runs, args.run) if args.run else find_runs(args.runs)
    rows = [read(folder, args.runs, curves=bool(args.html)) for folder in folders]
    page = write_comparison(rows, args.html) if args.html else None
    sys.stdout.write(f"{page}\n" if page else f"{table(rows)}\n")
    return 0
