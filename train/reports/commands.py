"""The commands report and runs: pages and tables about runs."""

from __future__ import annotations

import sys
from pathlib import Path

from ...errors import ConfigError
from ...flags import output_file, picture_file
from ..commands import make_parser


def report(argv: list[str]) -> int:
    """`sleight report RUN [--out FILE] [--rig FOLDER] [--eval FILE] [--expected METRICS]
    [--validation FILE]`."""
    from .run_report import write_report

    parser = make_parser("report", "Write a report of a run: one HTML page that needs no network.")
    parser.add_argument("run", type=Path, help="a run folder")
    parser.add_argument(
        "--out", type=output_file, help="HTML file (default: report.html in the run)"
    )
    parser.add_argument("--rig", type=Path, help="folder of a rig run, to include its results")
    parser.add_argument("--eval", type=Path, help="result file of `sleight eval --json`")
    parser.add_argument(
        "--expected",
        type=Path,
        help="a metrics.jsonl, or a curve of `sleight runs --curve`, to plot as a reference"
        " (default: the one that ships beside the config)",
    )
    parser.add_argument("--transfer", type=Path, help="result of `sleight bench sim_to_sim --json`")
    parser.add_argument(
        "--validation",
        type=Path,
        help="result of a validation set, `sleight eval --failures --json`",
    )
    args = parser.parse_args(argv)
    page = write_report(
        args.run,
        args.out,
        expected=args.expected,
        rig=args.rig,
        evaluation=args.eval,
        transfer=args.transfer,
        validation=args.validation,
    )
    sys.stdout.write(f"{page}\n")
    return 0


def runs(argv: list[str]) -> int:
    """`sleight runs [--runs FOLDER] [--html | --curve | --plot FILE RUN...]`."""
    from ..runs.run_table import chosen, find_runs, read, table

    parser = make_parser("runs", "List local runs in a table, or compare some of them on a page.")
    parser.add_argument("run", nargs="*", help="runs to show, by name or folder (default: all)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of the run folders")
    page = parser.add_mutually_exclusive_group()
    page.add_argument("--html", type=output_file, help="write this page, which compares the runs")
    page.add_argument(
        "--curve", type=output_file,
        help="write the expected curve of their config: successes by steps, median and spread",
    )  # fmt: skip
    page.add_argument(
        "--plot", type=picture_file,
        help="plot successes by steps and by wall time, runs of several seeds as one line with a"
        " band, and write them as JSON beside it: .png, .svg, .pdf",
    )  # fmt: skip
    args = parser.parse_args(argv)
    for flag in ("html", "curve", "plot"):
        if getattr(args, flag) and not args.run:
            raise ConfigError(f"--{flag}: got no runs, allowed: --{flag} FILE RUN...")
    folders = chosen(args.runs, args.run) if args.run else find_runs(args.runs)
    if args.curve:
        from ..runs.stages.expected_curve import write_curve

        sys.stdout.write(f"{write_curve(args.curve, folders)}\n")
        return 0
    rows = [read(folder, args.runs, curves=bool(args.html or args.plot)) for folder in folders]
    if args.plot:
        from .run_plot import write_plot

        sys.stdout.write(f"{write_plot(rows, args.plot)}\n")
    elif args.html:
        from .compare import write_comparison

        sys.stdout.write(f"{write_comparison(rows, args.html)}\n")
    else:
        sys.stdout.write(f"{table(rows)}\n")
    return 0
