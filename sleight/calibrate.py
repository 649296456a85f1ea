"""`sleight calibrate`: fits a hand's motors and joints to recordings and writes a training config.

It connects two packages that do not import each other: the logs of `deploy` and the fit of `train`.
"""

import argparse
import os
import sys
from pathlib import Path

from .config import load
from .contract.recording import Recording, read_csv, write_csv
from .contract.recording_checks import check_recording
from .deploy.calibration.log_recording import recordings_of
from .envs.hands.shadow import SHADOW_RIGHT
from .errors import ConfigError
from .files import write_json, write_text
from .flags import output_file
from .train.commands import make_parser

TABLES = (".csv", ".tsv", ".txt")
"""Suffixes of tables, in any case; other paths are logs of a rig."""


def calibrate(argv: list[str]) -> int:
    """Fit the motors and joints of a hand to recordings; write a config for `sleight train`."""
    from .train.config import TrainConfig
    from .train.sysid import fit, ranges
    from .train.sysid import sysid_report as report

    parsed = _parser().parse_args(argv)
    first = load(TrainConfig, parsed.base, []).adr.initial_ranges if parsed.base else {}
    recordings = [r for path in parsed.recordings for r in _read(path, parsed.at_once)]
    for recording in recordings:
        check_recording(recording, SHADOW_RIGHT)
    if parsed.csv:
        if len(recordings) > 1:
            got = f"{len(recordings)} stretches without a hold"
            raise ConfigError(f"--csv: got {got}, allowed: one recording")
        write_text(parsed.csv, write_csv(recordings[0], SHADOW_RIGHT))
        sys.stdout.write(f"{parsed.csv}\n")
        return 0
    base = os.path.relpath(parsed.base, parsed.out.parent) if parsed.base else ""
    result = fit.calibrate(recordings, not parsed.no_effort, _say)
    written = [write_text(parsed.out, ranges.training_yaml(result, base, first))]
    if parsed.json:
        written.append(write_json(parsed.json, report.data(result)))
    sys.stdout.write(report.text(result) + "".join(f"{path}\n" for path in written))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = make_parser("calibrate", "Fit the motors and joints of a hand to recordings of it.")
    parser.add_argument("recordings", type=Path, nargs="+", metavar="RECORDING",
                        help="folder of a `sleight rig` run, or a CSV file")  # fmt: skip
    parser.add_argument("--out", type=output_file, default=Path("calibrated.yaml"),
                        help="training config to write (default: %(default)s)")  # fmt: skip
    parser.add_argument("--base", default="", help="training config that the new one inherits from")
    parser.add_argument(
        "--json", type=output_file, help="also write the values of each motor to this JSON file"
    )
    parser.add_argument("--no-effort", action="store_true",
                        help="ignore the efforts, for instance if they are not in Nm")  # fmt: skip
    parser.add_argument("--at-once", action="store_true",
                        help="CSV: the hand does not interpolate between targets")  # fmt: skip
    parser.add_argument(
        "--csv", type=output_file, help="convert the recording to this CSV file; fit nothing"
    )
    return parser


def _read(path: Path, at_once: bool) -> list[Recording]:
    if path.suffix.lower() in TABLES:
        return [read_csv(path, SHADOW_RIGHT, at_once)]
    return recordings_of(path)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
