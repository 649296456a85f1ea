"""Command lines with a few flags: argparse that complains in one line, as everything else does."""

import argparse
import sys
from collections.abc import Callable, Mapping
from typing import NoReturn

from .errors import ConfigError, nearest


class Parser(argparse.ArgumentParser):
    """argparse whose complaints are a ConfigError, not a page and an exit."""

    def error(self, message: str) -> NoReturn:
        """Raise ConfigError with the command and argparse's own line."""
        raise ConfigError(f"{self.prog}: {message}")


def dispatch(
    program: str, usage: str, commands: Mapping[str, Callable[[list[str]], int]], argv: list[str]
) -> int:
    """Run `program COMMAND ...`, or print `usage` where none is named. Raises SleightError."""
    if not argv or argv[0] in ("-h", "--help"):
        sys.stdout.write(usage)
        return 0
    if argv[0] not in commands:
        raise ConfigError(f"{program}: got {argv[0]}, {nearest(argv[0], commands)}")
    return commands[argv[0]](argv[1:])


def seed_of(word: str) -> int:
    """A seed, as argparse's `type`; other words end in one line."""
    if not word.isdecimal():
        raise argparse.ArgumentTypeError(f"got {word}, allowed: an integer >= 0")
    return int(word)


def check_count(flag: str, value: int) -> None:
    """Raise ConfigError unless there is at least one."""
    if value < 1:
        raise ConfigError(f"{flag}: got {value}, allowed: an integer >= 1")
