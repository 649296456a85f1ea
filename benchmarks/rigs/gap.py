"""The cost of each difference between training and the simulated rig, added or removed alone.

    sleight bench gap BUNDLE [--trials 20] [--seed 0]

It runs the trials of `sleight bench rig`, without the gate: on training's physics with one property
of the rig, and on the rig with one property of training. Training should randomize properties with
a high cost. Trial n has the same seed in each row.
"""

from __future__ import annotations

import functools
import os
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sleight.contract.bundle import Bundle, load_bundle
from sleight.deploy.runtime.trial import COMPLETE, summarize
from sleight.flags import Parser, check_count, seed_of

BENCH = runpy.run_path(str(Path(__file__).with_name("rig.py")))
CONE, SOLVER = {"cone": "elliptic"}, {"iterations": 20, "ls_iterations": 20}
TRAINING: dict[str, dict[str, Any]] = {
    "training's physics": {},
    "with the elliptic cone": CONE,
    "with 20 solver iterations": SOLVER,
    "with steps of 1 ms": {"timestep_s": 0.001},
    "with all three": {**CONE, **SOLVER, "timestep_s": 0.001},
}
LESS_CONE = {"cone": "pyramidal"}
LESS_LAG = {"motor_lag_s": (0.001, 0.001), "damping": (1.0, 1.0)}
LESS_SLACK = {"slack_rad": (0.0, 0.0), "deadband_rad": 0.0}
LESS_SENSORS = {"encoder_bias_rad": 0.0, "encoder_noise_rad": 0.0}
LESS_FRICTION = {"joint_friction": 0.0}
RIG: dict[str, dict[str, Any]] = {
    "the rig": {},
    "without the elliptic cone": LESS_CONE,
    "without lag, training's damping": LESS_LAG,
    "without slack and deadband": LESS_SLACK,
    "without the sensors' errors": LESS_SENSORS,
    "without dry friction": LESS_FRICTION,
    "without any of these": {
        **LESS_CONE, **LESS_LAG, **LESS_SLACK, **LESS_SENSORS, **LESS_FRICTION,
    },
}  # fmt: skip


def rows(bundle: Bundle, trials: int, seed: int) -> Iterator[str]:
    """Yield the lines of the Markdown table as they are measured."""
    yield "| world | mean +- s.e. | median | " + " | ".join(COMPLETE) + " |"
    yield "|---|---|---|" + "---|" * len(COMPLETE)
    for kind, worlds in (("Training", TRAINING), ("Rig", RIG)):
        for name, changes in worlds.items():
            player = BENCH["Player"](bundle, seed)
            world = functools.partial(BENCH[kind], **changes)
            summary = summarize([player.trial(world, False, seed + n) for n in range(trials)])
            mean, ends = BENCH["cells"](summary)
            yield f"| {name} | {mean} | {summary['median']:g} | {ends} |"


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = Parser("sleight bench gap", description=__doc__.split("\n", 1)[0])
    parser.add_argument("bundle", type=Path, help="folder of the bundle")
    parser.add_argument("--trials", type=int, default=20, help="trials in each world")
    parser.add_argument("--seed", type=seed_of, default=0, help="seed of the first trial")
    args = parser.parse_args(argv)
    check_count("--trials", args.trials)
    for line in rows(load_bundle(args.bundle), args.trials, args.seed):
        print(line, flush=True)
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    print(f"\n{args.trials} trials each from seed {args.seed}, load average {load}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
