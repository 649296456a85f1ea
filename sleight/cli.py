"""The `sleight` program: finds the command, imports only its module, prints errors as one line.

Exit codes: 0 done, 2 bad input, 3 cannot connect, 4 safety stop, 130 interrupted.
"""

import importlib
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from . import __version__
from .errors import SleightError, nearest
from .machine import usable_cores

INTERRUPTED = 130


@dataclass(frozen=True)
class Command:
    """A command: `function(argv)` of `module` (relative to the package), and its help text."""

    module: str
    function: str
    text: str


COMMANDS = {
    "train": Command("train.commands", "train", "train a policy, here or on a Ray cluster"),
    "clone": Command(
        "train.algorithms.commands", "clone", "train a student by behavioural cloning"
    ),
    "eval": Command("train.commands", "eval_", "count consecutive successes of a run or a bundle"),
    "play": Command("train.commands", "play", "show a run or a bundle: window, browser or video"),
    "export": Command("train.commands", "export", "export a run as the bundle that a robot runs"),
    "vision": Command("train.pose.commands", "vision", "render images, train the pose network"),
    "rig": Command("deploy.commands", "rig", "the robot: sim, check, run and other commands"),
    "calibrate": Command("calibrate", "calibrate", "fit motors and joints to recordings of a hand"),
    "bench": Command("train.commands", "bench", "benchmark the environment, training and the rig"),
    "report": Command("train.commands", "report", "write a self-contained HTML page about a run"),
    "sweep": Command(
        "train.sweep.commands", "sweep", "search hyperparameters: grid, random, Bayesian, ASHA, PBT"
    ),
    "runs": Command("train.commands", "runs", "list the local runs, or compare them on one page"),
    "adr": Command(
        "train.analysis.commands", "adr", "analyse ADR: growth, memory probes, recovery"
    ),
    "demo": Command(
        "demo", "demo", "train, evaluate, export and run on a simulated rig in minutes"
    ),
    "doctor": Command(
        "doctor.commands", "doctor", "what is installed, what works here, how long training takes"
    ),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    prepare_environment()
    try:
        return _run(words)
    except SleightError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader has closed the pipe, as in `sleight report | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


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
    try:
        module = importlib.import_module(f".{command.module}", package)
    except ModuleNotFoundError as error:
        raise SleightError(_missing(name, f"{package}.{command.module}", error)) from error
    if not hasattr(module, command.function):
        raise SleightError(f"command '{name}': {module.__name__} has no '{command.function}'")
    function: Callable[[list[str]], int | None] = getattr(module, command.function)
    return function


def _missing(name: str, module: str, error: ModuleNotFoundError) -> str:
    if error.name == module:
        return f"command '{name}' is not part of this version: there is no {module}"
    return f"command '{name}' needs the module '{error.name}', which is not installed"


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
