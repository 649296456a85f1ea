"""The policy as one ONNX graph: from sensors and memory to targets and the next memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from ...contract.manifest import CAMERA_IMAGES, CAMERA_MATRICES, INPUTS
from ...envs.mdp.control import ActionLaw
from ...envs.mdp.observations import Term, compute
from ...errors import ConfigError
from ...policies.actor import Actor, Carry
from ...policies.distributions import Gaussian
from .onnx_export import export_graph

_SENSOR_OF = {"last_target": "target"}
"""Input of the graph -> its sensor in the environment, where the names differ."""


class PolicyGraph(nn.Module):
    """Observation terms, actor and action law in one module, with the memory as an LSTM cell.

    The cell uses the same weights: ONNX Runtime runs a cell faster at batch 1 than a sequence.
    """

    def __init__(
        self,
        actor: Actor,
        terms: Sequence[Term],
        law: ActionLaw,
        goals: Mapping[str, int],
        stochastic: bool = False,
        pictures: tuple[int, ...] = (),
    ) -> None:
        """goals: name and size of the parts of a goal, which the policy may read.

        stochastic: actions are sampled with noise from outside, instead of deterministic.
        pictures: (V, S, S, 3), what the cameras show, if the policy reads them.
        """
        super().__init__()
        if stochastic and actor.config.head != "gaussian":
            raise ConfigError(
                f"--stochastic: got policy.head {actor.config.head}, allowed: gaussian"
            )
        self.actor, self.terms, self.law = actor, terms, law
        self.stochastic, self.goals, self.pictures = stochastic, dict(goals), pictures
        self.inputs = (*graph_inputs(terms, goals), *(("noise",) if stochastic else ()))
        self.carry_names = ("h", "c") if actor.config.memory == "lstm" else ()
        if self.carry_names:
            self.cell = _cell_view(actor.memory)

    def forward(self, *values: Tensor) -> tuple[Tensor, ...]:
        """Inputs in the order of `inputs`, then the carry -> target, action, next carry."""
        sensors = {_SENSOR_OF.get(n, n): v for n, v in zip(self.inputs, values, strict=False)}
        embedded = torch.relu(self.actor.embedding(compute(self.terms, sensors)))
        carry: Carry = tuple(values[len(self.inputs) :])
        if carry:
            carry = self.cell(embedded, carry)
            distribution = self.actor.distribution(self.actor.respond(carry[0], embedded))
        else:
            distribution = self.actor.distribution(torch.relu(self.actor.memory(embedded)))
        raw = distribution.mode()
        if self.stochastic:
            assert isinstance(distribution, Gaussian)
            raw = distribution.perturbed(sensors["noise"])
        action = distribution.action(raw)
        target = self.law(action, sensors["target"], sensors["joint_position"])
        return (target, action, *carry)


def graph_inputs(terms: Sequence[Term], goals: Mapping[str, int]) -> tuple[str, ...]:
    """Inputs of the terms, named as in the contract. Raises ConfigError for unmeasured ones."""
    allowed = (*INPUTS, *goals, CAMERA_IMAGES, CAMERA_MATRICES)
    read_names = {"last_target", "joint_position"}
    renamed = {sensor: name for name, sensor in _SENSOR_OF.items()}
    for term in terms:
        for sensor in term.reads:
            name = renamed.get(sensor, sensor)
            if name not in allowed:
                raise ConfigError(
                    f"env.actor_terms: got {term.name}, which reads {sensor};"
                    f" allowed for export: terms of {', '.join(allowed)}"
                )
            read_names.add(name)
    return tuple(name for name in allowed if name in read_names)


def _cell_view(memory: nn.Module) -> nn.LSTMCell:
    assert isinstance(memory, nn.LSTM)
    cell = nn.LSTMCell(memory.input_size, memory.hidden_size)
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    cell.load_state_dict({name: getattr(memory, f"{name}_l0") for name in names})
    return cell


def example_inputs(graph: PolicyGraph, count: int, widths: Mapping[str, int]) -> list[Tensor]:
    """Zeros of the shapes (count, width), with unit quaternions.

    widths: sizes for the names in `INPUTS`, see `bundle.widths_of`.
    """
    values = []
    for name in graph.inputs:
        if name == CAMERA_IMAGES:
            values.append(torch.zeros(count, *graph.pictures, dtype=torch.uint8))
            continue
        if name == CAMERA_MATRICES:
            values.append(torch.eye(3, 4).repeat(count, graph.pictures[0], 1, 1))
            continue
        size = graph.goals[name] if name in graph.goals else widths[INPUTS[name][0]]
        value = torch.zeros(count, size)
        if name.endswith("wxyz"):
            value[:, 0] = 1.0
        values.append(value)
    hidden = graph.actor.config.hidden_size
    return [*values, *(torch.zeros(count, hidden) for _ in graph.carry_names)]


def write_graph(graph: PolicyGraph, path: Path, widths: Mapping[str, int]) -> None:
    """Export atomically, with a free batch size, so that an evaluation can run many worlds."""
    names = [*graph.inputs, *graph.carry_names]
    outputs = ["target", "action", *(f"next_{name}" for name in graph.carry_names)]
    export_graph(graph, example_inputs(graph, 1, widths), path, names, outputs, free_batch=True)
