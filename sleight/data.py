"""`sleight data`: demonstrations from and for other places.

It connects two packages that do not import each other: the logs of `deploy` and the demonstrations
of `train`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import DataError
from .files import read_json
from .flags import dispatch, output_folder
from .train.commands import make_parser

if TYPE_CHECKING:
    from .train.demonstrations.manifest import DemonstrationsManifest

USAGE = """usage: sleight data COMMAND ...

commands:
  show FOLDER              what demonstrations hold
  from-rig RUN OUT         demonstrations from the log of `sleight rig run`
  to-lerobot FOLDER OUT    as a LeRobot dataset, format 3.0
  from-lerobot FOLDER OUT  demonstrations from such a dataset

`sleight eval PLAYER --record FOLDER` writes demonstrations of trials in simulation, and
`sleight clone CONFIG.yaml --clone.data FOLDER` learns from them.
"""


def data(argv: list[str]) -> int:
    """`sleight data`; returns the exit code. Raises SleightError for the caller to print."""
    commands = {
        "show": _show,
        "from-rig": _from_rig,
        "to-lerobot": _to_lerobot,
        "from-lerobot": _from_lerobot,
    }
    return dispatch("sleight data", USAGE, commands, argv)


def _show(argv: list[str]) -> int:
    from .train.demonstrations.data_set import open_demonstrations

    parser = make_parser("data show", "What demonstrations hold; every file is read and checked.")
    parser.add_argument("folder", type=Path, help="a folder of demonstrations")
    _say(open_demonstrations(parser.parse_args(argv).folder).manifest)
    return 0


def _from_rig(argv: list[str]) -> int:
    from .contract.bundle import load_bundle
    from .deploy.logs.log_read import read_log
    from .train.demonstrations.manifest import check_new
    from .train.demonstrations.rig_log import write_rig_log
    from .train.rollout.players import BundlePlayer

    parser = _two_folders("from-rig", "Turn the log of a run on a rig into demonstrations.",
                          "a run folder of `sleight rig run`")  # fmt: skip
    parser.add_argument("--bundle", type=Path, help="the bundle, where it is elsewhere by now")
    args = parser.parse_args(argv)
    check_new(args.out, "OUT")
    log = read_log(args.folder)
    start = _start_of(log)
    folder = args.bundle or Path(start["bundle"]["folder"])
    got, allowed = load_bundle(folder).manifest.graph.sha256, start["bundle"]["sha256"]
    if got != allowed:
        raise DataError(
            f"{log.path}: bundle.sha256: got {got[:12]}... in {folder}, allowed:"
            f" {str(allowed)[:12]}..., that of the run"
        )
    result = log.path.with_name("result.json")
    endings = read_json(result).get("endings", []) if result.is_file() else []
    _say(write_rig_log(log.turns, endings, BundlePlayer(folder), str(log.path), args.out))
    return 0


def _start_of(log: Any) -> dict[str, Any]:
    """The start record of a run of a policy that moved the hand. Raises DataError."""
    for start in log.of("start"):
        bundle = start.get("bundle")
        if not (isinstance(bundle, dict) and {"folder", "sha256"} <= bundle.keys()):
            continue
        if start.get("dry"):
            raise DataError(f"{log.path}: dry: got true, allowed: a run that moved the hand")
        return dict(start)
    raise DataError(f"{log.path}: got no start record of a policy run, allowed: the log of one")


def _to_lerobot(argv: list[str]) -> int:
    parser = _two_folders("to-lerobot", "Write demonstrations as a LeRobot dataset, format 3.0.",
                          "a folder of demonstrations")  # fmt: skip
    args = parser.parse_args(argv)
    from .train.demonstrations.lerobot.export import export  # after --help: it is an extra

    export(args.folder, args.out)
    sys.stdout.write(f"{args.out}\n")
    return 0


def _from_lerobot(argv: list[str]) -> int:
    parser = _two_folders("from-lerobot", "Demonstrations from a LeRobot dataset, format 3.0.",
                          "a LeRobot dataset on this disk")  # fmt: skip
    parser.add_argument("--config", type=Path, metavar="CONFIG.yaml",
                        help="hand, task and action law of a dataset that was recorded elsewhere:"
                        " a training config")  # fmt: skip
    args = parser.parse_args(argv)
    from .train.demonstrations.lerobot.reading import import_  # after --help: it is an extra

    _say(import_(args.folder, args.out, args.config))
    return 0


def _two_folders(command: str, text: str, source: str) -> argparse.ArgumentParser:
    parser = make_parser(f"data {command}", text)
    parser.add_argument("folder", type=Path, help=source)
    parser.add_argument("out", type=output_folder, metavar="OUT", help="the new folder")
    return parser


def _say(manifest: DemonstrationsManifest) -> None:
    pictures = manifest.pictures
    views = f"{', '.join(pictures.cameras)} of {pictures.px} px" if pictures else "none"
    minutes = manifest.steps * manifest.period_s / 60
    rows = {
        "episodes, steps": f"{manifest.episodes:,}, {manifest.steps:,} ({minutes:.1f} minutes)",
        "source, teacher": f"{manifest.source}, {manifest.teacher}",
        "task, hand": f"{manifest.task}, {manifest.hand_model}",
        "action law": f"{manifest.control.law}, scale {manifest.control.scale:g}",
        "sensors": ", ".join(manifest.sensors),
        "other in truth": ", ".join(manifest.truth) or "none",
        "pictures": views,
        "labels": "mean and standard deviation" if manifest.std else "mean",
    }
    sys.stdout.write("".join(f"  {name:<18} {text}\n" for name, text in rows.items()))
