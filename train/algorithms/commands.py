"""`sleight clone` on the command line."""

from __future__ import annotations

import sys

from ...config import help_text
from ...errors import ConfigError
from ..commands import config_of, train
from ..config import TrainConfig

USAGE = """usage: sleight clone CONFIG.yaml --teacher RUN_OR_BUNDLE [--field value ...]
       sleight clone --resume RUN

`sleight train` with a teacher (the field clone.teacher) in the place of PPO; the student is the
config's `policy` and `env.actor_terms`.

"""


def clone(argv: list[str]) -> int:
    """`sleight clone`; returns the exit code. Raises SleightError for the caller to print."""
    if not argv or argv[0] in ("-h", "--help"):
        sys.stdout.write(USAGE + help_text(TrainConfig, "sleight clone"))
        return 0
    words = [_field(word) for word in argv]
    if words[0] != "--resume" and not config_of(words).clone.teacher:
        raise ConfigError("--teacher: got nothing, allowed: a run, a checkpoint or a bundle")
    return train(words)


def _field(word: str) -> str:
    """`--teacher` as the field that it is."""
    name, equals, value = word.partition("=")
    return f"--clone.teacher{equals}{value}" if name == "--teacher" else word
