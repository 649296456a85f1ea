"""The flags of `sleight eval` about validation sets, and what does not go together."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from ...errors import ConfigError
from ...flags import check_count, output_file

FIND, RUN = "--find-failures", "--failures"
TRIALS, SEARCH_TRIALS = 100, 1000
CASES, TRIES = 12, 8
_OTHER_JOBS = (
    "--pose", "--cameras", "--task", "--scramble", "--solve", "--html", "--record",
    "--record_cameras",
)  # fmt: skip
_REFUSED = {
    FIND: (*_OTHER_JOBS, "--json"),
    RUN: (*_OTHER_JOBS, "--trials", "--set", "--range", "--trained", "--variant", "--goals"),
}
"""Job -> flags that it does not take; the file of `--failures` has the worlds and the goals."""
_ONLY = {"--cases": FIND, "--tries": f"{FIND} or {RUN}", "--against": RUN}
"""Flag -> those that it needs."""


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of a validation set."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        FIND, type=output_file, metavar="FILE",
        help="search for worlds and starts in which the policy fails, and write the worst as a"
        " validation set; --trials is the budget of the search"
        f" (default: {SEARCH_TRIALS}), the worlds are of --range, by default of --trained",
    )  # fmt: skip
    which.add_argument(RUN, type=Path, metavar="FILE", help="run a validation set")
    parser.add_argument(
        "--cases", type=int, help=f"{FIND}: number of cases to keep (default: {CASES})"
    )
    parser.add_argument(
        "--tries", type=int, help=f"{FIND}, {RUN}: tries of each case (default: {TRIES})"
    )
    parser.add_argument(
        "--against", type=Path, metavar="FILE",
        help=f"{RUN}: compare with this result of an older policy, a file of --json; exit code 1 if"
        " it passed a case that this policy fails",
    )  # fmt: skip


def check_flags(
    args: argparse.Namespace, rest: Sequence[str], parser: argparse.ArgumentParser
) -> None:
    """Fill the defaults that depend on other flags. Raises ConfigError for flags that do not go
    together, before anything is read.

    rest: what the parser does not know, `--goals.FIELD value` among it.
    """
    used = [f"--{name}" for name, value in vars(args).items() if value != parser.get_default(name)]
    used += [word.partition(".")[0] for word in rest if word.startswith("--")]
    chosen = FIND if args.find_failures else RUN if args.failures else ""
    for flag, needs in _ONLY.items():
        if flag in used and chosen not in needs.split(" or "):
            raise ConfigError(f"{flag}: got it alone, allowed: with {needs}")
    for flag in used:
        if flag in _REFUSED.get(chosen, ()):
            raise ConfigError(f"{flag}: got it with {chosen}, allowed: without")
    for name, default in (
        ("trials", SEARCH_TRIALS if chosen == FIND else TRIALS), ("cases", CASES), ("tries", TRIES),
    ):  # fmt: skip
        if getattr(args, name) is None:
            setattr(args, name, default)
        check_count(f"--{name}", getattr(args, name))
