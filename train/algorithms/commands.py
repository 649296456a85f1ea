"""`sleight clone` on the command line."""

from __future__ import annotations

import sys

from ...config import help_text
from ...errors import ConfigError
from ..commands import config_of, train
from ..config import TrainConfig
from .clone import CloneConfig

USAGE = """usage: sleight clone CONFIG.yaml --teacher RUN_OR_BUNDLE [--field value ...]
       sleight clone CONFIG.yaml --clone.data FOLDER [--field value ...]
       sleight clone --resume RUN

`sleight train` with `algorithm: clone` and the field clone.teacher, or clone.data: a folder of
demonstrations, from which it learns without simulation. The student has the `policy`
and the `env.actor_terms` of the config.

"""


def clone(argv: list[str]) -> int:
    """`sleight clone`; returns the exit code. Raises SleightError for the caller to print."""
    if not argv or argv[0] in ("-h", "--help"):
        sys.stdout.write(USAGE + help_text(TrainConfig, "sleight clone"))
        return 0
    words = [_field(word) for word in argv]
    if words[0] == "--resume":
        return train(words)
    asked = config_of(words).block(CloneConfig)
    if not (asked.teacher or asked.data):
        raise ConfigError("--teacher: got nothing, allowed: a run, a checkpoint or a bundle")
    return train([*words, "--algorithm", "clone"])


def _field(word: str) -> str:
    """`--teacher` as the field that it stands for."""
    name, equals, value = word.partition("=")
    return f"--clone.teacher{equals}{value}" if name == "--teacher" else word
