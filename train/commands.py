"""The commands train, eval, export, play and bench: they parse arguments."""

from __future__ import annotations

import argparse
import ast
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
from ..envs.hands.variants import VARIANTS
from ..envs.randomization.table import lookup
from ..errors import ConfigError, nearest
from ..files import write_json, write_text
from ..flags import Parser, check_count, dispatch, output_file, output_folder, seed_of
from ..shipped import shipped
from .config import TrainConfig

if TYPE_CHECKING:
    from .rollout.camera_evaluation import CameraEvaluation
    from .rollout.cube_evaluation import CubeEvaluation
    from .rollout.evaluation import Evaluation
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


def _eval_parser() -> argparse.ArgumentParser:
    parser = make_parser(
        "eval",
        "Evaluate a policy: consecutive successes in new worlds, by the papers' protocol.",
        "--goals.FIELD VALUE changes the protocol, for example --goals.flip_share 0;"
        " --cameras.FIELD VALUE the cameras of --pose, for example --cameras.strength 0.5",
    )
    parser.add_argument("player", type=Path, help="a run folder, a checkpoint or a bundle")
    parser.add_argument("--pose", choices=("true", "cameras", "both"), default="true",
                        help="where the policy has the object's pose from: the simulation, the"
                        " bundle's pose network on fresh renders, or one after the other"
                        " (default: true)")  # fmt: skip
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
    _plan_flags(parser)
    parser.add_argument("--record", type=output_folder, metavar="FOLDER",
                        help="also write the trials as demonstrations, for cloning")  # fmt: skip
    parser.add_argument("--record_cameras", type=Path, metavar="CONFIG.yaml",
                        help="with pictures, by the cameras of this training config")  # fmt: skip
    parser.add_argument("--json", type=output_file, help="also write the result to this JSON file")
    parser.add_argument(
        "--html", type=output_file, help="success by stratum: write this page with charts"
    )
    _track_flag(parser)
    return parser


def _plan_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--task", default="", metavar="TASK",
                        help="another task of the same hand, for example cube-full")  # fmt: skip
    plan = parser.add_mutually_exclusive_group()
    for name, what in (("scramble", "scramble a solved cube by"), ("solve", "solve a cube after")):
        plan.add_argument(f"--{name}", default="", metavar="MOVES",
                          help=f"cube-full: {what} these moves, or `random` ones")  # fmt: skip


def _plan_of(args: argparse.Namespace, player: Player) -> tuple[str, dict[str, str]]:
    """The task to change to, empty for none, and the plan of its goals, if there is one."""
    plan = {name: getattr(args, name) for name in ("scramble", "solve") if getattr(args, name)}
    return args.task or (player.env_config.task if plan else ""), plan


def eval_(argv: list[str]) -> int:
    """`sleight eval RUN_OR_BUNDLE [--trials N] [--seed S] [--set name=value] [--json FILE]`; with
    `--trained` or `--range name=low,high` also success by stratum."""
    from .analysis.analysis_worlds import wanted_ranges
    from .analysis.strata import page, strata
    from .demonstrations.recording import recording_of
    from .rollout.camera_evaluation import EvalFields, evaluate_as_asked
    from .rollout.cube_evaluation import evaluate_plans
    from .rollout.evaluation import at_task, protocol
    from .rollout.players import open_player
    from .runs.wandb_tracker import record

    parser = _eval_parser()
    args, rest = parser.parse_known_args(argv)
    check_count("--trials", args.trials)
    player = open_player(args.player, args.stochastic, args.seed)
    own = fields_of(rest, parser, EvalFields)
    values = dict(setting(word) for word in args.set)
    task, plan = _plan_of(args, player)
    own.check(args.pose, player, plan)
    recording = recording_of(args.record, args.record_cameras)
    recording.check(args.pose, player, plan)
    ranges = wanted_ranges(player, args.trained, args.range, values)
    _check_strata(args, ranges, plan)
    config = protocol(player.env_config, args.trials, values, own.goals, ranges)
    config = replace(config, model=replace(config.model, variant=args.variant))
    if task:
        config = at_task(config, player, task, **plan)
    result: Evaluation | CubeEvaluation | CameraEvaluation
    by_stratum = None
    if plan:
        result = evaluate_plans(player, config, args.seed)
    else:
        result, judged = evaluate_as_asked(
            player, config, args.seed, args.pose, own.cameras, recording
        )
        by_stratum = strata(judged, config) if ranges else None
        if args.html and by_stratum:
            write_text(args.html, page(by_stratum, judged))
    if args.json:
        write_json(args.json, result.data() | ({"strata": by_stratum.data()} if by_stratum else {}))
    sys.stdout.write(result.table() + (by_stratum.table() if by_stratum else "") + "\n")
    if args.html:
        sys.stdout.write(f"{args.html}\n")
    record(args.wandb, Path("runs", f"eval-{args.player.resolve().name}"),
           {"kind": "eval", "uses": str(args.player), "result": result.data()})  # fmt: skip
    return 0


def _check_strata(
    args: argparse.Namespace, ranges: dict[str, tuple[float, float]] | None, plan: dict[str, str]
) -> None:
    """Raise ConfigError for trials and pages that success by stratum cannot be told from."""
    from .analysis.strata import check_trials

    if ranges and not plan:
        check_trials(args.trials, ranges)
    if args.html and (plan or not ranges):
        raise ConfigError("--html: got no ranges, allowed with --trained or --range NAME=LOW,HIGH")


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
    parser.add_argument("--speed", type=int, default=1, help="of the video (default: 1, real time)")
    _plan_flags(parser)
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
    task, plan = _plan_of(args, player)
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
