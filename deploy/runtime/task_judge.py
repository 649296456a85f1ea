"""The goal law of a bundle's task on a rig: distance to a goal, success, and the next goal.

It runs the graph that training exported with the policy, so goals follow the law of training.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ...contract.bundle import Bundle
from ...contract.manifest import OptionEntry
from ...contract.onnx_session import check_tensors, open_session
from ...contract.pose_entry import Shapes
from ...envs.cube.hand_goals import HandTrial
from ...errors import ConfigError, nearest

Pose = Mapping[str, np.ndarray]
"""object_position (3,) m, object_wxyz (4,), and object_joints if the object has joints."""
Goal = dict[str, np.ndarray]
"""Name -> part of a goal, such as goal_wxyz (4,)."""

_FLOAT = "tensor(float)"


@dataclass(frozen=True)
class Judgement:
    """The judgement of one object pose."""

    distance: float
    """Distance to the goal, in the task's unit."""
    reached: bool
    dropped: bool
    replaced: str = ""
    """Why another goal is to be set although this one is not reached; empty if it stays."""


class TaskJudge:
    """Judges poses and draws goals from a seed, so that runs are comparable."""

    def __init__(self, bundle: Bundle, seed: int) -> None:
        """Raises BundleError when graph and manifest differ."""
        self.entry = entry = bundle.manifest.task
        self._rng = np.random.default_rng(seed)
        self._session = open_session(bundle.task_graph)
        self._options = {
            name: np.array([[option.value]], np.float32) for name, option in entry.options.items()
        }
        self._goals = {goal.name: goal.shape for goal in entry.goals}
        self._names = ["distance", "reached", "dropped", *(f"next_{n}" for n in self._goals)]
        self._check(bundle)

    def judge(self, pose: Pose, goal: Goal) -> Judgement:
        """Judge the object at `pose` against `goal`."""
        values = self._run(pose, goal, self._zeros())
        distance, reached, dropped = (float(values[n][0]) for n in self._names[:3])
        return Judgement(distance, bool(reached), bool(dropped))

    def advance(self, pose: Pose, goal: Goal) -> Judgement:
        """Judge a turn of a trial. Raises AnglesLost."""
        return self.judge(pose, goal)

    def ready(self, pose: Pose) -> bool:
        """Whether a trial can begin; else this is asked again at the next turn."""
        return True

    def begin(self, pose: Pose) -> HandTrial | None:
        """Begin a trial; returns the plan that its goals follow, None where they are drawn.

        Raises DataError.
        """
        return None

    def lost(self, pose: Pose) -> bool:
        """Whether the object was dropped, before a trial; needs no goal. Raises DataError."""
        return self.judge(pose, self._nowhere()).dropped

    def next(self, pose: Pose) -> Goal:
        """A new goal for the object at `pose`."""
        uniform = self._rng.random((1, self.entry.uniforms))
        normal = self._rng.standard_normal((1, self.entry.normals))
        values = self._run(pose, self._nowhere(), (uniform, normal))
        return {name: values[f"next_{name}"][0].astype(np.float64) for name in self._goals}

    def _nowhere(self) -> Goal:
        return {name: np.full(shape[1:], 0.5) for name, shape in self._goals.items()}

    def _zeros(self) -> tuple[np.ndarray, np.ndarray]:
        return np.full((1, self.entry.uniforms), 0.5), np.full((1, self.entry.normals), 0.5)

    def _run(
        self, pose: Pose, goal: Goal, numbers: tuple[np.ndarray, np.ndarray]
    ) -> dict[str, np.ndarray]:
        feed = {name: np.asarray(v, np.float32)[None] for name, v in {**pose, **goal}.items()}
        uniform, normal = (value.astype(np.float32) for value in numbers)
        feed |= {**self._options, "uniform": uniform, "normal": normal}
        inputs = {name: feed[name] for name in self._inputs}
        return dict(zip(self._names, self._session.run(self._names, inputs), strict=True))

    def _check(self, bundle: Bundle) -> None:
        entry, graph = self.entry, bundle.task_graph
        pose: Shapes = {"object_position": ((1, 3), _FLOAT), "object_wxyz": ((1, 4), _FLOAT)}
        if entry.object_joints:
            pose["object_joints"] = ((1, len(entry.object_joints)), _FLOAT)
        goals: Shapes = {name: (shape, _FLOAT) for name, shape in self._goals.items()}
        inputs: Shapes = {
            **pose,
            **goals,
            **dict.fromkeys(entry.options, ((1, 1), _FLOAT)),
            "uniform": ((1, entry.uniforms), _FLOAT),
            "normal": ((1, entry.normals), _FLOAT),
        }
        # The exporter omits inputs that the law does not use.
        nodes = self._session.get_inputs()
        self._inputs = [node.name for node in nodes]
        used = {name: shape for name, shape in inputs.items() if name in self._inputs}
        check_tensors(graph, "inputs", nodes, used)
        outputs: Shapes = dict.fromkeys(self._names[:3], ((1,), _FLOAT))
        outputs |= {f"next_{name}": shape for name, shape in goals.items()}
        check_tensors(graph, "outputs", self._session.get_outputs(), outputs)


def with_options(bundle: Bundle, changes: Mapping[str, float], source: str) -> Bundle:
    """The bundle with changed options of its task. Raises ConfigError."""
    task = bundle.manifest.task
    options: dict[str, OptionEntry] = dict(task.options)
    for name, value in changes.items():
        if name not in options:
            raise ConfigError(f"{source}: {name}: unknown option, {nearest(name, options)}")
        try:
            options[name] = replace(options[name], value=value)
        except ConfigError as error:
            raise ConfigError(f"{source}: {name}: {str(error).removeprefix('value: ')}") from error
    task = replace(task, options=options)
    return replace(bundle, manifest=replace(bundle.manifest, task=task))
