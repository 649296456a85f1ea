"""Collection and learning in one process, which is the default of `sleight train`."""

from __future__ import annotations

import copy
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...adr.state import AdrState
from ...envs.make import make_env
from ...envs.snapshot import load_state, save_state
from ...errors import CheckpointError
from ..algorithms.agent import Agent, build_agent
from ..algorithms.algorithm import Algorithm
from ..algorithms.algorithm_registry import build_algorithm, collection_of
from ..algorithms.learner_group import LearnerGroup
from ..algorithms.teacher import Files
from ..algorithms.teacher_files import check_actions, open_teacher
from ..config import TrainConfig
from ..demonstrations.checks import check_student
from ..demonstrations.data_set import open_demonstrations
from ..demonstrations.sampler import DemonstrationSampler
from ..runs.training_loop import Training
from .adr_source import AdrSource, start_state
from .batch import Batch, on_device
from .collector import Collector
from .eyes import UnusedEyes, eyes_of, sees
from .teacher_collector import TeacherCollector


class LocalSampler:
    """One collector in this process, and where its batches are to be learned from."""

    def __init__(self, collector: Collector, source: AdrSource, device: str, shared: bool) -> None:
        """shared: the collector acts with the very actor that learns; weights need no publishing.

        device: of the learner.
        """
        self.collector, self.source = collector, source
        self._device, self._shared = device, shared
        self._version, self._progress = 0, 0.0

    def publish(
        self, version: int, weights: dict[str, Tensor], adr: AdrState, progress: float = 0.0
    ) -> None:
        """See `Sampler`."""
        self._version, self._progress = version, progress
        self.source.state = adr
        if not self._shared:
            self.collector.actor.load_state_dict(weights)

    def next(self) -> Batch:
        """See `Sampler`."""
        batch = self.collector.collect(self._version, self._progress)
        return on_device(batch, self._device)

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """See `Sampler`."""
        collector = self.collector
        tensors = {f"env.{name}": value for name, value in save_state(collector.env).items()}
        tensors |= {f"collector.{name}": value for name, value in collector.state().items()}
        return tensors, {"source": self.source.rng_state()}

    def load_state(self, tensors: dict[str, Tensor], data: dict[str, Any]) -> None:
        """See `Sampler`."""
        if "lives" in data:  # saved with workers on a cluster, whose worlds are not kept
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
        """See `Sampler`: those of the cameras, if there are any."""
        eyes = self.collector.env.eyes
        return dict(eyes.metrics()) if eyes else {}

    def close(self) -> None:
        """See `Sampler`."""
        self.collector.env.close()


def _check_shapes(own: dict[str, Tensor], saved: dict[str, Tensor]) -> None:
    for name, value in own.items():
        got = tuple(saved[name].shape) if name in saved else "nothing"
        if got != (allowed := tuple(value.shape)):
            raise CheckpointError(
                f"state.safetensors: {name}: got {got}, allowed: {allowed};"
                " a run goes on in the worlds that it was saved with"
            )


def build(
    config: TrainConfig, failures: Path | None = None, teacher: Files | None = None
) -> Training:
    """A new run in this process. teacher: see `read_teacher`."""
    if data := collection_of(config).data:
        return _without_worlds(config, Path(data))
    adr = start_state(config)
    source = AdrSource(config, adr, config.seed)
    agent, worlds = collector(config, config.seed, source, failures, teacher)
    shared = config.train.device == config.env.device
    if not shared:
        agent = copy.deepcopy(agent).to(config.train.device)
    sampler = LocalSampler(worlds, source, config.train.device, shared)
    return Training(config, agent, learner(config, agent), sampler, adr)


def _without_worlds(config: TrainConfig, folder: Path) -> Training:
    """A run that learns from demonstrations. Raises DataError, ConfigError where it cannot."""
    data = open_demonstrations(folder)
    check_actions(data.manifest.env, config.env, str(folder))
    # One world, which nobody steps: it knows the student's terms and their sizes.
    env_config = replace(config.env, num_worlds=1, resets=replace(config.env.resets, cache=1))
    eyes = UnusedEyes(config.cameras.rig) if sees(config.env) else None
    with closing(make_env(env_config, config.seed, eyes=eyes)) as env:
        check_student(data, config, env)
        agent = build_agent(config.policy, env, config.seed).to(config.train.device)
        std = collection_of(config).teacher_std
        sampler = DemonstrationSampler(config, data, env, agent.actor, std)
    return Training(config, agent, learner(config, agent), sampler, start_state(config))


def collector(
    config: TrainConfig,
    seed: int,
    source: AdrSource,
    failures: Path | None = None,
    teacher: Files | None = None,
) -> tuple[Agent, Collector]:
    """New networks, and a collector that acts with their actor in worlds from `source`.

    All random numbers of the collector and of its environment follow from `seed`.
    """
    asked = collection_of(config)
    labeller = open_teacher(teacher, asked) if teacher else None
    groups = labeller.groups if labeller else None
    eyes = eyes_of(config.cameras, config.env, seed)
    env = make_env(config.env, seed, source, failures, groups=groups, eyes=eyes)
    agent = build_agent(config.policy, env, config.seed).to(env.device)
    env.rng.seed(seed)
    if labeller is None:
        return agent, Collector(env, agent.actor, config.rollout, seed + 1, asked)
    return agent, TeacherCollector(env, agent.actor, config.rollout, seed + 1, asked, labeller)


def learner(config: TrainConfig, agent: Agent, group: LearnerGroup | None = None) -> Algorithm:
    """The algorithm of the run, which improves these networks."""
    return build_algorithm(config, agent, group or LearnerGroup())


def use_threads(config: TrainConfig) -> None:
    """Set the number of threads of torch; 0 leaves its default."""
    if config.threads:
        torch.set_num_threads(config.threads)
