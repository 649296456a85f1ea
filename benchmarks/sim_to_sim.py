"""Policies x variants of the simulated rig: the papers' table, every trial listed.

    sleight bench sim_to_sim BUNDLE... [--variants none,glove,...] [--trials 10] [--json FILE]

Each policy drives the hand that `sleight rig sim` is, without its clock, behind the safety gate: a
new hand for each trial, the same ones for every policy. A trial is the papers': goals in a row
until a drop, a timeout or the maximum. The table is Markdown; FILE is written anew after each row,
so that what was measured before a Ctrl-C is not lost.
"""

from __future__ import annotations

import functools
import os
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mujoco
import onnxruntime

from sleight import __version__
from sleight.deploy.trial import COMPLETE, summarize
from sleight.envs.bundle import Bundle, load_bundle
from sleight.envs.variants import VARIANTS
from sleight.errors import ConfigError, nearest
from sleight.files import write_json
from sleight.flags import Parser, check_count

BENCH = runpy.run_path(str(Path(__file__).with_name("rig.py")))
HEAD = (
    "| policy | variant | mean +- s.e. | median | trials (sorted) | " + " | ".join(COMPLETE) + " |"
)


def row(bundle: Bundle, variant: str, trials: int, seed: int) -> dict[str, Any]:
    """One policy under one variant; trial n has the hand and the goals of seed + n."""
    player = BENCH["Player"](bundle, seed)
    world = functools.partial(BENCH["Rig"], variant=variant)
    done = []
    for number in range(trials):
        done.append(player.trial(world, True, seed + number))
        name = f"{bundle.folder.name}, {variant}: {number + 1} of {trials}"
        sys.stderr.write(f"{name}: {done[-1].successes} {done[-1].ending}\n")
    found = summarize(done)
    return {
        "policy": bundle.folder.name,
        "variant": variant,
        "sha256": bundle.manifest.graph.sha256,
        "gate_hits_per_turn": player.hits.total() / len(player.shown),
        **{key: found[key] for key in ("mean", "standard_error", "median", "max")},
        **{key: found[key] for key in ("trials", "endings", "seconds")},
    }


def markdown(rows: list[dict[str, Any]]) -> Iterator[str]:
    """The table, line by line."""
    yield HEAD
    yield "|---|---|---|---|---|" + "---|" * len(COMPLETE)
    for found in rows:
        error = found["standard_error"]
        mean = f"{found['mean']:.1f}" + ("" if error is None else f" +- {error:.1f}")
        trials = ", ".join(map(str, sorted(found["trials"], reverse=True)))
        ends = " | ".join(str(found["endings"].count(end)) for end in COMPLETE)
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


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = Parser("sleight bench sim_to_sim", description=__doc__.split("\n", 1)[0])
    parser.add_argument("bundles", type=Path, nargs="+", metavar="BUNDLE")
    parser.add_argument("--variants", default=",".join(VARIANTS), help="with commas between them")
    parser.add_argument("--trials", type=int, default=10, help="of each policy under each variant")
    parser.add_argument("--seed", type=int, default=0, help="of the first trial")
    parser.add_argument("--json", type=Path, help="write all that was measured here as well")
    asked = parser.parse_args(argv)
    check_count("--trials", asked.trials)
    names = variants(asked.variants)
    bundles = [load_bundle(folder) for folder in asked.bundles]
    rows: list[dict[str, Any]] = []
    about = {
        "seed": asked.seed, "trials": asked.trials, "sleight": __version__,
        "mujoco": mujoco.__version__, "onnxruntime": onnxruntime.__version__,
    }  # fmt: skip
    for bundle in bundles:
        for name in names:
            rows.append(row(bundle, name, asked.trials, asked.seed))
            if asked.json:
                write_json(asked.json, {**about, "rows": rows})
    print("\n".join(markdown(rows)))
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    print(f"\n{about}, load average {load}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
