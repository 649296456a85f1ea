"""The commands train, export, play and bench: they parse arguments."""

from __future__ import annotations

import argparse
import ast
import itertools
import math
import re
import runpy
import sys
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ..config import help_text
from ..config import load as load_config
from ..envs.config import GoalConfig
from ..envs.randomization.table import lookup
from ..errors import ConfigError, nearest
from ..flags import Parser, check_count, dispatch, output_file, output_folder, seed_of
from ..shipped import shipped
from .config import TrainConfig

if TYPE_CHECKING:
    from .rollout.players import Player
    from .runs.stages.expected_curve import ExpectedCurve


C = TypeVar("C")


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
        start(config, _expected(argv, config))
    sys.stdout.write(f"{folder}\n")
    return 0


def _expected(argv: list[str], config: TrainConfig) -> ExpectedCurve | None:
    """The curve that ships beside the config of a new run, if there is one."""
    from .runs.stages.behind_curve import changed_fields
    from .runs.stages.expected_curve import beside, read_curve

    if argv[0].startswith("--") or not (path := beside(shipped(argv[0]))).is_file():
        return None
    changed = changed_fields(config, load_config(TrainConfig, argv[0]))
    return replace(read_curve(path), changed=changed)


def config_of(argv: list[str]) -> TrainConfig:
    """The config of a new run, from `[CONFIG.yaml] [--field value ...]`."""
    path = None if argv[0].startswith("--") else Path(argv[0])
    return load_config(TrainConfig, path, argv[path is not None :])


def plan_flags(parser: argparse.ArgumentParser) -> None:
    """Add `--task`, `--scramble` and `--solve`."""
    parser.add_argument("--task", default="", metavar="TASK",
                        help="another task of the same hand, for example cube-full")  # fmt: skip
    plan = parser.add_mutually_exclusive_group()
    for name, what in (("scramble", "scramble a solved cube by"), ("solve", "solve a cube after")):
        plan.add_argument(f"--{name}", default="", metavar="MOVES",
                          help=f"cube-full: {what} these moves, or `random` ones")  # fmt: skip


def plan_of(args: argparse.Namespace, player: Player) -> tuple[str, dict[str, str]]:
    """The task to change to, empty for none, and the plan of its goals, if there is one."""
    plan = {name: getattr(args, name) for name in ("scramble", "solve") if getattr(args, name)}
    return args.task or (player.env_config.task if plan else ""), plan


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
    track_flag(parser)
    args = parser.parse_args(argv)
    check_count("--max_successes", args.max_successes)
    bundle = write_bundle(args.run, args.out, args.name, args.stochastic, args.max_successes)
    sys.stdout.write(f"{bundle}\n")
    record(args.wandb, Path("runs", f"export-{args.out.resolve().name}"),
           {"kind": "export", "uses": str(args.run), "bundle": str(args.out)})  # fmt: skip
    return 0


def track_flag(parser: argparse.ArgumentParser) -> None:
    """Add `--wandb`."""
    text = "log the result, inputs and outputs to Weights & Biases (default: off)"
    parser.add_argument("--wandb", choices=("auto", "offline", "off"), default="off", help=text)


def make_parser(command: str, text: str, more: str = "") -> argparse.ArgumentParser:
    return Parser(prog=f"sleight {command}", description=text, epilog=more)


@dataclass(frozen=True)
class _Goals:
    goals: GoalConfig = field(default_factory=GoalConfig)


def goals_of(words: list[str], parser: argparse.ArgumentParser) -> GoalConfig:
    """The config from `--goals.FIELD value ...`. Raises ConfigError for any other flag."""
    return fields_of(words, parser, _Goals).goals


def fields_of(words: list[str], parser: argparse.ArgumentParser, kind: type[C]) -> C:
    """A config of `kind` from `--BLOCK.FIELD value ...`. Raises ConfigError for any other flag."""
    blocks = tuple(f"--{each.name}." for each in fields(kind))  # type: ignore[arg-type]
    for word in words:
        if word.startswith("--") and not word.startswith(blocks):
            flags = re.findall(r"--\w+", parser.format_usage())
            known = [*flags, *(f"{block}FIELD" for block in blocks)]
            raise ConfigError(f"{word}: unknown flag, {nearest(word, known)}")
    return load_config(kind, None, words)


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
    parser.add_argument("--speed", type=int, default=1, help="of the video (default: 1, real time)")
    plan_flags(parser)
    parser.add_argument("--browser", action="store_true", help="serve a live page; needs no screen")
    parser.add_argument("--port", type=int, default=0, help="TCP port of the page; 0: a free port")
    parser.add_argument("--seed", type=seed_of, default=0, help="seed of the world (default: 0)")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE",
                        help="set a randomization parameter to a fixed value")  # fmt: skip
    args = parser.parse_args(argv)
    if not 0 < args.seconds < math.inf:
        raise ConfigError(f"--seconds: got {args.seconds:g}, allowed: above 0")
    check_count("--speed", args.speed)
    if args.video:
        check_format(args.video)
    player = open_player(args.player)
    task, plan = plan_of(args, player)
    values = dict(setting(word) for word in args.set)
    env = stage.open_stage(player, values, args.seed, task, **plan)
    if args.video:
        film = stage.record_video(player, env, args.video, args.seconds, args.speed)
        sys.stdout.write(f"{film}\n")
    elif args.browser:
        stage.browser(player, env, args.port, lambda url: sys.stdout.write(f"{url}\n"))
    else:
        stage.window(player, env)
    return 0


def bench(argv: list[str]) -> int:
    """`sleight bench NAME ...`: runs a script of the benchmarks folder in a checkout."""
    folder = Path(__file__).resolve().parent.parent / "benchmarks"
    found = sorted(path for path in folder.glob("*/*.py") if not path.stem.startswith("_"))
    if not found:
        raise ConfigError(f"sleight bench: got no {folder}, allowed: a checkout of the sources")

    def run(script: Path, argv: list[str]) -> int:
        return int(runpy.run_path(str(script))["main"](argv) or 0)

    scripts = {path.stem: partial(run, path) for path in found}
    return dispatch("sleight bench", _bench_usage(found), scripts, argv)


def _bench_usage(scripts: list[Path]) -> str:
    """The usage text: each benchmark with the first line of its docstring, by folder."""
    width = max(len(path.stem) for path in scripts)
    lines = ["usage: sleight bench NAME ..."]
    for room, inside in itertools.groupby(scripts, lambda path: path.parent.name):
        lines += ["", f"{room}:"]
        for path in inside:
            page = ast.get_docstring(ast.parse(path.read_text())) or ""
            lines.append(f"  {path.stem:<{width}}  {page.partition(chr(10))[0]}")
    return "\n".join([*lines, "", "sleight bench NAME --help lists its options.", ""])
