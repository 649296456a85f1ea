"""Helpers for command lines: argparse with one-line errors, subcommands, common argument types."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

from .errors import ConfigError, SleightError, nearest

PICTURES = (".png", ".svg", ".pdf")
"""Suffixes of the formats of a plot."""


class Parser(argparse.ArgumentParser):
    """argparse that raises a ConfigError instead of printing the usage and exiting."""

    def error(self, message: str) -> NoReturn:
        """Raise ConfigError with the command and argparse's message."""
        raise ConfigError(f"{self.prog}: {message}")


def dispatch(
    program: str, usage: str, commands: Mapping[str, Callable[[list[str]], int]], argv: list[str]
) -> int:
    """Run `program COMMAND ...`; print `usage` if there is no command. Raises SleightError."""
    if not argv or argv[0] in ("-h", "--help"):
        sys.stdout.write(usage)
        return 0
    if argv[0] not in commands:
        raise ConfigError(f"{program}: got {argv[0]}, {nearest(argv[0], commands)}")
    return commands[argv[0]](argv[1:])


def output_file(word: str) -> Path:
    """A file that the command will write, for argparse's `type`.

    Raises ArgumentTypeError now, before the work, when it could not be written then.
    """
    from .files import check_file  # here: the bridge, which has no outputs, does not carry it

    return _output(word, check_file)


def picture_file(word: str) -> Path:
    """A plot that the command will write, as `output_file`; its suffix is the format."""
    path = output_file(word)
    if path.suffix not in PICTURES:
        raise argparse.ArgumentTypeError(f"got {word}, allowed: a name with {', '.join(PICTURES)}")
    return path


def output_folder(word: str) -> Path:
    """A folder that the command will write into, as `output_file`."""
    from .files import check_folder

    return _output(word, check_folder)


def _output(word: str, check: Callable[[Path], None]) -> Path:
    if not word:
        raise argparse.ArgumentTypeError("got nothing, allowed: a path")
    try:
        check(Path(word))
    except SleightError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return Path(word)


def seed_of(word: str) -> int:
    """A seed, for argparse's `type`. Raises ArgumentTypeError unless it is an integer >= 0."""
    if not word.isdecimal():
        raise argparse.ArgumentTypeError(f"got {word}, allowed: an integer >= 0")
    return int(word)


def check_count(flag: str, value: int) -> None:
    """Raise ConfigError unless `value` is at least 1."""
    if value < 1:
        raise ConfigError(f"{flag}: got {value}, allowed: an integer >= 1")
