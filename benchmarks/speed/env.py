"""Throughput of `block`, compared with raw stepping of the same physics in one run.

    sleight bench env [--worlds 128 256] [--threads 2] [--steps 60] [--repetitions 5] [--everything]

Raw stepping replays a run of the environment: the same model, start states, controls, resets and
randomized fields, so that every world passes through the same states (checked bit by bit). Only
writing the controls and the stepping itself are timed. The environment is timed as a whole:
actions, physics, rewards, goals, resets, randomization, observations. All alternate step by step,
because the speed of a shared machine changes, and ratios are taken within a repetition.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import mujoco
import numpy as np
import torch
from mujoco.batch import Batch
from torch import Tensor

from sleight.config import load
from sleight.envs.config import EnvConfig
from sleight.envs.env import HandEnv
from sleight.envs.hands.shadow import SHADOW_RIGHT
from sleight.envs.make import make_env
from sleight.envs.object_cost import object_cost
from sleight.envs.object_cost import table as cost_table
from sleight.envs.randomization.table import BY_NAME, NAMES, PARAMETERS, PART_NAMES
from sleight.envs.sim.batch_sim import BatchSim
from sleight.files import write_json
from sleight.flags import Parser, check_count, output_file
from sleight.machine import usable_cores
from sleight.train.config import TrainConfig

CONFIG = Path(__file__).parents[2] / "configs" / "block_adr.yaml"
OBJECTS_LISTED = ("block", "egg", "pen", "face", "cube-locked", "cube", "cube-hinges")
EVERYTHING = tuple(name for name in NAMES if name not in PART_NAMES)
"""The parameters that any object has."""
WARM_UP = 20
"""Untimed steps at the start: first drops, first goals, warm caches."""
RAW = {
    "one pass": (False, mujoco.mjtStage.mjSTAGE_NONE),
    "kept": (True, mujoco.mjtStage.mjSTAGE_VEL),
}
"""The two fast forms of `mujoco.batch`: one MjData per thread, or one per world."""


@dataclass(frozen=True)
class Reset:
    """Values that the environment wrote to some worlds between two steps."""

    worlds: np.ndarray
    state: np.ndarray
    fields: dict[str, np.ndarray]


@dataclass(frozen=True)
class Recording:
    """T control steps of N worlds."""

    controls: list[np.ndarray]
    inputs: list[dict[str, np.ndarray]]
    """Other values written before each step, if any: forces, time steps."""
    resets: list[Reset]
    end: np.ndarray
    """(N, S) states after the last step."""


@dataclass(frozen=True)
class Result:
    """The results of one way of stepping, with one number per repetition."""

    name: str
    worlds: int
    rates: list[float]
    """Control steps per second, summed over worlds."""
    ratios: list[float]
    """Ratio to the faster raw form in the same repetition."""


def usual() -> tuple[str, ...]:
    """The parameters that configs/block_adr.yaml randomizes, and the curriculum parameters."""
    config = load(TrainConfig, CONFIG, [])
    return (*config.adr.step_sizes, *(row.name for row in PARAMETERS if row.curriculum))


def wide_ranges(
    names: Collection[str] | None = None, reach: float = 0.5
) -> dict[str, tuple[float, float]]:
    """Ranges of `names` (default: `usual()`): lambda up to `reach`, curriculum at its maximum."""
    ranges = {}
    for name in usual() if names is None else names:
        row = BY_NAME[name]
        if row.curriculum:
            ranges[row.name] = (row.limits[1], row.limits[1])
        else:
            ends = [float(row.value(np.array(x))) for x in (-reach * (not row.one_sided), reach)]
            ranges[row.name] = (min(ends), max(ends))
    return ranges


def record(env: HandEnv, actions: Sequence[Tensor], seed: int) -> Recording:
    """Run the environment and record what raw stepping needs for a replay."""
    sim = env.sim
    assert isinstance(sim, BatchSim)
    step, controls, inputs, resets = sim.step, [], [], []
    worlds, end = np.arange(env.num_envs), [np.empty(0)]

    def recorded(substeps: int) -> Tensor:
        # This step uses the present values of the fields.
        fields = {name: sim.field(name)[worlds].numpy().copy() for name in sim.fields()}
        resets.append(Reset(worlds, sim.batch.state[worlds], fields))
        controls.append(sim.state("ctrl").numpy().copy())
        inputs.append(_inputs(env))
        broken = step(substeps)
        end[:] = [sim.batch.state.copy()]
        return broken

    env.reset(seed=seed)
    vars(sim)["step"] = recorded
    for action in actions:
        _, _, terminated, truncated, _ = env.step(action)
        worlds = (terminated | truncated).nonzero().squeeze(-1).numpy()
    del vars(sim)["step"]
    return Recording(controls, inputs, resets, end[0])


def _inputs(env: HandEnv) -> dict[str, np.ndarray]:
    inputs = {}
    if env.disturbances.forces is not None:
        inputs["xfrc_applied"] = env.sim.state("xfrc_applied").numpy().copy()
    if env.disturbances.clock is not None:
        inputs["opt.timestep"] = env.sim.field("opt.timestep").numpy().copy()
    return inputs


def step_env(env: HandEnv, actions: Sequence[Tensor], seed: int) -> Iterator[float]:
    """Yield the duration of each step of the whole environment [s]."""
    env.reset(seed=seed)
    for action in actions:
        started = time.perf_counter()
        env.step(action)
        yield time.perf_counter() - started


def step_raw(env: HandEnv, recording: Recording, form: str) -> Iterator[float]:
    """Yield the duration of each raw step [s]. Raises RuntimeError when states differ."""
    assert isinstance(env.sim, BatchSim)
    persistent, stage = RAW[form]
    threads, substeps = env.sim.batch.nthread, env.config.control.substeps
    batch = Batch(env.sim.model, env.num_envs, nthread=threads, persistent=persistent)
    ctrl = batch.bind("ctrl")
    every = zip(recording.resets, recording.inputs, recording.controls, strict=True)
    for reset, inputs, control in every:
        _write(batch, reset, persistent)
        for name, rows in inputs.items():
            (batch.expand if name.startswith("opt.") else batch.bind)(name)[:] = rows
        started = time.perf_counter()
        ctrl[:] = control
        batch.step(nstep=substeps, stage=int(stage))
        yield time.perf_counter() - started
    if not np.array_equal(batch.state, recording.end):
        raise RuntimeError("raw stepping went through other states than the environment")


def race(env: HandEnv, recording: Recording, actions: Sequence[Tensor], seed: int) -> list[float]:
    """Control steps per second of each form of raw stepping and of the environment.

    They alternate step by step, so that changes of the machine's speed affect all of them. The
    order rotates, so that none always follows the same one.
    """
    runners = [step_raw(env, recording, form) for form in RAW]
    runners.append(step_env(env, actions, seed))
    seconds = [0.0] * len(runners)
    for number in range(len(actions)):
        for turn in range(len(runners)):
            at = (number + turn) % len(runners)
            taken = next(runners[at])
            seconds[at] += taken * (number >= WARM_UP)
    for runner in runners:
        if next(runner, None) is not None:  # At its end a raw runner compares the states.
            raise RuntimeError("the runners took different numbers of steps")
    return [env.num_envs * (len(actions) - WARM_UP) / total for total in seconds]


def _write(batch: Batch, reset: Reset, persistent: bool) -> None:
    if not len(reset.worlds):
        return
    for name, rows in reset.fields.items():
        batch.expand(name)[reset.worlds] = rows
    if reset.fields:
        batch.set_const(reset.worlds)
    batch.state[reset.worlds] = reset.state
    if persistent:
        batch.forward(reset.worlds, stage=int(mujoco.mjtStage.mjSTAGE_VEL))


def bench(
    config: EnvConfig | None = None,
    steps: int = 60,
    repetitions: int = 5,
    seed: int = 0,
    everything: bool = False,
) -> list[Result]:
    """Measure raw stepping and the environment: nominal, usual parameters, and all parameters."""
    config = config or EnvConfig()
    worlds = config.num_worlds
    actions = correlated_actions(worlds, WARM_UP + steps, seed)
    results: list[Result] = []
    cases = {"nominal": {}, "randomized": wide_ranges()}
    if everything:
        cases["everything"] = wide_ranges(EVERYTHING)
    for label, ranges in cases.items():
        env = make_env(replace(config, randomization=ranges), seed)
        recording = record(env, actions, seed)
        races = [race(env, recording, actions, seed) for _ in range(repetitions)]
        rates = dict(zip((*RAW, "env"), zip(*races, strict=True), strict=True))
        # The form with the higher median: the maximum of each repetition would mix both forms.
        fastest = max((rates[form] for form in RAW), key=statistics.median)
        for name, form_rates in rates.items():
            ratios = [rate / best for rate, best in zip(form_rates, fastest, strict=True)]
            title = "environment" if name == "env" else f"raw, {name}"
            results.append(Result(f"{title}, {label}", worlds, list(form_rates), ratios))
    return results


def table(results: Sequence[Result], period_s: float = EnvConfig().period_s) -> str:
    """The results as text: medians over repetitions, and the spread of the ratio."""
    head = f"{'':<26} {'worlds':>6} {'steps/s':>9} {'hand s/s':>9} {'of raw':>7}"
    lines = [f"{head}  (lowest, highest)"]
    for row in results:
        rate, ratio = statistics.median(row.rates), statistics.median(row.ratios)
        lines.append(
            f"{row.name:<26} {row.worlds:>6} {rate:>9,.0f} {rate * period_s:>9.0f} {ratio:>7.3f}"
            f"  ({min(row.ratios):.3f}, {max(row.ratios):.3f})"
        )
    return "\n".join(lines)


def correlated_actions(num_worlds: int, steps: int, seed: int) -> list[Tensor]:
    """T correlated random actions (N, A), so that fingers move, turn blocks and drop them."""
    rng = torch.Generator().manual_seed(seed)
    size = len(SHADOW_RIGHT.actuators)
    actions = [torch.zeros(num_worlds, size)]
    for _ in range(steps):
        noise = torch.randn(num_worlds, size, generator=rng)
        actions.append((0.8 * actions[-1] + 0.4 * noise).clamp(-1.0, 1.0))
    return actions[1:]


def circumstances(threads: int) -> str:
    """The conditions of the measurement: threads, load, versions."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg()) if hasattr(os, "getloadavg") else "?"
    return (
        f"{threads or usable_cores()} threads on {usable_cores()} cores, load average {load},"
        f" MuJoCo {mujoco.__version__}, commit {described.stdout.strip() or 'unknown'}"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = Parser("sleight bench env", description=__doc__.split("\n", 1)[0])
    parser.add_argument(
        "--worlds", type=int, nargs="+", default=[128, 256], help="numbers of worlds, one or more"
    )
    parser.add_argument(
        "--threads",
        type=int,
        default=0,
        help="threads of the simulation; 0: all cores of this process",
    )
    parser.add_argument("--steps", type=int, default=60, help="timed steps, after the warm-up")
    parser.add_argument(
        "--repetitions", type=int, default=5, help="repetitions; the median is reported"
    )
    parser.add_argument(
        "--objects", nargs="*", default=OBJECTS_LISTED, help="objects whose physics is timed alone"
    )
    parser.add_argument("--everything", action="store_true", help="also randomize every parameter")
    parser.add_argument("--json", type=output_file, help="also write the results to this JSON file")
    args = parser.parse_args(argv)
    for count in (*args.worlds, args.steps, args.repetitions):
        check_count("--worlds, --steps, --repetitions", count)
    before = circumstances(args.threads)
    print(f"before: {before}", flush=True)
    results: list[Result] = []
    for worlds in args.worlds:
        config = EnvConfig(num_worlds=worlds, threads=args.threads)
        results += bench(config, args.steps, args.repetitions, everything=args.everything)
    costs = [object_cost(name) for name in args.objects]
    after = circumstances(args.threads)
    print(f"after:  {after}\n\n{table(results)}")
    print(f"\nphysics alone, one thread, processor time\n\n{cost_table(costs)}")
    if args.json:
        found = {"before": before, "after": after, "results": results, "objects": costs}
        write_json(args.json, found)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
