"""The commands that live in this folder: each parses its words and calls the work."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..config import help_text
from ..config import load as load_config
from ..envs.config import GoalConfig
from ..envs.randomization import lookup
from ..errors import ConfigError
from ..files import write_json
from .config import TrainConfig


def train(argv: list[str]) -> int:
    """`sleight train CONFIG.yaml [--field value ...]` or `sleight train --resume RUN`."""
    from .session import resume, start

    if not argv or argv[0] in ("-h", "--help"):
        sys.stdout.write("usage: sleight train CONFIG.yaml [--field value ...] | --resume RUN\n\n")
        sys.stdout.write(help_text(TrainConfig, "sleight train"))
        return 0
    if argv[0] == "--resume":
        if len(argv) < 2:
            raise ConfigError("--resume: got nothing, allowed: the folder of a run")
        folder = resume(Path(argv[1]), argv[2:])
    else:
        path = None if argv[0].startswith("--") else Path(argv[0])
        folder = start(load_config(TrainConfig, path, argv[path is not None :]))
    sys.stdout.write(f"{folder}\n")
    return 0


def eval_(argv: list[str]) -> int:
    """`sleight eval RUN_OR_BUNDLE [--trials N] [--seed S] [--set name=value] [--json FILE]`."""
    from .evaluate import evaluate, protocol
    from .players import open_player

    parser = _parser("eval", "Consecutive successes in fresh worlds, by the papers' protocol.")
    parser.add_argument("player", type=Path, help="a run folder, a checkpoint or a bundle")
    parser.add_argument("--trials", type=int, default=100, help="worlds, one trial each")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--stochastic", action="store_true", help="sample actions (runs only)")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE",
                        help="hold a randomization parameter at a value")  # fmt: skip
    parser.add_argument("--json", type=Path, help="write the result here as well")
    given, rest = parser.parse_known_args(argv)
    check_count("--trials", given.trials)
    player = open_player(given.player, given.stochastic, given.seed)
    goals = load_config(GoalConfig, None, [word.replace("--goals.", "--") for word in rest])
    values = dict(setting(word) for word in given.set)
    config = protocol(player.env_config, given.trials, values, goals)
    result = evaluate(player, config, given.seed)
    sys.stdout.write(result.table() + "\n")
    if given.json:
        write_json(given.json, result.data())
    return 0


def export(argv: list[str]) -> int:
    """`sleight export RUN --out DIR`."""
    from .export import export as write_bundle

    parser = _parser("export", "Write the bundle that a robot runs.")
    parser.add_argument("run", type=Path, help="a run folder or a checkpoint")
    parser.add_argument("--out", type=Path, required=True, help="the folder of the bundle")
    parser.add_argument("--name", default="", help="of the bundle; by default the task")
    given = parser.parse_args(argv)
    sys.stdout.write(f"{write_bundle(given.run, given.out, given.name)}\n")
    return 0


def _parser(command: str, text: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(prog=f"sleight {command}", description=text)


def check_count(flag: str, value: int) -> None:
    """Raise ConfigError unless there is at least one."""
    if value < 1:
        raise ConfigError(f"{flag}: got {value}, allowed: an integer >= 1")


def setting(word: str) -> tuple[str, float]:
    """NAME=VALUE of --set. Raises ConfigError for an unknown name or a value out of its limits."""
    name, equals, text = word.partition("=")
    row = lookup(name, "--set")
    try:
        value = float(text)
    except ValueError:
        raise ConfigError(f"--set {name}: got '{text}', allowed: a number") from None
    if not equals or value != value:
        raise ConfigError(f"--set: got '{word}', allowed: NAME=VALUE")
    row.coordinate(value)
    return name, value
