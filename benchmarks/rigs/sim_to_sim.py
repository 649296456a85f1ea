"""Successes of policies on variants of the simulated rig, as a table with every trial.

    sleight bench sim_to_sim [NAME=]BUNDLE... [--variants none,...] [--trials 10] [--json FILE]
    sleight bench sim_to_sim BUNDLE... --scramble MOVES | --solve MOVES
    sleight bench sim_to_sim --join FILE...

Each policy runs on the hand of `sleight rig sim`, without real time, behind the safety gate. Every
trial has a new hand; the hands are the same for every policy. With --hand H all trials use the hand
of `sleight rig sim --seed H`. Trials follow the papers: consecutive successes until a drop, a
timeout or the maximum. The table is Markdown. FILE is rewritten after each row, and existing rows
are not measured again, so that the same command continues after Ctrl-C. --join combines files that
were measured in parallel, one per policy, into one table. With moves, the rig holds a full Rubik's
cube that reports its angles, and a success is a step of the plan.
"""

from __future__ import annotations

import argparse
import functools
import os
import runpy
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mujoco

from sleight import __version__
from sleight.contract.bundle import Bundle, load_bundle
from sleight.contract.manifest import TaskEntry
from sleight.deploy.runtime.plan_config import PlanConfig
from sleight.deploy.runtime.trial import COMPLETE, summarize
from sleight.envs.hands.variants import VARIANTS
from sleight.errors import ConfigError, DataError, nearest
from sleight.files import read_json, write_json
from sleight.flags import Parser, check_count, output_file, seed_of

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
        """Parse `[NAME=]BUNDLE`. Raises SleightError."""
        name, mark, folder = word.partition("=")
        path = Path(folder if mark else word)
        bundle = load_bundle(path)
        name = name if mark else path.resolve().name
        return Entry(name, BENCH["with_goals"](bundle, flip_share, max_angle_rad))

    @property
    def goals(self) -> dict[str, Any]:
        """The options of the policy's goals."""
        return dict(BENCH["goals_of"](self.bundle))


def one_hand(world: Callable[..., Any], hand: int) -> Callable[..., Any]:
    """The hand of seed `hand` for every trial; it moves home between trials."""
    hands: list[Any] = []

    def same(task: TaskEntry, period_s: float, seed: int) -> Any:
        if hands:
            hands[0].home()
        else:
            hands.append(world(task, period_s, hand))
        return hands[0]

    return same


def plan_of(args: argparse.Namespace) -> PlanConfig | None:
    """The plan of all trials; None: goals are drawn. Raises ConfigError."""
    given = bool(args.scramble or args.solve)
    return PlanConfig(scramble=args.scramble, solve=args.solve) if given else None


def row(entry: Entry, variant: str, args: argparse.Namespace) -> dict[str, Any]:
    """Measure one policy on one variant; trial n uses seed --seed + n for goals and hand."""
    bundle = entry.bundle
    player = BENCH["Player"](bundle, args.seed)
    world: Callable[..., Any] = functools.partial(BENCH["Rig"], variant=variant, plan=plan_of(args))
    world = world if args.hand is None else one_hand(world, args.hand)
    done = []
    for number in range(args.trials):
        done.append(player.trial(world, True, args.seed + number))
        name = f"{entry.name}, {variant}: {number + 1} of {args.trials}"
        sys.stderr.write(f"{name}: {done[-1].successes} {done[-1].ending}\n")
    summary = summarize(done)
    return {
        "policy": entry.name,
        "variant": variant,
        "sha256": bundle.manifest.graph.sha256,
        "goals": entry.goals,
        "gate_hits_per_turn": player.hits.total() / len(player.shown),
        **{key: summary[key] for key in ("mean", "standard_error", "median", "max")},
        **{key: summary[key] for key in ("trials", "endings", "seconds")},
    }


def markdown(rows: list[dict[str, Any]]) -> Iterator[str]:
    """The table, line by line."""
    yield HEAD
    yield "|---|---|---|---|---|" + "---|" * len(COMPLETE)
    for data in rows:
        mean, ends = BENCH["cells"](data)
        trials = ", ".join(map(str, sorted(data["trials"], reverse=True)))
        yield (
            f"| {data['policy']} | {data['variant']} | {mean} | {data['median']:g}"
            f" | {trials} | {ends} |"
        )


def variants(text: str) -> list[str]:
    """Parse names separated by commas. Raises ConfigError."""
    names = text.split(",")
    for name in names:
        if name not in VARIANTS:
            raise ConfigError(f"--variants: got {name}, {nearest(name, VARIANTS)}")
    return names


def about(args: argparse.Namespace) -> dict[str, Any]:
    """The settings that all rows of a table share."""
    return {
        "seed": args.seed, "trials": args.trials, "hand": args.hand, "sleight": __version__,
        "scramble": args.scramble or None, "solve": args.solve or None,
        "mujoco": mujoco.__version__, "onnxruntime": version("onnxruntime"),
    }  # fmt: skip


def read_rows(path: Path, common: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of a file. Raises DataError for an invalid file or other settings."""
    data = read_json(path)
    rows = data.get("rows") if isinstance(data, dict) else None
    if not isinstance(rows, list):
        raise DataError(f"{path}: got no rows, allowed: a file of --json")
    for name, value in common.items():
        if data.get(name) != value:
            raise DataError(
                f"{path}: {name}: got {data.get(name)}, allowed: {value}; one table cannot"
                " combine different measurements"
            )
    return rows


def measured(entries: list[Entry], names: list[str], args: argparse.Namespace) -> list[dict]:
    """All rows in the requested order; rows that --json has are not measured again."""
    common = about(args)
    kept = read_rows(args.json, common) if args.json and args.json.exists() else []
    rows: list[dict[str, Any]] = []
    for entry in entries:
        for name in names:
            settings = {
                "policy": entry.name, "variant": name, "goals": entry.goals,
                "sha256": entry.bundle.manifest.graph.sha256,
            }  # fmt: skip
            existing = [found for found in kept if settings.items() <= found.items()]
            rows.append(existing[0] if existing else row(entry, name, args))
            if args.json:
                others = [found for found in kept if found not in rows]
                write_json(args.json, {**common, "rows": rows + others})
    return rows


def joined(args: argparse.Namespace) -> list[dict[str, Any]]:
    """The rows of the files of --join. Raises DataError for different measurements."""
    first = read_json(args.join[0])
    common = {name: first.get(name) for name in about(args)} if isinstance(first, dict) else {}
    return [found for path in args.join for found in read_rows(path, common)]


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = Parser("sleight bench sim_to_sim", description=__doc__.split("\n", 1)[0])
    add = parser.add_argument
    add("bundles", nargs="*", metavar="[NAME=]BUNDLE", help="folders of bundles, with names")
    add(
        "--variants",
        default=",".join(VARIANTS),
        help="variants, separated by commas (default: all)",
    )
    add("--trials", type=int, default=10, help="trials of each policy on each variant")
    add("--seed", type=seed_of, default=0, help="seed of the first trial")
    add("--hand", type=seed_of, help="use the hand of `sleight rig sim --seed HAND` in all trials")
    add("--flip_share", type=float, help="fraction of goals that flip (default: the bundle's)")
    add(
        "--max_angle_rad",
        type=float,
        help="largest angle of other goals [rad] (default: the bundle's)",
    )
    for name, what in (
        ("scramble", "scrambles a solved cube by"),
        ("solve", "solves a cube after"),
    ):
        add(f"--{name}", default="", metavar="MOVES", help=f"the hand {what} these moves")
    add("--json", type=output_file, help="file for the results; its rows are kept")
    add("--join", type=Path, nargs="+", metavar="FILE", help="print files of --json as one table")
    args = parser.parse_args(argv)
    if bool(args.bundles) == bool(args.join):
        got = "both" if args.join else "neither"
        raise ConfigError(f"sim_to_sim: got {got}, allowed: bundles, or --join FILE...")
    if args.join:
        print("\n".join(markdown(joined(args))))
        return 0
    check_count("--trials", args.trials)
    names = variants(args.variants)
    plan_of(args)
    easier = args.flip_share, args.max_angle_rad
    rows = measured([Entry.of(word, *easier) for word in args.bundles], names, args)
    print("\n".join(markdown(rows)))
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    print(f"\n{about(args)}, load average {load}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
