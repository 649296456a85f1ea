"""What the benchmarks of training share: their words, and what a reader needs to judge figures."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from ..envs.sim.batch_sim import default_threads
from ..flags import Parser
from .runs.versions import commit


def parser(command: str, text: str, iterations: int) -> argparse.ArgumentParser:
    """The command line of `sleight bench COMMAND`; text: its module's docstring."""
    made = Parser(f"sleight bench {command}", description=text.split("\n", 1)[0])
    made.add_argument("--config", type=Path, help="a recipe; without it all defaults")
    made.add_argument("--iterations", type=int, default=iterations, help="that are timed")
    made.add_argument("--json", type=Path, help="also write the figures to this file")
    return made


def machine() -> str:
    """Cores, how busy they are, and the code."""
    load_average = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    cores, code = default_threads(), commit() or "unknown"
    return f"{cores} cores, load average {load_average}, commit {code}"
