"""The `sleight` program: finds the command, imports only its module, prints errors as one line.

Exit codes: 0 done, 1 a regression, 2 bad input, 3 cannot connect, 4 safety stop, 5 done but its
output could not be shown, 130 interrupted.
"""

import errno
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from . import __version__
from .errors import SleightError, nearest
from .machine import usable_cores
from .missing_packages import foreign, missing_package
from .screen import UNSHOWN, Screen, safe_screens
from .stop_signals import stops_unwind

INTERRUPTED = 130
LONGEST = 1200
"""Characters of an error that are shown."""


@dataclass(frozen=True)
class Command:
    """A command: `function(argv)` of `module` (relative to the package), and its help text."""

    module: str
    function: str
    text: str
    prints: bool = False
    """It does nothing else, so a reader that leaves early has what it wanted."""
    works_alone: bool = False
    """Without arguments it works; others print what they can do."""


COMMANDS = {
    "train": Command("train.commands", "train", "train a policy, here or on a Ray cluster"),
    "clone": Command(
        "train.algorithms.commands", "clone", "train a student by behavioural cloning"
    ),
    "eval": Command(
        "train.rollout.commands", "eval_", "count consecutive successes of a run or a bundle"
    ),
    "play": Command("train.commands", "play", "show a run or a bundle: window, browser or video"),
    "export": Command("train.commands", "export", "export a run as the bundle that a robot runs"),
    "vision": Command("train.pose.commands", "vision", "render images, train the pose network"),
    "rig": Command("deploy.commands", "rig", "the robot: sim, check, run and other commands"),
    "calibrate": Command("calibrate", "calibrate", "fit motors and joints to recordings of a hand"),
    "data": Command("data", "data", "demonstrations for cloning: show, from a rig, LeRobot"),
    "bench": Command("train.commands", "bench", "benchmark the environment, training and the rig"),
    "report": Command(
        "train.reports.commands", "report", "write a self-contained HTML page about a run"
    ),
    "sweep": Command(
        "train.sweep.commands", "sweep", "search hyperparameters: grid, random, Bayesian, ASHA, PBT"
    ),
    "runs": Command(
        "train.reports.commands",
        "runs",
        "list the local runs, or compare them on one page",
        prints=True,
    ),
    "adr": Command(
        "train.analysis.commands", "adr", "analyse ADR: growth, memory probes, recovery"
    ),
    "demo": Command(
        "demo",
        "demo",
        "train, evaluate, export and run on a simulated rig in minutes",
        works_alone=True,
    ),
    "doctor": Command(
        "doctor.commands",
        "doctor",
        "what is installed, what works here, how long training takes",
        prints=True,  # with --json it writes first
    ),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    prepare_environment()
    with safe_screens() as (out, err):
        code = _code(words)
        out.flush()
        if out.lost is None or (out.reader_left and _only_prints(words)):
            return code
        print(f"error: {_loss(out)}", file=err)
    return code or UNSHOWN


def _code(words: list[str]) -> int:
    """Run one command line; its errors become one line."""
    try:
        with stops_unwind():
            return _run(words)
    except SleightError as error:
        _say(str(error))
        return error.exit_code
    except ImportError as error:
        if not foreign(error):
            raise
        _say(f"{words[0]}: {missing_package(error)}")
        return SleightError.exit_code
    except SystemExit as end:  # argparse, after --help
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:  # a name on the command line; `Path` asks it first
            raise
        _say(f"{error.filename!s:.60}...: {error.strerror}")
        return SleightError.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


def _say(line: str) -> None:
    """Print an error as one line, which a file may have made too long to read."""
    line = " ".join(line.split())
    print(f"error: {line if len(line) <= LONGEST else line[:LONGEST] + ' ...'}", file=sys.stderr)


def _only_prints(words: list[str]) -> bool:
    """Whether a command line does nothing but print."""
    if not words or words[0] not in COMMANDS or {"-h", "--help"} & {*words}:
        return True
    command = COMMANDS[words[0]]
    return command.prints or (len(words) == 1 and not command.works_alone)


def _loss(out: Screen) -> str:
    assert out.lost is not None
    return f"standard output: {out.lost.strerror}; a part of the output was not shown"


def _run(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        print(usage())
        return 0
    if words[0] in ("-V", "--version"):
        print(f"sleight {__version__}")
        return 0
    return find(words[0])(words[1:]) or 0


def usage() -> str:
    """The text of `sleight --help`: one line per command."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {command.text}" for name, command in COMMANDS.items()]
    head = ["usage: sleight COMMAND [--help] [arguments]", "", "commands:"]
    return "\n".join([*head, *lines])


def find(name: str) -> Callable[[list[str]], int | None]:
    """The function of a command. Raises SleightError if it is unknown or cannot be loaded."""
    if name not in COMMANDS:
        raise SleightError(f"unknown command '{name}', {nearest(name, COMMANDS)}")
    command = COMMANDS[name]
    package = __name__.rpartition(".")[0]
    name_of_module = f"{package}.{command.module}"
    try:
        module = importlib.import_module(f".{command.module}", package)
    except ImportError as error:
        raise SleightError(f"command '{name}' {_why(error, name_of_module)}") from error
    if not hasattr(module, command.function):
        raise SleightError(f"command '{name}': {module.__name__} has no '{command.function}'")
    function: Callable[[list[str]], int | None] = getattr(module, command.function)
    return function


def _why(error: ImportError, module: str) -> str:
    if error.name == module:
        return f"is not part of this version: there is no {module}"
    if not foreign(error):
        raise error
    return missing_package(error)


def prepare_environment() -> None:
    """Set defaults that must precede MuJoCo, Mesa and torch; the user's variables have priority."""
    if sys.platform == "linux" and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        os.environ.setdefault("MUJOCO_GL", "egl")
    os.environ.setdefault("LP_NUM_THREADS", "1")  # Mesa's rasterizer is slower with more
    os.environ.setdefault("OMP_NUM_THREADS", str(usable_cores()))
    # Idle threads of torch spin, by default for milliseconds, and take cores from the physics. The
    # best spin time just spans the gap between two operations of the learner.
    os.environ.setdefault("GOMP_SPINCOUNT", "20000")
