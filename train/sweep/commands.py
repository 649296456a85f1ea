"""The command `sleight sweep`."""

from __future__ import annotations

import sys
from pathlib import Path

from ...config import help_text
from ...errors import ConfigError
from ...flags import Parser
from .config import SweepConfig

_USAGE = """usage: sleight sweep SWEEP.yaml [--resume | --report]

Run many trials of `sleight train`, each a process with its own run folder. --resume continues a
sweep that was stopped or killed; --report only writes its page again. configs/sweep.yaml is an
example. Values of a field: {values: [a, b]}, or {low: a, high: b}, with log: true for a
log-uniform draw. The fields of SWEEP.yaml:

"""


def sweep(argv: list[str]) -> int:
    """`sleight sweep SWEEP.yaml [--resume | --report]`."""
    if not argv or argv[0] in ("-h", "--help"):
        page = help_text(SweepConfig, "sleight sweep")
        fields = "\n" + page.split("\n", 2)[2]  # without the usage line; fields of a file, no flags
        sys.stdout.write(_USAGE + fields.replace("\n  --", "\n  ")[1:])
        return 0
    parser = Parser(prog="sleight sweep", add_help=False)
    parser.add_argument("sweep", type=Path)
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--resume", action="store_true")
    way.add_argument("--report", action="store_true")
    args = parser.parse_args(argv)
    return _report(args.sweep) if args.report else _sweep(args.sweep, args.resume)


def _report(source: Path) -> int:
    from .reports.sweep_report import write_report
    from .sweep_folder import place, read

    _, folder = place(source)
    sys.stdout.write(f"{write_report(read(folder), folder)}\n")
    return 0


def _sweep(source: Path, again: bool) -> int:
    from ..runs.folder_lock import FolderLock
    from .sweep_folder import create, place, reopen
    from .sweep_session import go

    config, folder = place(source)
    if again and not folder.is_dir():
        raise ConfigError(
            f"--resume: got {folder}, which does not exist, allowed: a sweep's folder"
        )
    if again:
        with FolderLock(folder):
            go(config, *reopen(config, folder, source), folder, source)
        return 0
    space, journal = create(config, folder, source)
    with FolderLock(folder):
        go(config, space, journal, folder, source)
    return 0
