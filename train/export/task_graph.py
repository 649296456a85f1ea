"""The goal law of a task as one ONNX graph, so that a rig needs no code of the task."""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from torch import Tensor, nn

from ...envs.mdp.observations import Sensors
from ...envs.tasks.goal_law import GoalLaw
from .onnx_export import export_graph

RESULTS = ("distance", "reached", "dropped")


class TaskGraph(nn.Module):
    """From pose, goal, options and random numbers to distance, reached, dropped and next goal."""

    def __init__(self, law: GoalLaw, joints: int) -> None:
        """joints: inner joints of the object."""
        super().__init__()
        self.law = copy.copy(law)
        self.pose = {"object_position": 3, "object_wxyz": 4, "object_joints": joints}
        self.pose = {name: size for name, size in self.pose.items() if size}
        self.inputs = (*self.pose, *law.goals, *law.options, "uniform", "normal")
        self.outputs = (*RESULTS, *(f"next_{name}" for name in law.goals))

    def forward(self, *values: Tensor) -> tuple[Tensor, ...]:
        """Inputs in the order of `inputs`, each (1, size) -> outputs in the order of `outputs`."""
        inputs = dict(zip(self.inputs, values, strict=True))
        pose: Sensors = {name: inputs[name] for name in self.pose}
        goal = {name: inputs[name] for name in self.law.goals}
        self.law.options = {name: inputs[name].squeeze(-1) for name in self.law.options}
        distance = self.law.distance(pose, goal)
        largest = self.law.options["max_angle_rad"]
        drawn = self.law.draw(self.law.prepare(pose), largest, inputs["uniform"], inputs["normal"])
        judged = (distance, self.law.reached(distance).float(), self.law.dropped(pose).float())
        return (*judged, *(drawn[name] for name in self.law.goals))


def write_task_graph(law: GoalLaw, joints: int, path: Path) -> None:
    """Export atomically."""
    graph = TaskGraph(law, joints)
    sizes = {
        **graph.pose,
        **law.goals,
        **dict.fromkeys(law.options, 1),
        "uniform": law.uniforms,
        "normal": law.normals,
    }
    # Any orientation except the identity, where the logarithm is a special case.
    example = [torch.full((1, size), 0.5) for size in sizes.values()]
    export_graph(graph, example, path, graph.inputs, graph.outputs)
