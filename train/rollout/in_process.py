"""Everything in one process: the factory that `sleight train` uses unless it is told otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...adr.state import AdrState
from ...envs.make import make_env
from ...envs.snapshot import load_state, save_state
from ...errors import CheckpointError
from ..algorithms.agent import Agent, build_agent
from ..algorithms.clone import CloneLearner
from ..algorithms.learner_group import Alone
from ..algorithms.ppo import Learner
from ..algorithms.teacher import Files, groups_of, open_teacher
from ..config import TrainConfig
from ..runs.training_loop import Training
from .adr_source import AdrSource, start_state
from .batch import Batch
from .clone_collector import CloneCollector
from .collector import Collector


class LocalSampler:
    """One collector that shares the learner's actor: what is published is already there."""

    def __init__(self, collector: Collector, source: AdrSource) -> None:
        self.collector = collector
        self.source = source
        self._version, self._progress = 0, 0.0

    def publish(
        self, version: int, weights: dict[str, Tensor], adr: AdrState, progress: float = 0.0
    ) -> None:
        """See `Sampler`."""
        self._version, self._progress = version, progress
        self.source.state = adr

    def next(self) -> Batch:
        """See `Sampler`."""
        return self.collector.collect(self._version, self._progress)

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """See `Sampler`."""
        collector = self.collector
        tensors = {f"env.{name}": value for name, value in save_state(collector.env).items()}
        tensors |= {f"collector.{name}": value for name, value in collector.state().items()}
        return tensors, {"source": self.source.rng_state()}

    def load_state(self, tensors: dict[str, Tensor], data: dict[str, Any]) -> None:
        """See `Sampler`."""
        if "lives" in data:  # of workers on a cluster, whose worlds are not kept
            return
        parts: dict[str, dict[str, Tensor]] = {"env": {}, "collector": {}}
        for key, value in tensors.items():
            part, _, name = key.partition(".")
            if part in parts:
                parts[part][name] = value
        _check_shapes(save_state(self.collector.env), parts["env"])
        load_state(self.collector.env, parts["env"])
        self.collector.load_state(parts["collector"])
        self.source.load_rng_state(data["source"])

    def metrics(self) -> dict[str, Any]:
        """See `Sampler`."""
        return {}

    def close(self) -> None:
        """See `Sampler`."""


def _check_shapes(own: dict[str, Tensor], given: dict[str, Tensor]) -> None:
    for name, value in own.items():
        got = tuple(given[name].shape) if name in given else "nothing"
        if got != (allowed := tuple(value.shape)):
            raise CheckpointError(
                f"state.safetensors: {name}: got {got}, allowed: {allowed};"
                " a run goes on in the worlds that it was saved with"
            )


def build(
    config: TrainConfig, failures: Path | None = None, teacher: Files | None = None
) -> Training:
    """A run at its beginning, in this process. teacher: see `read_teacher`."""
    adr = start_state(config)
    source = AdrSource(config, adr, config.seed)
    agent, gatherer = collector(config, config.seed, source, failures, teacher)
    sampler = LocalSampler(gatherer, source)
    return Training(config, agent, learner(config, agent), sampler, adr)


def collector(
    config: TrainConfig,
    seed: int,
    source: AdrSource,
    failures: Path | None = None,
    teacher: Files | None = None,
) -> tuple[Agent, Collector]:
    """Fresh networks, and a collector of worlds from `source` with their actor.

    The collector's random numbers, the environment's among them, follow from `seed`.
    """
    shown = open_teacher(teacher, config) if teacher else None
    env = make_env(config.env, seed, source, failures, groups=groups_of(shown))
    agent = build_agent(config.policy, env, config.seed)
    env.rng.seed(seed)
    horizon, chunk = config.ppo.horizon, config.ppo.chunk
    if shown is None:
        return agent, Collector(env, agent.actor, horizon, chunk, seed + 1)
    clone = config.clone
    return agent, CloneCollector(env, agent.actor, horizon, chunk, seed + 1, clone, shown)


def learner(config: TrainConfig, agent: Agent, peers: Alone | None = None) -> Learner:
    """What improves these networks: PPO, or cloning where there is a teacher."""
    seed = config.seed + 2
    if config.clone.teacher:
        return CloneLearner(config.clone, config.ppo, agent.actor, agent.critic, seed, peers)
    return Learner(config.ppo, agent.actor, agent.critic, seed, peers)


def use_threads(config: TrainConfig) -> None:
    """Set torch's threads; 0 leaves the cores that the process may use."""
    if config.threads:
        torch.set_num_threads(config.threads)
