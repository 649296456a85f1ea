"""`sleight eval --find-failures` and `--failures`: find a validation set, run one."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from typing import Any

from ...envs.config import EnvConfig
from ...errors import ConfigError
from ...files import write_json
from ...shipped import shipped
from ..rollout.players import Player
from .failure_search import Budget, FailureSearch
from .regression import compare
from .set_result import SetResult, found_result, read_result, run_set
from .validation_set import ValidationSet, read_set, write_set

REGRESSED = 1
"""Exit code of a comparison that names a regression."""


def find_failures(player: Player, config: EnvConfig, args: argparse.Namespace) -> dict[str, Any]:
    """Search in the worlds of `config`, write the set and print it; returns it as plain data."""
    budget = Budget(args.trials, args.cases, args.tries)
    found = FailureSearch(player, config, budget, args.seed).run()
    write_set(args.find_failures, found)
    result = found_result(found)
    sys.stdout.write(f"{result.table('selected with')}\n{args.find_failures}\n")
    return result.data()


def run_failures(player: Player, args: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Run a set, print the result and write it; returns the exit code and the result.

    Raises DataError for a file that is not what it should be, ConfigError for a set of another
    task or hand, or a result of another set.
    """
    cases = read_set(shipped(args.failures))
    before = read_result(shipped(args.against)) if args.against else None
    if before is not None:
        _check_same(before, cases, args)
    result = run_set(player, cases, args.tries, args.seed)
    if before is not None:
        result = replace(result, against=compare(before, result))
    if args.json:
        write_json(args.json, result.data())
    sys.stdout.write(f"{result.table()}\n")
    regressed = result.against is not None and bool(result.against.regressions)
    return (REGRESSED if regressed else 0), result.data()


def _check_same(before: SetResult, cases: ValidationSet, args: argparse.Namespace) -> None:
    """Raise ConfigError for an older result that is not of these cases."""
    if before.set_digest != cases.digest:
        raise ConfigError(
            f"--against: got {args.against}, a result of the set {before.set_digest}, allowed: a"
            f" result of {args.failures}, the set {cases.digest}"
        )
    names = {case.name for case in cases.cases}
    if odd := sorted(names ^ {case.name for case in before.cases}):
        what = "no result" if odd[0] in names else "a result"
        raise ConfigError(
            f"--against: {args.against}: {odd[0]}: got {what}, allowed: one of each case of"
            f" {args.failures}"
        )
