"""Command lines with a few flags: argparse that complains in one line, as everything else does."""

import argparse
from typing import NoReturn

from .errors import ConfigError


class Parser(argparse.ArgumentParser):
    """argparse whose complaints are a ConfigError, not a page and an exit."""

    def error(self, message: str) -> NoReturn:
        """Raise ConfigError with the command and argparse's own line."""
        raise ConfigError(f"{self.prog}: {message}")


def check_count(flag: str, value: int) -> None:
    """Raise ConfigError unless there is at least one."""
    if value < 1:
        raise ConfigError(f"{flag}: got {value}, allowed: an integer >= 1")
