"""`sleight rig ...` on the command line: the only module of this folder that prints."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..config import help_text, load
from ..errors import ConfigError

if TYPE_CHECKING:
    from .runner import Progress

USAGE = """usage: sleight rig COMMAND ...

commands:
  sim                a process that is a hand: physics in real time behind the wire protocol
  run BUNDLE         run a bundle on a hand, trial after trial
  calibrate cameras|extrinsics RIG.yaml   what cameras see, and where they stand, by a board

sleight rig COMMAND --help lists every option.
"""
INTERRUPTED = 130


def rig(argv: list[str]) -> int:
    """`sleight rig`; returns the exit code. Raises SleightError for the caller to print."""
    commands = {"sim": _sim, "run": _run, "calibrate": _calibrate}
    if not argv or argv[0] in ("-h", "--help"):
        print(USAGE, end="")
        return 0 if argv else 2
    if argv[0] not in commands:
        raise ConfigError(f"sleight rig: got {argv[0]}, allowed: {', '.join(commands)}")
    return commands[argv[0]](argv[1:])


def _sim(argv: list[str]) -> int:
    from .rig_config import RigSimConfig

    if _wants_help(argv):
        print(help_text(RigSimConfig, "sleight rig sim", "A process that is a hand."))
        return 0
    path, flags = _config_file(argv)
    config = load(RigSimConfig, path, flags)
    from .rig_sim import RigSim

    with _stop_on_signal() as stopped, RigSim(config) as sim:
        hand, referee = sim.ports
        print(
            f"rig sim: hand on {config.host}:{hand}, referee on {config.host}:{referee}", flush=True
        )
        if sim.cameras:
            names = ", ".join(sim.cameras.names)
            print(f"rig sim: cameras {names} on {config.host}:{sim.cameras.port}", flush=True)
        if config.host not in ("127.0.0.1", "localhost", "::1"):
            print("rig sim: anyone who reaches this address may command the hand", file=sys.stderr)
        sim.run(stopped)
    if sim.log.error:
        print(f"rig sim: {sim.log.error}", file=sys.stderr)
    if sim.overruns:
        line = f"rig sim: {sim.overruns} overruns: the physics let {sim.lost_s:.2f} s go"
        print(line, file=sys.stderr)
    return INTERRUPTED if stopped() else 0


def _run(argv: list[str]) -> int:
    from .runner import RunConfig, run_bundle

    if _wants_help(argv):
        print(help_text(RunConfig, "sleight rig run BUNDLE", "A bundle on a hand."))
        return 0
    if not argv or argv[0].startswith("-"):
        raise ConfigError(
            "sleight rig run: got no bundle, allowed: sleight rig run BUNDLE [--field value]"
        )
    path, flags = _config_file(argv[1:])
    config = load(RunConfig, path, flags)
    with _stop_on_signal() as stopped:
        place, result = run_bundle(Path(argv[0]), config, stopped, _Line())
    print(_table(place, result))
    return INTERRUPTED if stopped() else 0


def _calibrate(argv: list[str]) -> int:
    from .calibrate import CalibrateConfig, calibrate_cameras, calibrate_extrinsics

    jobs = {"cameras": calibrate_cameras, "extrinsics": calibrate_extrinsics}
    if _wants_help(argv):
        usage = "sleight rig calibrate cameras|extrinsics FILE.yaml"
        print(help_text(CalibrateConfig, usage, "Cameras, by pictures of a ChArUco board."))
        return 0
    if not argv or argv[0] not in jobs:
        got = argv[0] if argv else "nothing"
        raise ConfigError(f"sleight rig calibrate: got {got}, allowed: {', '.join(jobs)}")
    path, flags = _config_file(argv[1:])
    config = load(CalibrateConfig, path, flags)
    jobs[argv[0]](config, lambda line: print(line, file=sys.stderr, flush=True))
    print(config.out)
    return 0


def _wants_help(argv: list[str]) -> bool:
    return "-h" in argv or "--help" in argv


def _config_file(argv: list[str]) -> tuple[Path | None, list[str]]:
    """A first word that is no flag is a YAML file with the same fields."""
    if argv and not argv[0].startswith("-"):
        return Path(argv[0]), argv[1:]
    return None, argv


@contextmanager
def _stop_on_signal() -> Iterator[Any]:
    """Ctrl-C and SIGTERM ask for an orderly end; a second one ends at once.

    A flag, not an exception: an exception could cut a message to the hand in half.
    """
    asked: list[int] = []

    def handle(number: int, _frame: object) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Line:
    """One line on the terminal that keeps up with the run; in a file, one line every 10 s."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._every_s = 0.25 if self._live else 10.0
        self._next_s = 0.0

    def __call__(self, at: Progress) -> None:
        now_s = time.monotonic()
        if now_s < self._next_s:
            return
        self._next_s = now_s + self._every_s
        text = (
            f"{at.seconds:6.1f} s  trial {at.trials_done + 1}/{at.trials}  {at.phase:6}"
            f"  successes {at.successes}  goal {at.goal_s:4.1f} s  hand {at.gate}"
            f"  late {at.late_ticks}/{min(at.ticks, 100)}  gate hits {at.gate_hits}"
        )
        print(
            f"\r{text}\x1b[K" if self._live else text,
            end="" if self._live else "\n",
            file=sys.stderr,
            flush=True,
        )


def _table(place: Path, result: dict[str, Any]) -> str:
    """What is left to read when a run has ended."""
    timing = json.loads((place / "timing.json").read_text())
    rows = [
        f"{index:5}  {trial['successes']:9}  {trial['ending']:8}  {trial['duration_s']:7.1f} s"
        for index, trial in enumerate(result["per_trial"], 1)
    ]
    mean, error = result["mean"], result["standard_error"]
    late = timing["lateness_ms"] or {"p50": 0, "p99": 0, "max": 0}
    return "\n".join(
        (
            "",
            "trial  successes  ending    duration",
            *rows,
            f"complete trials {result['complete']}"
            + ("" if mean is None else f": mean {mean:.2f}")
            + ("" if error is None else f" +- {error:.2f} (standard error)")
            + ("" if mean is None else f", median {result['median']:g}, max {result['max']}"),
            f"{timing['ticks']} ticks, {timing['late_ticks']} late,"
            f" {timing['dropped_ticks']} dropped, {result['holds']} holds;"
            f" lateness p50 {late['p50']} ms, p99 {late['p99']} ms, max {late['max']} ms",
            f"run folder {place}",
        )
    )
