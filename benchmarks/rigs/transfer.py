"""One table of what a policy keeps: default hand, ten rigs, another source's hand, variants.

    sleight bench transfer [NAME=]BUNDLE... [--trials 10] [--threads 1] [--gap] [--json FILE]

Every policy runs the same trials: trial n of each row has the same seed for goals, hand and action
noise. The default hand and MuJoCo Menagerie's have the physics of training, without noise and gate;
the Menagerie row is left out when its files are not there. The rigs are those of `sleight
bench sim_to_sim`, behind the gate and without their clock: ten hands, in turn. The variants are on
these rigs. --gap adds the properties that separate a row from the default hand, one at a time:
those of Menagerie's model, and those of the rig that `sleight bench gap` has.

Nothing in this table may be trained on as such: docs/randomization.md has the rule. FILE is
rewritten after each trial, and existing trials are not run again, so that the same command
continues after Ctrl-C.
"""

from __future__ import annotations

import argparse
import functools
import os
import runpy
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

from sleight.contract.manifest import TaskEntry
from sleight.deploy.runtime.trial import COMPLETE, statistics_of
from sleight.envs.hands.variants import VARIANTS
from sleight.envs.sim.model import build_model
from sleight.envs.sim.model_config import ModelConfig
from sleight.errors import ConfigError
from sleight.files import write_json
from sleight.flags import Parser, check_count, output_file, seed_of
from sleight.machine import usable_cores
from sleight.train.runs.progress import ProgressBar

HERE = Path(__file__)
SIM = runpy.run_path(str(HERE.with_name("sim_to_sim.py")))
GAP = runpy.run_path(str(HERE.with_name("gap.py")))
SWAPS = runpy.run_path(str(HERE.with_name("_hand_swaps.py")))["SWAPS"]
BENCH = SIM["BENCH"]
RIGS = 10
"""Number of simulated rigs."""
MENAGERIE = {"hand": "menagerie"}
HEAD = "| policy | hand | trials | mean +- s.e. | median | " + " | ".join(COMPLETE) + " |"


@dataclass(frozen=True)
class Row:
    """A hand of the table: a kind of world, its changes, and whether the gate is before it."""

    name: str
    kind: str
    changes: dict[str, Any] = field(default_factory=dict)

    @property
    def gated(self) -> bool:
        """Rigs are behind the safety gate, as in `sleight bench sim_to_sim`."""
        return self.kind == "Rig"

    def world(self, first: int) -> Callable[[TaskEntry, float, int], Any]:
        """Makes the world of a trial; `first`: seed of the first trial."""
        make = functools.partial(BENCH[self.kind], **self.changes)
        if self.kind != "Rig":
            return make
        return lambda task, period_s, seed: make(task, period_s, first + (seed - first) % RIGS)


def rows_of(gap: bool) -> list[Row]:
    """The rows of the table, in its order."""
    rows = [
        Row("default", "Training"),
        Row("ten rigs", "Rig"),
        Row("menagerie", "Training", MENAGERIE),
    ]
    rows += [Row(name, "Rig", {"variant": name}) for name in VARIANTS if name != "none"]
    if gap:
        rows += [Row(f"menagerie, {name}", "Training", {**MENAGERIE, "edit": edit})
                 for name, edit in SWAPS.items()]  # fmt: skip
        rows += [Row(f"ten rigs, {name}", "Rig", changes)
                 for name, changes in GAP["RIG"].items() if changes]  # fmt: skip
    return rows


def present(rows: list[Row]) -> list[Row]:
    """The rows whose hand's files are there; says the others in one line."""
    try:
        build_model(ModelConfig(**MENAGERIE))
    except ConfigError as error:
        sys.stderr.write(f"menagerie: left out: {error}\n")
        return [row for row in rows if row.changes.get("hand") != "menagerie"]
    return rows


def trial(entry: Any, row: Row, number: int, first: int, stop: Event) -> dict[str, Any]:
    """Run trial `number` of a row: plain data for the file. Raises CancelledError after `stop`."""
    seed = first + number
    world = functools.partial(stoppable, row.world(first), stop)
    done = BENCH["Player"](entry.bundle, seed).trial(world, row.gated, seed)
    return {
        "trial": number, "successes": done.successes, "ending": done.ending,
        "seconds": round(done.duration_s, 3),
    }  # fmt: skip


def stoppable(make: Callable[..., Any], stop: Event, *where: Any) -> Any:
    """A world that raises CancelledError once `stop` is set: a trial may take minutes."""
    world = make(*where)
    tick = world.tick

    def checked(target: Any) -> None:
        if stop.is_set():
            raise CancelledError
        tick(target)

    world.tick = checked
    return world


class Table:
    """The trials that are done, of every policy and row; kept in a file if there is one."""

    def __init__(self, entries: list[Any], rows: list[Row], args: argparse.Namespace) -> None:
        self._file, self._common = args.json, about(args)
        kept = SIM["read_rows"](args.json, self._common) if args.json and args.json.exists() else []
        self.rows = [self._row(entry, row, kept) for entry in entries for row in rows]
        self._others = [found for found in kept if found not in self.rows]

    @staticmethod
    def _row(entry: Any, row: Row, kept: list[dict[str, Any]]) -> dict[str, Any]:
        settings = {
            "policy": entry.name, "hand": row.name, "goals": entry.goals,
            "sha256": entry.bundle.manifest.graph.sha256,
        }  # fmt: skip
        existing = [found for found in kept if settings.items() <= found.items()]
        return existing[0] if existing else {**settings, "trials": []}

    def missing(self, number: int, trials: int) -> list[int]:
        """Trials of a row that are not done."""
        done = {record["trial"] for record in self.rows[number]["trials"]}
        return [n for n in range(trials) if n not in done]

    def add(self, number: int, record: dict[str, Any]) -> None:
        """Keep a trial of a row."""
        trials = self.rows[number]["trials"]
        trials.append(record)
        trials.sort(key=lambda one: one["trial"])
        if self._file:
            write_json(self._file, {**self._common, "rows": self.rows + self._others})


def about(args: argparse.Namespace) -> dict[str, Any]:
    """The settings that all rows of a file share."""
    shared = SIM["about"](argparse.Namespace(**vars(args), hand=None, scramble="", solve=""))
    return {key: shared[key] for key in ("seed", "sleight", "mujoco", "onnxruntime")}


def measure(entries: list[Any], rows: list[Row], args: argparse.Namespace) -> Table:
    """Run what the file does not have, row by row, so that an early stop leaves whole rows."""
    table = Table(entries, rows, args)
    pairs = [(entry, row) for entry in entries for row in rows]
    work = [(number, n) for number in range(len(pairs)) for n in table.missing(number, args.trials)]
    total = len(pairs) * args.trials
    done = total - len(work)
    with ExitStack() as stack:
        bar = stack.enter_context(ProgressBar("transfer", total, done, unit="trials"))
        pool = stack.enter_context(ThreadPoolExecutor(args.threads or usable_cores()))
        stop = Event()
        stack.callback(pool.shutdown, wait=True, cancel_futures=True)
        stack.callback(stop.set)
        jobs = {pool.submit(trial, *pairs[i], n, args.seed, stop): i for i, n in work}
        for job in as_completed(jobs):
            number, record = jobs[job], job.result()
            table.add(number, record)
            done += 1
            row = table.rows[number]
            bar.update(done, f"{row['policy']}, {row['hand']}: {record['successes']}")
    return table


def markdown(rows: list[dict[str, Any]], trials: int) -> Iterator[str]:
    """The table, line by line; of a file with more trials, the first ones."""
    yield HEAD
    yield "|---|---|---|---|---|" + "---|" * len(COMPLETE)
    for row in rows:
        done = [one for one in row["trials"] if one["trial"] < trials]
        endings = [one["ending"] for one in done]
        complete = [one["successes"] for one in done if one["ending"] in COMPLETE]
        found = {**statistics_of(complete), "endings": endings}
        if not complete:
            continue
        mean, ends = BENCH["cells"](found)
        yield (
            f"| {row['policy']} | {row['hand']} | {len(complete)} | {mean} | {found['median']:g}"
            f" | {ends} |"
        )


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = Parser("sleight bench transfer", description=__doc__.split("\n", 1)[0])
    add = parser.add_argument
    add("bundles", nargs="+", metavar="[NAME=]BUNDLE", help="folders of bundles, with names")
    add("--trials", type=int, default=10, help="trials of each policy on each hand")
    add("--seed", type=seed_of, default=0, help="seed of the first trial")
    add("--threads", type=seed_of, default=1, help="trials at a time; 0: one for each core")
    add("--gap", action="store_true", help="also rows with one property of the default hand each")
    add("--json", type=output_file, help="file for the results; its trials are kept")
    args = parser.parse_args(argv)
    check_count("--trials", args.trials)
    entries = [SIM["Entry"].of(word, None, None) for word in args.bundles]
    names = [entry.name for entry in entries]
    if len(set(names)) < len(names):
        raise ConfigError(
            f"transfer: got {', '.join(names)}, allowed: different names, NAME=BUNDLE"
        )
    table = measure(entries, present(rows_of(args.gap)), args)
    print("\n".join(markdown(table.rows, args.trials)))
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    print(f"\n{args.trials} trials each, {about(args)}, load average {load}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
