"""The work of a rollout worker: its worlds and its copy of the policy. Without Ray."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ....adr.state import AdrState
from ...algorithms.agent import term_sizes
from ...algorithms.teacher import Files
from ...config import TrainConfig
from ...rollout.adr_source import AdrSource, start_state
from ...rollout.batch import Batch
from ...rollout.in_process import collector
from ..array_wire import to_tensors

LIFE_BITS = 40
"""Episode ids of one life: more than a worker can finish."""


def worker_seed(seed: int, life: int) -> int:
    """Of a worker's random numbers; the first worker of a run has those of a run in one process."""
    return int(np.random.SeedSequence((seed, life)).generate_state(1)[0]) if life else seed


def draw_state(state: AdrState) -> AdrState:
    """The part of the ADR state that a worker needs to draw worlds, without its history."""
    return replace(state, history=(), seen=(), buffers=((),) * len(state.buffers))


class Rollout:
    """N worlds and an actor. life: counts the workers that a run has started; never used twice."""

    def __init__(
        self,
        config: TrainConfig,
        life: int,
        failures: Path | None = None,
        teacher: Files | None = None,
    ) -> None:
        torch.set_num_threads(1)
        seed = worker_seed(config.seed, life)
        self.source = AdrSource(config, start_state(config), seed)
        agent, self.collector = collector(config, seed, self.source, failures, teacher)
        self.actor, self.env = agent.actor, self.collector.env
        self._version: int | None = None
        self._next_id = life << LIFE_BITS

    def about(self) -> dict[str, Any]:
        """The sizes of observations and actions, by which the learner builds its networks."""
        return {"sizes": term_sizes(self.env), "actuators": len(self.env.hand.actuators)}

    def collect(
        self, version: int, weights: dict[str, Any], ranges: AdrState, progress: float
    ) -> Batch:
        """One batch by this version of the actor, in worlds from these ranges."""
        if version != self._version:
            self.actor.load_state_dict(to_tensors(weights))
            self._version = version
        self.source.state = ranges
        batch = self.collector.collect(version, progress)
        first, self._next_id = self._next_id, self._next_id + len(batch.episodes)
        return replace(batch, episode_ids=tuple(range(first, self._next_id)))
