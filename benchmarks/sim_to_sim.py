"""Policies x variants of the simulated rig: the papers' table, every trial listed.

    sleight bench sim_to_sim [NAME=]BUNDLE... [--variants none,...] [--trials 10] [--json FILE]
    sleight bench sim_to_sim --join FILE...

Each policy drives the hand that `sleight rig sim` is, without its clock, behind the safety gate: a
new hand for each trial, the same ones for every policy; with --hand H all of them with the one of
`sleight rig sim --seed H`, object after object. A trial is the papers': goals in a row until a
drop, a timeout or the maximum. The table is Markdown. FILE is written anew after each row,
and rows that it already has are not measured again, so that the same command goes on after a
Ctrl-C; files that were written at the same time, one for each policy, are joined to one table.
"""

from __future__ import annotations

import argparse
import functools
import os
import runpy
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mujoco
import onnxruntime

from sleight import __version__
from sleight.contract.bundle import Bundle, TaskEntry, load_bundle
from sleight.deploy.runtime.trial import COMPLETE, summarize
from sleight.envs.hands.variants import VARIANTS
from sleight.errors import ConfigError, DataError, nearest
from sleight.files import read_json, write_json
from sleight.flags import Parser, check_count, seed_of

BENCH = runpy.run_path(str(Path(__file__).with_name("rig.py")))
HEAD = (
    "| policy | variant | mean +- s.e. | median | trials (sorted) | " + " | ".join(COMPLETE) + " |"
)


@dataclass(frozen=True)
class Entry:
    """A policy in the table."""

    name: str
    bundle: Bundle

    @staticmethod
    def of(word: str, flip_share: float | None, max_angle_rad: float | None) -> Entry:
        """From `[NAME=]BUNDLE`. Raises SleightError."""
        name, mark, folder = word.partition("=")
        path = Path(folder if mark else word)
        bundle = load_bundle(path)
        name = name if mark else path.resolve().name
        return Entry(name, BENCH["with_goals"](bundle, flip_share, max_angle_rad))

    @property
    def goals(self) -> dict[str, Any]:
        """What the policy is asked for."""
        return dict(BENCH["goals_of"](self.bundle))


def one_hand(world: Callable[..., Any], hand: int) -> Callable[..., Any]:
    """The hand of seed `hand` for every trial, home again between them."""
    made: list[Any] = []

    def same(task: TaskEntry, period_s: float, seed: int) -> Any:
        if made:
            made[0].home()
        else:
            made.append(world(task, period_s, hand))
        return made[0]

    return same


def row(entry: Entry, variant: str, asked: argparse.Namespace) -> dict[str, Any]:
    """One policy under one variant; trial n has the goals of --seed + n, and its hand or --hand."""
    bundle = entry.bundle
    player = BENCH["Player"](bundle, asked.seed)
    world: Callable[..., Any] = functools.partial(BENCH["Rig"], variant=variant)
    world = world if asked.hand is None else one_hand(world, asked.hand)
    done = []
    for number in range(asked.trials):
        done.append(player.trial(world, True, asked.seed + number))
        name = f"{entry.name}, {variant}: {number + 1} of {asked.trials}"
        sys.stderr.write(f"{name}: {done[-1].successes} {done[-1].ending}\n")
    found = summarize(done)
    return {
        "policy": entry.name,
        "variant": variant,
        "sha256": bundle.manifest.graph.sha256,
        "goals": entry.goals,
        "gate_hits_per_turn": player.hits.total() / len(player.shown),
        **{key: found[key] for key in ("mean", "standard_error", "median", "max")},
        **{key: found[key] for key in ("trials", "endings", "seconds")},
    }


def markdown(rows: list[dict[str, Any]]) -> Iterator[str]:
    """The table, line by line."""
    yield HEAD
    yield "|---|---|---|---|---|" + "---|" * len(COMPLETE)
    for found in rows:
        mean, ends = BENCH["cells"](found)
        trials = ", ".join(map(str, sorted(found["trials"], reverse=True)))
        yield (
            f"| {found['policy']} | {found['variant']} | {mean} | {found['median']:g}"
            f" | {trials} | {ends} |"
        )


def variants(text: str) -> list[str]:
    """Names with commas between them. Raises ConfigError."""
    names = text.split(",")
    for name in names:
        if name not in VARIANTS:
            raise ConfigError(f"--variants: got {name}, {nearest(name, VARIANTS)}")
    return names


def about(asked: argparse.Namespace) -> dict[str, Any]:
    """What rows of one table have in common."""
    return {
        "seed": asked.seed, "trials": asked.trials, "hand": asked.hand, "sleight": __version__,
        "mujoco": mujoco.__version__, "onnxruntime": onnxruntime.__version__,
    }  # fmt: skip


def read_rows(path: Path, common: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of a file. Raises DataError when it is none, or of another measurement."""
    data = read_json(path)
    rows = data.get("rows") if isinstance(data, dict) else None
    if not isinstance(rows, list):
        raise DataError(f"{path}: got no rows, allowed: what --json wrote")
    for name, value in common.items():
        if data.get(name) != value:
            raise DataError(
                f"{path}: {name}: got {data.get(name)}, allowed: {value}; rows of different"
                " measurements are not one table"
            )
    return rows


def measured(entries: list[Entry], names: list[str], asked: argparse.Namespace) -> list[dict]:
    """The rows, those that `--json` has and those that it lacks, in the order asked for."""
    common = about(asked)
    kept = read_rows(asked.json, common) if asked.json and asked.json.exists() else []
    rows: list[dict[str, Any]] = []
    for entry in entries:
        for name in names:
            wanted = {
                "policy": entry.name, "variant": name, "goals": entry.goals,
                "sha256": entry.bundle.manifest.graph.sha256,
            }  # fmt: skip
            known = [found for found in kept if wanted.items() <= found.items()]
            rows.append(known[0] if known else row(entry, name, asked))
            if asked.json:
                others = [found for found in kept if found not in rows]
                write_json(asked.json, {**common, "rows": rows + others})
    return rows


def joined(asked: argparse.Namespace) -> list[dict[str, Any]]:
    """The rows of the files of --join, of one measurement. Raises DataError."""
    first = read_json(asked.join[0])
    common = {name: first.get(name) for name in about(asked)} if isinstance(first, dict) else {}
    return [found for path in asked.join for found in read_rows(path, common)]


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = Parser("sleight bench sim_to_sim", description=__doc__.split("\n", 1)[0])
    add = parser.add_argument
    add("bundles", nargs="*", metavar="[NAME=]BUNDLE")
    add("--variants", default=",".join(VARIANTS), help="with commas between them")
    add("--trials", type=int, default=10, help="of each policy under each variant")
    add("--seed", type=seed_of, default=0, help="of the first trial")
    add("--hand", type=seed_of, help="every trial with the hand of `sleight rig sim --seed HAND`")
    add("--flip_share", type=float, help="of the goals; by default the bundle's")
    add("--max_angle_rad", type=float, help="of a goal that is no flip; likewise")
    add("--json", type=Path, help="write all that was measured here; rows in it are kept")
    add("--join", type=Path, nargs="+", metavar="FILE", help="print what --json wrote as one table")
    asked = parser.parse_args(argv)
    if bool(asked.bundles) == bool(asked.join):
        got = "both" if asked.join else "neither"
        raise ConfigError(f"sim_to_sim: got {got}, allowed: bundles, or --join FILE...")
    if asked.join:
        print("\n".join(markdown(joined(asked))))
        return 0
    check_count("--trials", asked.trials)
    names = variants(asked.variants)
    easier = asked.flip_share, asked.max_angle_rad
    rows = measured([Entry.of(word, *easier) for word in asked.bundles], names, asked)
    print("\n".join(markdown(rows)))
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    print(f"\n{about(asked)}, load average {load}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
