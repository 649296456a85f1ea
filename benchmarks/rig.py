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
import sys
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import torch

from sleight.contract.bundle import Bundle, load_bundle
from sleight.contract.manifest import TaskEntry
from sleight.contract.quaternions import canonical, random_rotation
from sleight.deploy.hand.gate import GateConfig, SafetyGate
from sleight.deploy.runtime.loop_timing import spread_ms
from sleight.deploy.runtime.policy_runner import OnnxPolicy, Sensors
from sleight.deploy.runtime.stage import StageConfig
from sleight.deploy.runtime.task_judge import TaskJudge, with_options
from sleight.deploy.runtime.trial import COMPLETE, Trial, summarize
from sleight.deploy.sim.plant import PLACE_HEIGHT_M
from sleight.deploy.sim.plant_config import PlantConfig
from sleight.deploy.sim.simulated_body import Body
from sleight.envs.hands.shadow import SHADOW_RIGHT as HAND
from sleight.envs.objects.object_spec import object_of
from sleight.envs.sim.model import build_model
from sleight.envs.sim.model_config import OBJECT, ModelConfig
from sleight.errors import ConfigError
from sleight.flags import Parser, check_count, seed_of
from sleight.train.export.bundle_export import policy_graph, rig_law
from sleight.train.runs.saved_run import load_run

TIMED_STEPS = 500
WARM_UP = 20
"""Warm-up steps that are not counted."""

Look = tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]
Step = Callable[[dict[str, np.ndarray]], np.ndarray]
"""Inputs of a graph -> target (A,)."""


def seen_pose(position: np.ndarray, wxyz: np.ndarray, joints: np.ndarray) -> dict[str, np.ndarray]:
    """A pose with the names of a bundle."""
    pose = {"object_position": position, "object_wxyz": canonical(wxyz)}
    return {**pose, "object_joints": joints} if joints.size else pose


class World(ABC):
    """A hand with an object, stepped one control period at a time."""

    @abstractmethod
    def place(self) -> None:
        """Release the object above the palm in a random orientation."""

    @abstractmethod
    def tick(self, target: np.ndarray) -> None:
        """Step one control period with the target `target` (A,) [rad]."""

    @abstractmethod
    def look(self) -> Look:
        """Joint angles and velocities (J,), and the object's pose with the names of a bundle."""


class Training(World):
    """The nominal physics of training, without randomization."""

    def __init__(self, task: TaskEntry, period_s: float, seed: int, **changes: Any) -> None:
        held = {"object": task.object, "object_size_m": task.object_size_m}
        model = build_model(ModelConfig(**held, **changes))
        self._model, self._data = model, mujoco.MjData(model)
        self._substeps = round(period_s / model.opt.timestep)
        self._rng = np.random.default_rng(seed)
        joints = [model.joint(name) for name in HAND.joints]
        self._qpos = np.array([joint.qposadr[0] for joint in joints])
        self._qvel = np.array([joint.dofadr[0] for joint in joints])
        self._motors = np.array([model.actuator(name).id for name in HAND.actuators])
        self._object = self._data.joint(OBJECT)
        inner = object_of(ModelConfig(object=task.object)).joint_names(OBJECT)
        self._inner = np.array([model.joint(name).qposadr[0] for name in inner], dtype=np.int64)
        self._data.qpos[self._qpos] = HAND.joint_target(HAND.home)

    def place(self) -> None:
        """See `World`."""
        self._object.qpos[:] = np.array(
            [*HAND.palm_centre_m, PLACE_HEIGHT_M, *random_rotation(self._rng)]
        )
        self._object.qvel[:] = 0.0

    def tick(self, target: np.ndarray) -> None:
        """See `World`."""
        self._data.ctrl[self._motors] = target
        mujoco.mj_step(self._model, self._data, self._substeps)

    def look(self) -> Look:
        """See `World`."""
        pose = self._object.qpos.copy()
        named_pose = seen_pose(pose[:3], pose[3:], self._data.qpos[self._inner])
        return self._data.qpos[self._qpos], self._data.qvel[self._qvel], named_pose


class Rig(World):
    """The hand of `sleight rig sim --seed SEED`, without real time."""

    def __init__(self, task: TaskEntry, period_s: float, seed: int, **changes: Any) -> None:
        held = {"object": task.object, "object_size_m": task.object_size_m}
        config = PlantConfig(**held, **changes)
        self._body = Body(HAND, config, seed)
        self._period_s, self._substeps = period_s, round(period_s / config.timestep_s)

    def place(self) -> None:
        """See `World`."""
        self._body.place()

    def tick(self, target: np.ndarray) -> None:
        """See `World`."""
        self._body.motors.move(target, self._period_s)
        for _ in range(self._substeps):
            self._body.step()

    def look(self) -> Look:
        """See `World`."""
        sensors, plant = self._body.encoders, self._body.plant
        named_pose = seen_pose(plant.object_position, plant.object_wxyz, plant.object_joints)
        return sensors.position, sensors.velocity, named_pose

    def home(self) -> None:
        """Move the hand home after a trial, as `sleight rig run` does."""
        for _ in range(round(StageConfig().home_s / self._period_s)):
            self.tick(HAND.home)


ROWS: dict[str, tuple[type[Training | Rig], bool]] = {
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
        self.policy = OnnxPolicy(bundle, seed)
        self.bundle = bundle
        self.task, self.period_s = bundle.manifest.task, bundle.manifest.control.period_s
        self.shown: list[Sensors] = []
        self.hits: Counter[str] = Counter()

    def trial(self, kind: Callable[..., World], gated: bool, seed: int) -> Trial:
        """Run one trial, from the home pose with the object at rest in the palm."""
        world = kind(self.task, self.period_s, seed)
        gate = SafetyGate(HAND, GateConfig(), self.period_s) if gated else None
        judge = TaskJudge(self.bundle, seed)
        self._settle(world, judge)
        self.policy.reset()
        trial = Trial(self.task, judge)
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
            trial.advance(pose, self.period_s)
        return trial

    def _settle(self, world: World, judge: TaskJudge) -> None:
        stage = StageConfig()
        for _ in range(stage.place_tries):
            world.place()
            for _ in range(round(stage.settle_s / self.period_s)):
                world.tick(HAND.home)
            if not judge.lost(world.look()[2]):
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
