"""`sleight calibrate`: from recordings of a hand to what training takes.

It joins what may not know each other: logs of `deploy`, and the fit of `train`.
"""

import argparse
import sys
from pathlib import Path

from .contract.recording import Recording, read_csv, write_csv
from .deploy.calibration.log_recording import recordings_of
from .envs.hands.shadow import SHADOW_RIGHT
from .errors import ConfigError
from .files import write_json, write_text
from .train.commands import make_parser


def calibrate(argv: list[str]) -> int:
    """Fit the motors and joints of a hand to recordings; write a file for `sleight train`."""
    from .train.sysid import fit, ranges
    from .train.sysid import sysid_report as report

    given = _parser().parse_args(argv)
    recordings = [r for path in given.recordings for r in _read(path, given.at_once)]
    if given.csv:
        if len(recordings) > 1:
            got = f"{len(recordings)} stretches without a hold"
            raise ConfigError(f"--csv: got {got}, allowed: one recording")
        write_text(given.csv, write_csv(recordings[0], SHADOW_RIGHT))
        sys.stdout.write(f"{given.csv}\n")
        return 0
    found = fit.calibrate(recordings, not given.no_effort, _say)
    sys.stdout.write(report.text(found))
    write_text(given.out, ranges.training_yaml(found, given.base))
    sys.stdout.write(f"{given.out}\n")
    if given.json:
        write_json(given.json, report.data(found))
        sys.stdout.write(f"{given.json}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = make_parser("calibrate", "Motors and joints of a hand, from recordings of it.")
    parser.add_argument("recordings", type=Path, nargs="+", metavar="RECORDING",
                        help="a run of sleight rig, or a CSV file")  # fmt: skip
    parser.add_argument("--out", type=Path, default=Path("calibrated.yaml"),
                        help="the file that sleight train takes")  # fmt: skip
    parser.add_argument("--base", default="", help="the training file that it changes")
    parser.add_argument("--json", type=Path, help="write each motor's values here as well")
    parser.add_argument("--no-effort", action="store_true",
                        help="leave efforts out: they are not in Nm")  # fmt: skip
    parser.add_argument("--at-once", action="store_true",
                        help="CSV: the hand goes to each target at once")  # fmt: skip
    parser.add_argument("--csv", type=Path, help="only write the recording as CSV")
    return parser


def _read(path: Path, at_once: bool) -> list[Recording]:
    if path.suffix == ".csv":
        return [read_csv(path, SHADOW_RIGHT, at_once)]
    return recordings_of(path)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
