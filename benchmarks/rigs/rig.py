"""Successes of a bundle on the simulated rig's physics, without real time, and policy step times.

    sleight bench rig BUNDLE [--trials 20] [--seed 0] [--run RUN]

Trials follow the papers: consecutive successes until a drop, a timeout or the maximum, with the
goals of the bundle's task or easier ones. The policy runs in ONNX Runtime, as on a robot, on
training's nominal physics without noise, on the rig's physics, and on the rig behind the safety
gate. Trial n has the same seed in each; on the rig, each trial has a different hand. `sleight rig
run` adds real time: states that are some milliseconds old, and late turns.

The time of a step is measured on the inputs of the first trials, for ONNX Runtime and torch
alternately, with one thread each; torch runs the checkpoint of RUN or the one in the bundle.
"""

from __future__ import annotations

import os
import runpy
import sys
import time
from collections import Counter
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import torch

from sleight.contract.bundle import Bundle, load_bundle
from sleight.deploy.hand.gate import GateConfig, SafetyGate
from sleight.deploy.runtime.loop_timing import spread_ms
from sleight.deploy.runtime.policy_runner import OnnxPolicy, Sensors
from sleight.deploy.runtime.stage import StageConfig
from sleight.deploy.runtime.task_judge import TaskJudge, with_options
from sleight.deploy.runtime.trial import COMPLETE, Trial, summarize
from sleight.envs.cube.face_tracker import AnglesLost
from sleight.envs.hands.shadow import SHADOW_RIGHT as HAND
from sleight.errors import BundleError, ConfigError
from sleight.flags import Parser, check_count, seed_of
from sleight.train.export.bundle_export import policy_graph, rig_law
from sleight.train.runs.saved_run import load_run

TIMED_STEPS = 500
WARM_UP = 20
"""Warm-up steps that are not counted."""

Step = Callable[[dict[str, np.ndarray]], np.ndarray]
"""Inputs of a graph -> target (A,)."""

WORLDS = runpy.run_path(str(Path(__file__).with_name("_rig_worlds.py")))
Training, Rig = WORLDS["Training"], WORLDS["Rig"]
ROWS: dict[str, tuple[type, bool]] = {
    "training's physics": (Training, False),
    "the rig's physics": (Rig, False),
    "the rig's, behind the gate": (Rig, True),
}
"""Name -> world, and whether it is behind the safety gate."""


class Watched(OnnxPolicy):
    """A policy that stores the inputs of its last step."""

    def inputs(self, sensors: Sensors) -> dict[str, np.ndarray]:
        """See `OnnxPolicy`."""
        self.fed = super().inputs(sensors)
        return self.fed


class Player:
    """A bundle's policy, and a record of its inputs."""

    def __init__(self, bundle: Bundle, seed: int) -> None:
        """Raises BundleError for a policy that reads pictures: nothing is rendered here."""
        if bundle.manifest.images is not None:
            raise BundleError(
                f"{bundle.folder}: got a policy that reads pictures, allowed: one that reads poses"
            )
        self.policy = OnnxPolicy(bundle, seed)
        self.bundle = bundle
        self.task, self.period_s = bundle.manifest.task, bundle.manifest.control.period_s
        self.shown: list[Sensors] = []
        self.hits: Counter[str] = Counter()

    def trial(self, kind: Callable[..., Any], gated: bool, seed: int) -> Trial:
        """Run one trial, from the home pose with the object at rest in the palm."""
        world = kind(self.task, self.period_s, seed)
        gate = SafetyGate(HAND, GateConfig(), self.period_s) if gated else None
        judge = world.judge(self.bundle, seed)
        self._settle(world, judge)
        self.policy.reset()
        trial = Trial(judge.entry, judge)
        joints, velocity, pose = world.look()
        trial.begin(pose)
        last = HAND.home
        if gate:
            gate.connect()
            gate.arm(last, 0.0)
        while trial.ending is None:
            sensors = Sensors(joints, velocity, last, pose, trial.goal.parts)
            self.shown.append(sensors)
            last = self._send(gate, self.policy.step(sensors).target, joints, trial.duration_s)
            world.tick(last)
            joints, velocity, pose = world.look()
            try:
                trial.advance(pose, self.period_s)
            except AnglesLost as error:
                trial.cut(str(error))
        return trial

    def _settle(self, world: Any, judge: TaskJudge) -> None:
        stage = StageConfig()
        for _ in range(stage.place_tries):
            world.place()
            for _ in range(round(stage.settle_s / self.period_s)):
                world.tick(HAND.home)
            if not judge.lost(world.look()[2]):
                while not judge.ready(world.look()[2]):
                    world.tick(HAND.home)
                return

    def _send(
        self, gate: SafetyGate | None, target: np.ndarray, joints: np.ndarray, elapsed_s: float
    ) -> np.ndarray:
        """The target (A,) that reaches the motors."""
        if gate is None:
            return np.clip(target, HAND.lower, HAND.upper)
        now_s = elapsed_s + self.period_s
        admitted = gate.admit(target, joints, now_s)
        gate.sent(admitted.target, now_s)
        self.hits.update(gate.names(admitted.hits))
        return admitted.target


def cells(summary: dict[str, Any]) -> tuple[str, str]:
    """Markdown cells of a result of `summarize`: mean with its error, and counts of endings."""
    error = summary["standard_error"]
    mean = f"{summary['mean']:.1f}" + ("" if error is None else f" +- {error:.1f}")
    return mean, " | ".join(str(summary["endings"].count(end)) for end in COMPLETE)


def with_goals(bundle: Bundle, flip_share: float | None, max_angle_rad: float | None) -> Bundle:
    """The bundle with the given options of its goals; None: unchanged. Raises ConfigError."""
    options = {"flip_share": flip_share, "max_angle_rad": max_angle_rad}
    changes = {name: value for name, value in options.items() if value is not None}
    return with_options(bundle, changes, "sleight bench rig")


def goals_of(bundle: Bundle) -> dict[str, float]:
    """Option of the task's goals -> its value."""
    return {name: option.value for name, option in bundle.manifest.task.options.items()}


def successes(bundle: Bundle, trials: int, seed: int) -> tuple[list[str], list[Sensors]]:
    """The rows of the table of successes, and the first inputs of the policy."""
    lines = [f"{'':27}  mean +- s.e.    median  max  dropped  timeout  maximum  gate hits/turn"]
    shown: list[Sensors] = []
    for name, (kind, gated) in ROWS.items():
        player = Player(bundle, seed)
        done = []
        for number in range(trials):
            done.append(player.trial(kind, gated, seed + number))
            sys.stderr.write(f"{name}: {number + 1} of {trials}: {done[-1].successes}\n")
        summary = summarize(done)
        error = summary["standard_error"]
        spread = "" if error is None else f"+- {error:5.2f}"
        ends = "".join(f"{summary['endings'].count(end):9}" for end in COMPLETE)
        changes = f"{player.hits.total() / len(player.shown):.3f}" if gated else "-"
        lines.append(
            f"{name:27}  {summary['mean']:5.2f} {spread:8}  {summary['median']:6g}"
            f"  {summary['max']:3}{ends}  {changes:>14}"
        )
        shown = shown or player.shown[: WARM_UP + TIMED_STEPS]
    return lines, shown


def torch_step(run: Path, bundle: Bundle) -> Step:
    """The policy of a run as a torch function. Raises CheckpointError, ConfigError."""
    config, saved = load_run(run)
    inputs = tuple(tensor.name for tensor in bundle.manifest.inputs)
    law = rig_law(config.env, str(run))
    graph = policy_graph(config, saved, law, str(run), stochastic="noise" in inputs).eval()
    if graph.inputs != inputs:
        raise ConfigError(f"--run: got {run}, which reads {graph.inputs}, allowed: {inputs}")

    def step(feed: dict[str, np.ndarray]) -> np.ndarray:
        with torch.inference_mode():
            values = [torch.from_numpy(value) for value in feed.values()]
            return graph(*values)[0].numpy()[0]

    return step


def timing(bundle: Bundle, shown: list[Sensors], in_torch: Step | None) -> list[str]:
    """The table of step times; both engines get the same inputs and memories."""
    torch.set_num_threads(1)
    policy = Watched(bundle)
    took: dict[str, list[float]] = {"ONNX Runtime": [], "torch": []}
    apart = 0.0
    for sensors in shown:
        started = time.perf_counter()
        target = policy.step(sensors).target
        took["ONNX Runtime"].append(time.perf_counter() - started)
        if in_torch:
            started = time.perf_counter()
            same = in_torch(policy.fed)
            took["torch"].append(time.perf_counter() - started)
            apart = max(apart, float(np.abs(same - target).max()))
    lines = [f"{'policy step, ms':27}  {'p50':>6} {'p99':>6} {'max':>6}  of {len(shown) - WARM_UP}"]
    for name, durations in took.items():
        if spread := spread_ms(durations[WARM_UP:]):
            figures = " ".join(f"{spread[key]:6.2f}" for key in ("p50", "p99", "max"))
            lines.append(f"{name + ', one thread':27}  {figures}")
    lines.append(
        f"targets differ by at most {apart:.1e} rad"
        if in_torch
        else "torch: no checkpoint in the bundle; set one with --run"
    )
    return lines


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = Parser("sleight bench rig", description=__doc__.split("\n", 1)[0])
    parser.add_argument("bundle", type=Path, help="folder of the bundle")
    parser.add_argument("--trials", type=int, default=20, help="trials in each kind of world")
    parser.add_argument("--seed", type=seed_of, default=0, help="seed of the first trial")
    parser.add_argument(
        "--flip_share", type=float, help="fraction of goals that flip (default: the bundle's)"
    )
    parser.add_argument(
        "--max_angle_rad",
        type=float,
        help="largest angle of other goals [rad] (default: the bundle's)",
    )
    parser.add_argument("--run", type=Path, help="run or checkpoint for torch")
    args = parser.parse_args(argv)
    check_count("--trials", args.trials)
    bundle = with_goals(load_bundle(args.bundle), args.flip_share, args.max_angle_rad)
    beside = args.bundle / "checkpoint"
    run = args.run or (beside if beside.is_dir() else None)
    in_torch = torch_step(run, bundle) if run else None
    lines, shown = successes(bundle, args.trials, args.seed)
    lines += ["", *timing(bundle, shown, in_torch)]
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    print("\n".join(lines))
    print(
        f"{args.trials} trials each from seed {args.seed}, {goals_of(bundle)},"
        f" load average {load}, MuJoCo {mujoco.__version__},"
        f" ONNX Runtime {version('onnxruntime')}, torch {torch.__version__}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
