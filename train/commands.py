"""The commands of the program that live in this folder: each parses its words and calls the work."""

from __future__ import annotations

import sys
from pathlib import Path

from ..config import help_text
from ..config import load as load_config
from ..errors import ConfigError
from .config import TrainConfig


def train(argv: list[str]) -> int:
    """`sleight train CONFIG.yaml [--field value ...]` or `sleight train --resume RUN`."""
    from .session import resume, start

    if not argv or argv[0] in ("-h", "--help"):
        sys.stdout.write("usage: sleight train CONFIG.yaml [--field value ...] | --resume RUN\n\n")
        sys.stdout.write(help_text(TrainConfig))
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
