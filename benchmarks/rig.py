"""A bundle on the simulated rig's physics, faster than real time, and what a policy step costs.

    sleight bench rig BUNDLE [--trials 20] [--seed 0] [--run RUN]

Trials are the papers': successes in a row until a drop, a timeout or the maximum, with the goals of
the bundle's task or easier ones. The same policy, on ONNX Runtime as on a robot, drives training's
nominal physics without noise, the rig's physics, and these behind the safety gate. Trial n has the
same seed in each; on the rig it is a hand of its own. What `sleight rig run` adds is real time:
states that are some milliseconds old, turns that may be late.

The time of a step is taken on what the policy saw in the first trials, ONNX Runtime and torch in
turn, one thread each; torch runs the checkpoint of RUN, or the one beside the bundle.
"""

from __future__ import annotations

import os
import sys
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import onnxruntime
import torch

from sleight.contract.bundle import Bundle, TaskEntry, load_bundle
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
from sleight.envs.sim.model import build_model
from sleight.envs.sim.model_config import OBJECT, ModelConfig
from sleight.errors import ConfigError
from sleight.flags import Parser, check_count, seed_of
from sleight.train.export.bundle_export import policy_graph, rig_law
from sleight.train.runs.saved_run import load_run

TIMED_STEPS = 500
WARM_UP = 20
"""Timed steps that do not count."""

Look = tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]
Step = Callable[[dict[str, np.ndarray]], np.ndarray]
"""What a graph is fed -> target (A,)."""


def seen_pose(position: np.ndarray, wxyz: np.ndarray) -> dict[str, np.ndarray]:
    """A pose by the names of a bundle."""
    return {"object_position": position, "object_wxyz": canonical(wxyz)}


class World(ABC):
    """A hand with an object, stepped one control period at a time."""

    @abstractmethod
    def place(self) -> None:
        """Let the object go above the palm, in a random orientation."""

    @abstractmethod
    def tick(self, target: np.ndarray) -> None:
        """One period towards `target` (A,) rad."""

    @abstractmethod
    def look(self) -> Look:
        """Joint angles and velocities (J,), and the object's pose by the names of a bundle."""


class Training(World):
    """The physics that policies are trained in, nothing of it randomized."""

    def __init__(self, task: TaskEntry, period_s: float, seed: int, **changes: Any) -> None:
        model = build_model(ModelConfig(object_size_m=task.object_size_m, **changes))
        self._model, self._data = model, mujoco.MjData(model)
        self._substeps = round(period_s / model.opt.timestep)
        self._rng = np.random.default_rng(seed)
        joints = [model.joint(name) for name in HAND.joints]
        self._qpos = np.array([joint.qposadr[0] for joint in joints])
        self._qvel = np.array([joint.dofadr[0] for joint in joints])
        self._motors = np.array([model.actuator(name).id for name in HAND.actuators])
        self._object = self._data.joint(OBJECT)
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
        seen = seen_pose(pose[:3], pose[3:])
        return self._data.qpos[self._qpos], self._data.qvel[self._qvel], seen


class Rig(World):
    """The hand that `sleight rig sim --seed SEED` is, without its clock."""

    def __init__(self, task: TaskEntry, period_s: float, seed: int, **changes: Any) -> None:
        config = PlantConfig(object_size_m=task.object_size_m, **changes)
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
        seen = seen_pose(plant.object_position, plant.object_wxyz)
        return sensors.position, sensors.velocity, seen

    def home(self) -> None:
        """Open the hand after a trial, as `sleight rig run` does before the next one."""
        for _ in range(round(StageConfig().home_s / self._period_s)):
            self.tick(HAND.home)


ROWS: dict[str, tuple[type[Training | Rig], bool]] = {
    "training's physics": (Training, False),
    "the rig's physics": (Rig, False),
    "the rig's, behind the gate": (Rig, True),
}
"""Name -> world, and whether the gate stands before it."""


class Watched(OnnxPolicy):
    """A policy that keeps what its graph was fed at the last step."""

    def inputs(self, sensors: Sensors) -> dict[str, np.ndarray]:
        """See `OnnxPolicy`."""
        self.fed = super().inputs(sensors)
        return self.fed


class Player:
    """A bundle's policy, and what it was shown."""

    def __init__(self, bundle: Bundle, seed: int) -> None:
        self.policy = OnnxPolicy(bundle, seed)
        self.bundle = bundle
        self.task, self.period_s = bundle.manifest.task, bundle.manifest.control.period_s
        self.shown: list[Sensors] = []
        self.hits: Counter[str] = Counter()

    def trial(self, kind: Callable[..., World], gated: bool, seed: int) -> Trial:
        """One trial, from home with the object at rest in the palm."""
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
            seen = Sensors(joints, velocity, last, pose, trial.goal.parts)
            self.shown.append(seen)
            last = self._send(gate, self.policy.step(seen).target, joints, trial.duration_s)
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
        """What reaches the motors, (A,)."""
        if gate is None:
            return np.clip(target, HAND.lower, HAND.upper)
        now_s = elapsed_s + self.period_s
        admitted = gate.admit(target, joints, now_s)
        gate.sent(admitted.target, now_s)
        self.hits.update(gate.names(admitted.hits))
        return admitted.target


def cells(found: dict[str, Any]) -> tuple[str, str]:
    """Of what `summarize` found, for Markdown: the mean with its error, and how trials ended."""
    error = found["standard_error"]
    mean = f"{found['mean']:.1f}" + ("" if error is None else f" +- {error:.1f}")
    return mean, " | ".join(str(found["endings"].count(end)) for end in COMPLETE)


def with_goals(bundle: Bundle, flip_share: float | None, max_angle_rad: float | None) -> Bundle:
    """The bundle with easier goals, where they are asked for. Raises ConfigError."""
    asked = {"flip_share": flip_share, "max_angle_rad": max_angle_rad}
    changes = {name: value for name, value in asked.items() if value is not None}
    return with_options(bundle, changes, "sleight bench rig")


def goals_of(bundle: Bundle) -> dict[str, float]:
    """Option of the task's goals -> its value."""
    return {name: option.value for name, option in bundle.manifest.task.options.items()}


def successes(bundle: Bundle, trials: int, seed: int) -> tuple[list[str], list[Sensors]]:
    """The table of successes, row by row, and what the policy saw first."""
    lines = [f"{'':27}  mean +- s.e.    median  max  dropped  timeout  maximum  gate hits/turn"]
    shown: list[Sensors] = []
    for name, (kind, gated) in ROWS.items():
        player = Player(bundle, seed)
        done = []
        for number in range(trials):
            done.append(player.trial(kind, gated, seed + number))
            sys.stderr.write(f"{name}: {number + 1} of {trials}: {done[-1].successes}\n")
        found = summarize(done)
        error = found["standard_error"]
        spread = "" if error is None else f"+- {error:5.2f}"
        ends = "".join(f"{found['endings'].count(end):9}" for end in COMPLETE)
        changes = f"{player.hits.total() / len(player.shown):.3f}" if gated else "-"
        lines.append(
            f"{name:27}  {found['mean']:5.2f} {spread:8}  {found['median']:6g}"
            f"  {found['max']:3}{ends}  {changes:>14}"
        )
        shown = shown or player.shown[: WARM_UP + TIMED_STEPS]
    return lines, shown


def torch_step(run: Path, bundle: Bundle) -> Step:
    """The policy of a run in torch. Raises CheckpointError, ConfigError."""
    config, found = load_run(run)
    inputs = tuple(tensor.name for tensor in bundle.manifest.inputs)
    law = rig_law(config.env, str(run))
    graph = policy_graph(config, found, law, str(run), stochastic="noise" in inputs).eval()
    if graph.inputs != inputs:
        raise ConfigError(f"--run: got {run}, which reads {graph.inputs}, allowed: {inputs}")

    def step(feed: dict[str, np.ndarray]) -> np.ndarray:
        with torch.inference_mode():
            values = [torch.from_numpy(value) for value in feed.values()]
            return graph(*values)[0].numpy()[0]

    return step


def timing(bundle: Bundle, shown: list[Sensors], in_torch: Step | None) -> list[str]:
    """The table of step times; both engines get the same inputs and the same memory."""
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
        else "torch: no checkpoint beside the bundle; --run names one"
    )
    return lines


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = Parser("sleight bench rig", description=__doc__.split("\n", 1)[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--trials", type=int, default=20, help="in each kind of world")
    parser.add_argument("--seed", type=seed_of, default=0, help="of the first trial")
    parser.add_argument("--flip_share", type=float, help="of the goals; by default the bundle's")
    parser.add_argument("--max_angle_rad", type=float, help="of a goal that is no flip; likewise")
    parser.add_argument("--run", type=Path, help="run or checkpoint that torch steps")
    asked = parser.parse_args(argv)
    check_count("--trials", asked.trials)
    bundle = with_goals(load_bundle(asked.bundle), asked.flip_share, asked.max_angle_rad)
    beside = asked.bundle / "checkpoint"
    run = asked.run or (beside if beside.is_dir() else None)
    in_torch = torch_step(run, bundle) if run else None
    lines, shown = successes(bundle, asked.trials, asked.seed)
    lines += ["", *timing(bundle, shown, in_torch)]
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    print("\n".join(lines))
    print(
        f"{asked.trials} trials each from seed {asked.seed}, {goals_of(bundle)},"
        f" load average {load}, MuJoCo {mujoco.__version__},"
        f" ONNX Runtime {onnxruntime.__version__}, torch {torch.__version__}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
