"""Shared parts of the training benchmarks: command line and description of the machine."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from ..flags import Parser, output_file
from ..machine import usable_cores
from .runs.versions import commit


def parser(command: str, text: str, iterations: int) -> argparse.ArgumentParser:
    """The command line of `sleight bench COMMAND`; text: the docstring of its module."""
    arguments = Parser(f"sleight bench {command}", description=text.split("\n", 1)[0])
    arguments.add_argument("--config", type=Path, help="training config (default: all defaults)")
    arguments.add_argument(
        "--iterations", type=int, default=iterations, help="number of timed iterations"
    )
    arguments.add_argument("--json", type=output_file, help="also write the results to this file")
    return arguments


def machine() -> str:
    """Number of cores, load average, and commit of the code."""
    load_average = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    cores, code = usable_cores(), commit() or "unknown"
    return f"{cores} cores, load average {load_average}, commit {code}"
