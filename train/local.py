"""Everything in one process: the factory that `sleight train` uses unless it is told otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..adr.state import AdrState
from ..envs.env import HandEnv
from ..envs.make import make_env
from ..envs.snapshot import load_state, save_state
from ..errors import CheckpointError
from .agent import Agent, build_agent
from .batch import Batch
from .collector import Collector
from .config import TrainConfig
from .loop import Training
from .ppo import Learner
from .randomization import AdrSource, start_state


class LocalSampler:
    """One collector that shares the learner's actor: what is published is already there."""

    def __init__(self, collector: Collector, source: AdrSource) -> None:
        self.collector = collector
        self.source = source
        self._version = 0

    def publish(self, version: int, weights: dict[str, Tensor], adr: AdrState) -> None:
        """See `Sampler`."""
        self._version = version
        self.source.state = adr

    def next(self) -> Batch:
        """See `Sampler`."""
        return self.collector.collect(self._version)

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


def build(config: TrainConfig, failures: Path | None = None) -> Training:
    """A run at its beginning, in this process."""
    adr = start_state(config)
    source = AdrSource(config, adr, config.seed)
    env = make_env(config.env, config.seed, source, failures)
    agent = build_agent(config.policy, env, config.seed)
    learner = Learner(config.ppo, agent.actor, agent.critic, config.seed + 2)
    sampler = LocalSampler(collector(config, env, agent, config.seed), source)
    return Training(config, agent, learner, sampler, adr)


def collector(config: TrainConfig, env: HandEnv, agent: Agent, seed: int) -> Collector:
    """A collector whose random numbers, the environment's among them, follow from `seed`."""
    env.rng.manual_seed(seed)
    ppo = config.ppo
    return Collector(env, agent.actor, ppo.horizon, ppo.chunk, seed + 1)


def use_threads(config: TrainConfig) -> None:
    """Set torch's threads; 0 leaves the cores that the process may use."""
    if config.threads:
        torch.set_num_threads(config.threads)
