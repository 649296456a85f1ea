"""A pose network on held-out looks: strengths, single factors, another renderer, hidden objects.

    sleight bench looks BUNDLE_OR_RUN [--count 500] [--seed 1] [--states FILE] [--out FOLDER]
                        [--json FILE]

Renders sets of looks into FOLDER and judges the network on each: all ranges at strengths 0, 0.5, 1
and 1.5; strength 0 with one factor at 1.5 of its range; MuJoCo's Filament renderer, where it runs;
and the samples of strength 1 by how much of the object the hand leaves visible. Sample n has the
same state in every set. FILE has states of `sleight vision states`; by default settled ones are
made. FOLDER/looks.html shows the table and the worst samples. The same command continues after
Ctrl-C: renders that are there are not made again.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import torch

from sleight import __version__
from sleight.envs.objects.object_spec import size_of
from sleight.errors import ConfigError, SleightError
from sleight.files import atomic_path, write_json, write_text
from sleight.flags import Parser, check_count, output_file, output_folder, seed_of
from sleight.train.pose.held_out_looks import REFERENCE, RENDERER, LookSet, look_sets
from sleight.train.pose.looks_page import Case, page
from sleight.train.pose.looks_table import Row, by_share, markdown
from sleight.train.pose.pose_evaluation import Judgement, judge
from sleight.train.pose.pose_network import PoseNetwork, open_network
from sleight.train.runs.progress import ProgressBar
from sleight.vision.config import RenderConfig, StatesConfig
from sleight.vision.renders.filament_studio import PACKAGES
from sleight.vision.renders.object_states import chosen, read_states, shown_in
from sleight.vision.renders.shards import Arrays, Renders, inputs_of
from sleight.vision.renders.visible_share import VisibleShare

OUT = Path("runs/looks")
PAGE, STATES = "looks.html", "states.npy"
WORST = 2
"""Samples of each set on the page."""
NEAR_MM = NEAR_DEG = 5.0
"""Unit of the errors by which the worst are found."""


def base_of(network: PoseNetwork, args: argparse.Namespace) -> RenderConfig:
    """Renders of the network's cameras and object, of the states that are asked for."""
    if args.seed == network.seed:
        raise ConfigError(
            f"--seed: got {args.seed}, the seed of the renders of its training, allowed: another"
        )
    config = replace(network.renders, seed=args.seed)
    file = args.states or args.out / STATES
    if not args.states and not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(file) as temporary, temporary.open("wb") as stream:
            np.save(stream, chosen(config), allow_pickle=False)
    read_states(file)
    return replace(config, states=StatesConfig(file=file))


def rendered(sets: list[LookSet], count: int, out: Path) -> dict[str, Renders]:
    """The renders of each set; without those of a renderer that does not run here."""
    done: dict[str, Renders] = {}
    with ProgressBar("looks", count * len(sets), unit="samples") as bar:
        for number, one in enumerate(sets):
            try:
                done[one.name] = one.render(
                    count, out, lambda n, k=number, name=one.name: bar.update(k * count + n, name)
                )
            except SleightError as error:
                if one.config.renderer != RENDERER:
                    raise
                sys.stderr.write(f"{one.name}: left out: {error}; it needs {PACKAGES}\n")
    return done


def gathered(renders: Renders, numbers: np.ndarray) -> Arrays:
    """The inputs of some samples, with a leading n in the order of `numbers`."""
    parts: list[Arrays] = []
    first = 0
    for shard in renders.shards():
        size = len(shard["position"])
        mine = [n - first for n in numbers if first <= n < first + size]
        parts.append({name: shard[name][mine] for name in inputs_of(shard)})
        first += size
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def worst(name: str, network: PoseNetwork, renders: Renders, judged: Judgement) -> list[Case]:
    """The samples with the largest errors, the worst first."""
    errors = judged.errors
    score = np.maximum(errors.position_mm / NEAR_MM, errors.rotation_deg / NEAR_DEG)
    numbers = np.sort(np.argsort(-score)[:WORST])
    arrays = gathered(renders, numbers)
    guesses = network.reader({key: torch.from_numpy(x) for key, x in arrays.items()})
    row = Row.of(name, judged, network.limits)
    cases = []
    with VisibleShare(renders) as visible:
        for index in np.argsort(-score[numbers]):
            number = int(numbers[index])
            cases.append(Case(
                title=f"{name}, sample {number}",
                arrays={key: x[index] for key, x in arrays.items()},
                size_m=size_of(shown_in(renders.config)),
                position=guesses.position[index].numpy(),
                wxyz=guesses.wxyz[index].numpy(),
                position_mm=float(errors.position_mm[number]),
                rotation_deg=float(errors.rotation_deg[number]),
                predicted_mm=1e3 * float(judged.error_m[number]),
                predicted_deg=float(np.degrees(judged.error_rad[number])),
                visible=visible.of_sample(number),
                rejected=None if row.rejected is None else bool(row.rejected[number]),
            ))  # fmt: skip
    return cases


def measure(network: PoseNetwork, sets: dict[str, Renders]) -> tuple[list[Row], list[Case]]:
    """The rows of the table and the samples of the page."""
    rows, parts, cases = list[Row](), list[Row](), list[Case]()
    for name, renders in sets.items():
        judged = judge(network.reader, renders)
        rows.append(Row.of(name, judged, network.limits))
        cases += worst(name, network, renders, judged)
        if name == REFERENCE:
            with VisibleShare(renders) as visible:
                shares = np.array([visible.of_sample(n) for n in range(renders.count)])
            parts = by_share(rows[-1], shares)
    return rows + parts, cases


def about(args: argparse.Namespace) -> dict[str, Any]:
    """What the figures depend on."""
    return {
        "network": str(args.network), "count": args.count, "seed": args.seed,
        "states": str(args.states) if args.states else "settled",
        "sleight": __version__, "mujoco": mujoco.__version__,
    }  # fmt: skip


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = Parser("sleight bench looks", description=__doc__.split("\n", 1)[0])
    add = parser.add_argument
    add("network", type=Path, metavar="BUNDLE_OR_RUN", help="a bundle or a run of `vision train`")
    add("--count", type=int, default=500, help="samples of each set (default: 500)")
    add("--seed", type=seed_of, default=1, help="seed of the renders (default: 1)")
    add("--states", type=Path, help="states of `sleight vision states` (default: settled ones)")
    add("--out", type=output_folder, default=OUT, help=f"folder of the renders (default: {OUT})")
    add("--json", type=output_file, help="also write the table to this file")
    args = parser.parse_args(argv)
    check_count("--count", args.count)
    torch.set_num_threads(1)
    network = open_network(args.network)
    sets = look_sets(base_of(network, args))
    rows, cases = measure(network, rendered(sets, args.count, args.out))
    facts = about(args)
    if args.json:
        write_json(args.json, {**facts, "rows": [row.data() for row in rows]})
    line = ", ".join(f"{key} {value}" for key, value in facts.items())
    write_text(args.out / PAGE, page(str(args.network), line, rows, cases))
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    sys.stdout.write(f"{markdown(rows)}\n\n{line}, load average {load}\n{args.out / PAGE}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
