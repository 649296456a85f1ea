"""The command eval: counts successes, finds validation sets and runs them."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...envs.config import EnvConfig
from ...envs.hands.variants import VARIANTS
from ...errors import ConfigError
from ...files import write_json, write_text
from ...flags import output_file, output_folder, seed_of
from ..commands import fields_of, make_parser, plan_flags, plan_of, setting, track_flag
from ..validation.flags import add_flags, check_flags

if TYPE_CHECKING:
    from .camera_evaluation import CameraEvaluation, EvalFields
    from .cube_evaluation import CubeEvaluation
    from .evaluation import Evaluation
    from .players import Player


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
    parser.add_argument("--trials", type=int,
                        help="number of trials, one per world (default: 100)")  # fmt: skip
    parser.add_argument("--seed", type=seed_of, default=0, help="seed of the worlds (default: 0)")
    parser.add_argument("--stochastic", action="store_true",
                        help="sample actions instead of using the mean; runs only")  # fmt: skip
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE",
                        help="set a randomization parameter to a fixed value")  # fmt: skip
    _range_flags(parser, "success by stratum: ")
    parser.add_argument("--variant", choices=VARIANTS, default="none",
                        help="variant: glove, two fingers tied, pushes or cover")  # fmt: skip
    plan_flags(parser)
    parser.add_argument("--record", type=output_folder, metavar="FOLDER",
                        help="also write the trials as demonstrations, for cloning")  # fmt: skip
    parser.add_argument("--record_cameras", type=Path, metavar="CONFIG.yaml",
                        help="with pictures, by the cameras of this training config")  # fmt: skip
    parser.add_argument("--json", type=output_file, help="also write the result to this JSON file")
    parser.add_argument(
        "--html", type=output_file, help="success by stratum: write this page with charts"
    )
    add_flags(parser)
    track_flag(parser)
    return parser


def eval_(argv: list[str]) -> int:
    """`sleight eval RUN_OR_BUNDLE [--trials N] [--seed S] [--set name=value] [--json FILE]`; with
    `--trained` or `--range name=low,high` also success by stratum; `--find-failures FILE` finds a
    validation set, `--failures FILE` runs one."""
    from ..runs.wandb_tracker import record
    from ..validation.jobs import find_failures, run_failures
    from .camera_evaluation import EvalFields
    from .players import open_player

    parser = _eval_parser()
    args, rest = parser.parse_known_args(argv)
    check_flags(args, rest, parser)
    player = open_player(args.player, args.stochastic, args.seed)
    own = fields_of(rest, parser, EvalFields)
    code = 0
    if args.failures:
        code, result = run_failures(player, args)
    elif args.find_failures:
        ranges = _ranges(player, args, trained=args.trained or not args.range)
        result = find_failures(player, _protocol(player, args, own, ranges), args)
    else:
        result = _evaluate(player, args, own)
    record(args.wandb, Path("runs", f"eval-{args.player.resolve().name}"),
           {"kind": "eval", "uses": str(args.player), "result": result})  # fmt: skip
    return code


def _evaluate(player: Player, args: argparse.Namespace, own: EvalFields) -> dict[str, Any]:
    """Evaluate, print and write what was asked for; returns the result as plain data."""
    from ..analysis.strata import check_trials, page, strata
    from ..demonstrations.recording import recording_of
    from .camera_evaluation import evaluate_as_asked
    from .cube_evaluation import evaluate_plans
    from .evaluation import at_task

    task, plan = plan_of(args, player)
    own.check(args.pose, player, plan)
    recording = recording_of(args.record, args.record_cameras)
    recording.check(args.pose, player, plan)
    ranges = _ranges(player, args, args.trained)
    if ranges and not plan:
        check_trials(args.trials, ranges)
    if args.html and (plan or not ranges):
        raise ConfigError("--html: got no ranges, allowed with --trained or --range NAME=LOW,HIGH")
    config = _protocol(player, args, own, ranges)
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
    return result.data()


def _ranges(
    player: Player, args: argparse.Namespace, trained: bool
) -> dict[str, tuple[float, float]]:
    from ..analysis.analysis_worlds import wanted_ranges

    return wanted_ranges(player, trained, args.range, dict(setting(word) for word in args.set))


def _protocol(
    player: Player,
    args: argparse.Namespace,
    own: EvalFields,
    ranges: dict[str, tuple[float, float]],
) -> EnvConfig:
    from .evaluation import protocol

    values = dict(setting(word) for word in args.set)
    config = protocol(player.env_config, args.trials, values, own.goals, ranges)
    return replace(config, model=replace(config.model, variant=args.variant))


def _range_flags(parser: argparse.ArgumentParser, what: str = "") -> None:
    """Add `--trained` and `--range`: the ranges from which worlds are drawn."""
    trained = f"{what}draw worlds from the final ranges of training"
    parser.add_argument("--trained", action="store_true", help=trained)
    one = f"{what}draw a parameter of each world from this range"
    parser.add_argument("--range", action="append", default=[], metavar="NAME=LOW,HIGH", help=one)
