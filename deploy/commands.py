"""The commands of `sleight rig`. Only this module of `deploy` prints."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config import help_text, load
from ..errors import ConfigError
from ..flags import dispatch
from ..stop_signals import heeded, ignore_hang_ups

if TYPE_CHECKING:
    from ..contract.hand_spec import HandSpec
    from .checks.rig_check import Finding
    from .rig_file import RigConfig

USAGE = """usage: sleight rig COMMAND ...

commands:
  sim [SIM.yaml]           run a simulated rig: real-time physics behind the wire protocol
  check RIG.yaml           check that a rig is ready to run, and record it; moves nothing
  calibrate WHAT RIG.yaml  cameras: intrinsics; extrinsics: poses of the cameras;
                           joints: record a sweep of every motor, for `sleight calibrate`
  wiggle RIG.yaml          move every motor slightly and check that its own joints follow
  dry-run RIG.yaml         run a bundle without moving the hand
  run RIG.yaml             run a bundle on a hand, trial after trial
  replay RUN [BUNDLE]      recompute the actions of a run from its log, bit by bit
  report RUN               write an HTML page about a run; export measured ranges for training
  bridge FILE              write the ROS 1 bridge for a Shadow Hand as one file

Without RIG.yaml, the simulated rig is used. A bundle's folder and flags may follow.
sleight rig COMMAND --help lists every option.
"""
INTERRUPTED = 130


def rig(argv: list[str]) -> int:
    """`sleight rig`; returns the exit code. Raises SleightError for the caller to print."""
    commands = {
        "sim": _sim,
        "check": _check,
        "calibrate": _calibrate,
        "wiggle": _wiggle,
        "dry-run": _dry_run,
        "run": _run,
        "replay": _replay,
        "report": _report,
        "bridge": _bridge,
    }
    return dispatch("sleight rig", USAGE, commands, argv)


def _sim(argv: list[str]) -> int:
    from .link.secret import is_loopback
    from .sim.plant_config import RigSimConfig

    if _wants_help(argv):
        print(help_text(RigSimConfig, "sleight rig sim", "Run a simulated rig."))
        return 0
    path, flags = _config_file(argv)
    config = load(RigSimConfig, path, flags)
    from .sim.rig_process import RigSim

    with _stop_on_signal() as stopped, RigSim(config) as sim:
        hand, referee = sim.ports
        print(
            f"rig sim: hand on {config.host}:{hand}, referee on {config.host}:{referee}", flush=True
        )
        if sim.cameras:
            names = ", ".join(sim.cameras.names)
            print(f"rig sim: cameras {names} on {config.host}:{sim.cameras.port}", flush=True)
        if config.secret is None and not is_loopback(config.host):
            print(
                "rig sim: anyone who can reach this address can command the hand", file=sys.stderr
            )
        sim.run(stopped)
    for problem in filter(None, (sim.log.error, sim.cameras_gone)):
        print(f"rig sim: {problem}", file=sys.stderr)
    if sim.overruns:
        line = f"rig sim: {sim.overruns} overruns: the physics skipped {sim.lost_s:.2f} s"
        print(line, file=sys.stderr)
    return INTERRUPTED if stopped() else 0


def _check(argv: list[str]) -> int:
    from .checks.link_check import check_rig
    from .rig_file import load_rig

    if _helped(argv, "check", "Check that a rig is ready to run a policy; nothing moves."):
        return 0
    record = check_rig(load_rig(argv), _tell)
    print(f"the rig may run for one day; record: {record}")
    return 0


def _tell(finding: Finding) -> None:
    mark = "ok  " if finding.ok else "FAIL"
    print(f"  {mark}  {finding.name:16}  {finding.text}", flush=True)


def _dry_run(argv: list[str]) -> int:
    from .rig_file import load_rig

    if _helped(argv, "dry-run", "Run a bundle without moving the hand: only heartbeats are sent."):
        return 0
    return _drive(load_rig(argv), yes_sim=False, dry=True)


def _run(argv: list[str]) -> int:
    from .rig_file import load_rig

    about = (
        "Run a bundle on a hand. --yes-sim arms a simulated hand without confirmation."
        " --scramble MOVES and --solve MOVES are short for --plan.scramble and --plan.solve."
    )
    if _helped(argv, "run", about):
        return 0
    yes_sim = "--yes-sim" in argv
    return _drive(load_rig([word for word in argv if word != "--yes-sim"]), yes_sim, dry=False)


def _drive(config: Any, yes_sim: bool, dry: bool) -> int:
    from ..contract.bundle import load_bundle
    from .checks.clearance import confirm, find_record
    from .logs.log_read import read_log
    from .logs.run_summary import first_targets, summary
    from .rig_file import bundle_of, fingerprint
    from .runtime.operator_view import View
    from .runtime.planned_judge import check_plan
    from .runtime.trial_runner import run_rig

    bundle = load_bundle(bundle_of(config))
    check_plan(config.plan, bundle)
    simulated = False
    if not dry:
        record = find_record(config, fingerprint(config, *bundle.hashes))
        simulated = record["simulated"]
        confirm(config, record, yes_sim, _ask)
    with _stop_on_signal() as stopped, View(sys.stderr) as view:
        folder, result = run_rig(config, bundle, stopped, view, dry, simulated)
    print(summary(folder, result))
    if dry:
        print(first_targets(read_log(folder)))
    return INTERRUPTED if stopped() else 0


def _calibrate(argv: list[str]) -> int:
    from .rig_file import load_rig

    jobs = ("cameras", "extrinsics", "joints")
    about = "Calibrate cameras with a ChArUco board, or joints by a sweep of every motor."
    if _helped(argv, f"calibrate {'|'.join(jobs)}", about):
        return 0
    if not argv or argv[0] not in jobs:
        got = argv[0] if argv else "nothing"
        raise ConfigError(f"sleight rig calibrate: got {got}, allowed: {', '.join(jobs)}")
    if argv[0] == "joints":
        return _joints(argv[1:])
    config = load_rig(argv[1:])
    if not config.cameras:
        raise ConfigError("cameras: got none, allowed: one or more cameras in the rig file")
    from .calibration.calibration_commands import calibrate_cameras, calibrate_extrinsics

    job = calibrate_cameras if argv[0] == "cameras" else calibrate_extrinsics
    job(config.cameras, config.calibrate, lambda line: print(line, file=sys.stderr, flush=True))
    print(config.calibrate.out)
    return 0


def _joints(argv: list[str]) -> int:
    from .calibration.joint_sweep import joint_targets

    return _sweep(argv, "joints", joint_targets)[-1]


def _wiggle(argv: list[str]) -> int:
    from .checks.rig_check import raise_failed
    from .checks.wiggle import followed, wiggle

    about = "Move each motor slightly and back, one at a time. --yes-sim: as for run."
    if _helped(argv, "wiggle", about):
        return 0
    config, folder, hand, exit_code = _sweep(argv, "wiggle", wiggle)
    if exit_code:
        return exit_code
    findings = followed(folder, hand, config.calibrate.wiggle)
    for finding in findings:
        _tell(finding)
    raise_failed(config.rig.name, findings)
    print("every motor moves its own joints in the right direction")
    return 0


def _sweep(argv: list[str], name: str, targets_of: Any) -> tuple[RigConfig, Path, HandSpec, int]:
    """Move the motors without policy or object; returns config, run folder, hand, exit code."""
    from .calibration.joint_sweep import record_sweep
    from .checks.clearance import confirm
    from .checks.link_check import check_joints
    from .rig_file import load_rig
    from .runtime.operator_view import View

    config = load_rig([word for word in argv if word != "--yes-sim"])
    record = check_joints(config, _tell)
    confirm(config, record, "--yes-sim" in argv, _ask)
    with _stop_on_signal() as stopped, View(sys.stderr) as view:
        simulated = record["simulated"]
        folder, hand, result = record_sweep(config, name, targets_of, stopped, view, simulated)
    hits = sum(result["gate_hits"].values())
    print(f"{result['done']:.0%} of the sweep, {result['holds']} holds, {hits} gate hits")
    print(folder)
    return config, folder, hand, INTERRUPTED if stopped() else 0


def _bridge(argv: list[str]) -> int:
    from .drivers.ros.bridge_archive import write_bridge

    if _wants_help(argv) or len(argv) != 1 or argv[0].startswith("-"):
        print("usage: sleight rig bridge FILE.pyz; then beside the hand: python3 FILE.pyz --help")
        return 0 if _wants_help(argv) else 2
    write_bridge(Path(argv[0]))
    print(f"{argv[0]}: copy it to the hand's machine or container, and run it with ROS's python3")
    return 0


def _ask(prompt: str) -> str:
    """Read a line from the operator. Raises ConfigError without a terminal."""
    if not sys.stdin.isatty():
        raise ConfigError(
            "arming: got no terminal to type the rig's name on,"
            " allowed: a terminal, or --yes-sim for a simulated rig"
        )
    return input(prompt)


def _replay(argv: list[str]) -> int:
    from .logs.replay import replay

    paths = _paths(argv, "replay", "RUN [BUNDLE]", 2)
    if paths is None:
        return 0
    result = replay(paths[0], paths[1] if len(paths) > 1 else None)
    if result.log.cut:
        print(f"{result.log.path}: {result.log.cut}", file=sys.stderr)
    print(
        f"{len(result.log.turns)} turns, {result.trials} trials: {result.steps} policy steps"
        " recomputed; targets, actions and carries are identical to the last bit"
    )
    return 0


def _report(argv: list[str]) -> int:
    from ..files import write_text
    from .calibration.measured_ranges import measured_yaml
    from .logs.rig_report import ReportConfig, read_run, write_report

    if _wants_help(argv):
        print(
            help_text(
                ReportConfig, "sleight rig report RUN", "Write an HTML page about a run on a hand."
            )
        )
        return 0
    if not argv or argv[0].startswith("-"):
        raise ConfigError("sleight rig report: got no run, allowed: RUN [--field value]")
    config = load(ReportConfig, None, argv[1:])
    run = read_run(Path(argv[0]))
    print(write_report(run, config.out))
    if config.as_ranges is not None:
        write_text(config.as_ranges, measured_yaml(run.measured, run.folder.name))
        print(config.as_ranges)
    return 0


def _paths(argv: list[str], command: str, usage: str, max_count: int) -> list[Path] | None:
    """The paths on a command line; None after printing the usage for --help."""
    if _wants_help(argv):
        print(f"usage: sleight rig {command} {usage}")
        return None
    flags = [word for word in argv if word.startswith("-")]
    if flags or not 0 < len(argv) <= max_count:
        got = flags[0] if flags else f"{len(argv)} words"
        raise ConfigError(f"sleight rig {command}: got {got}, allowed: {usage}")
    return [Path(word) for word in argv]


def _helped(argv: list[str], command: str, about: str) -> bool:
    """Print the help page of a command that takes a rig file, if argv asks for it."""
    from .rig_file import RigConfig

    if _wants_help(argv):
        print(help_text(RigConfig, f"sleight rig {command} [RIG.yaml] [BUNDLE]", about))
    return _wants_help(argv)


def _wants_help(argv: list[str]) -> bool:
    return "-h" in argv or "--help" in argv


def _config_file(argv: list[str]) -> tuple[Path | None, list[str]]:
    """Split off the YAML file: a first word that is not a flag."""
    if argv and not argv[0].startswith("-"):
        return Path(argv[0]), argv[1:]
    return None, argv


@contextmanager
def _stop_on_signal() -> Iterator[Any]:
    """Yield a function that says whether Ctrl-C, SIGTERM or SIGHUP has requested an orderly stop.

    A second signal ends the program at once, but not a second hang-up, which often comes twice. The
    first one sets a flag instead of raising: an exception could cut a message to the hand in half.
    """
    signals: list[int] = []

    def handle(number: int, _frame: object) -> None:
        if signals:
            raise KeyboardInterrupt
        signals.append(number)
        ignore_hang_ups()

    numbers = {signal.SIGINT, signal.SIGTERM, *heeded()}
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield lambda: bool(signals)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
