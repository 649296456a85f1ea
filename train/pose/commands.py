"""The commands of `sleight vision`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TypeVar

from ...config import help_text
from ...config import load as load_config
from ...errors import ConfigError, SleightError
from ...files import write_json, write_text
from ...flags import check_count, dispatch, output_file, output_folder, seed_of
from ...vision.config import RenderConfig
from ...vision.renders.render_crew import CrewOf
from ..commands import make_parser
from ..config import RayConfig
from .config import PoseTrainConfig, WidenConfig

USAGE = """usage: sleight vision COMMAND ...

commands:
  states PLAYER --count N --out FILE   record states that a policy visits, to render them
  render --count N --out DIR   render randomized pictures of the hand and the block, with poses
  train CONFIG | --data DIR    train a pose network on renders (--resume RUN continues)
  widen CONFIG | --resume RUN  train on renders whose ranges ADR widens
  eval RUN_OR_BUNDLE --data DIR   measure position errors in mm, rotation errors in degrees
  export RUN --bundle DIR      add the network to a bundle, as pose.onnx

sleight vision COMMAND --help lists every option.
"""
C = TypeVar("C")
SHEET = "sheet.png"
SHEET_SAMPLES = 24


def vision(argv: list[str]) -> int:
    """`sleight vision`; returns the exit code. Raises SleightError for the caller to print."""
    commands = {
        "states": _states,
        "render": _render,
        "train": _train,
        "widen": _widen,
        "eval": _eval,
        "export": _export,
    }
    return dispatch("sleight vision", USAGE, commands, argv)


def _states(argv: list[str]) -> int:
    from ..rollout.players import open_player
    from .visited_states import write_visited

    parser = make_parser(
        "vision states", "Record states that a policy visits, for render's --states.file."
    )
    parser.add_argument("player", type=Path, help="a run folder or a bundle")
    parser.add_argument("--count", type=int, required=True, help="number of states")
    parser.add_argument("--seed", type=seed_of, default=0, help="seed of the worlds (default: 0)")
    parser.add_argument("--out", type=output_file, required=True, help="file for the states, .npy")
    args = parser.parse_args(argv)
    check_count("--count", args.count)
    player = open_player(args.player, seed=args.seed)
    write_visited(player, args.count, args.seed, args.out)
    sys.stdout.write(f"{args.out}\n")
    return 0


def _render(argv: list[str]) -> int:
    from ...vision.renders.contact_sheet import write_sheet
    from ...vision.renders.render_job import render
    from ...vision.renders.shards import open_renders
    from ..runs.progress import ProgressBar

    parser = make_parser(
        "vision render", "Render randomized pictures of the hand and the block, with poses."
    )
    parser.add_argument("--count", type=int, required=True, help="number of samples")
    parser.add_argument(
        "--out",
        type=output_folder,
        required=True,
        help="folder of the renders; an unfinished one is continued",
    )
    parser.add_argument("--ray.address", dest="address", default="", metavar="HOST:PORT",
                        help="Ray cluster, or auto (default: this machine)")  # fmt: skip
    parser.add_argument("--ray.wait_s", dest="wait_s", default="60", metavar="SECONDS",
                        help="longest wait for the cluster (default: 60)")  # fmt: skip
    if "-h" in argv or "--help" in argv:
        sys.stdout.write(parser.format_help() + "\n")
        sys.stdout.write(help_text(RenderConfig, "sleight vision render"))
        return 0
    path = Path(argv[0]) if argv and not argv[0].startswith("--") else None
    args, flags = parser.parse_known_args(argv[path is not None :])
    check_count("--count", args.count)
    config = load_config(RenderConfig, path, flags)
    ray = load_config(RayConfig, None, [f"--address={args.address}", f"--wait_s={args.wait_s}"])
    with _crew(ray) as crew, ProgressBar("render", args.count, unit="samples") as bar:
        render(config, args.count, args.out, bar.update, crew=crew)
    images = open_renders(args.out).shard(0)["images"][:SHEET_SAMPLES]
    write_sheet(images, args.out / SHEET)
    sys.stdout.write(f"{args.out}\n")
    return 0


def _crew(ray: RayConfig) -> AbstractContextManager[CrewOf | None]:
    """The workers of a cluster, if an address is set; otherwise this machine renders."""
    if not ray.address:
        return nullcontext()
    from ..cluster.renderers import renderers

    return renderers(ray)


def _train(argv: list[str]) -> int:
    from .pose_loop import resume, start

    return _learn(argv, PoseTrainConfig, "train", start, resume)


def _widen(argv: list[str]) -> int:
    from .widening import resume, start

    return _learn(argv, WidenConfig, "widen", start, resume)


def _learn(
    argv: list[str],
    kind: type[C],
    name: str,
    start: Callable[[C], Path],
    resume: Callable[[Path, list[str]], Path],
) -> int:
    """Start a new run with a config of `kind`, or continue one with --resume RUN."""
    if not argv or argv[0] in ("-h", "--help"):
        sys.stdout.write(help_text(kind, f"sleight vision {name} [CONFIG]"))
        return 0 if argv else 2
    if argv[0] == "--resume":
        if len(argv) < 2:
            raise ConfigError("--resume: got nothing, allowed: the folder of a run")
        folder = resume(Path(argv[1]), argv[2:])
    else:
        path = None if argv[0].startswith("--") else Path(argv[0])
        folder = start(load_config(kind, path, argv[path is not None :]))
    sys.stdout.write(f"{folder}\n")
    return 0


def _eval(argv: list[str]) -> int:
    from ...vision.renders.shards import open_renders
    from .pose_evaluation import judge
    from .pose_network import open_network
    from .pose_ranges import pose_yaml

    parser = make_parser("vision eval", "Measure the errors of a pose network on renders.")
    parser.add_argument("reader", type=Path, help="a run of `vision train` or a bundle")
    parser.add_argument(
        "--data", type=Path, required=True, help="folder of renders with a different seed"
    )
    parser.add_argument("--json", type=output_file, help="also write the result to this JSON file")
    parser.add_argument(
        "--as-ranges",
        type=output_file,
        help="also write errors and delay as ranges for training",
    )
    args = parser.parse_args(argv)
    renders = open_renders(args.data)
    network = open_network(args.reader)
    cameras, data_cameras = network.renders.cameras, renders.config.cameras
    edge, views = cameras.image_px, len(cameras.views)
    if (data_cameras.image_px, len(data_cameras.views)) != (edge, views):
        raise SleightError(
            f"--data: got {len(data_cameras.views)} views of {data_cameras.image_px} px,"
            f" allowed: {views} of {edge} px, as {args.reader} was trained on"
        )
    result = judge(network.reader, renders)
    if args.json:
        write_json(args.json, result.data())
    if args.as_ranges:
        write_text(args.as_ranges, pose_yaml(result, args.reader.name, network.period_s))
    sys.stdout.write(result.text() + "\n")
    return 0


def _export(argv: list[str]) -> int:
    from .pose_export import export_pose

    parser = make_parser("vision export", "Add a pose network to a bundle.")
    parser.add_argument("run", type=Path, help="a run of `vision train`")
    parser.add_argument("--bundle", type=output_folder, required=True, help="folder of the bundle")
    parser.add_argument(
        "--test", type=Path, help="renders for the scores (default: those of the run)"
    )
    args = parser.parse_args(argv)
    export_pose(args.run, args.bundle, args.test)
    sys.stdout.write(f"{args.bundle}\n")
    return 0
