"""Teachers, which label the steps of a student: the networks of a run, the graph of a bundle, or
several of them."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor

from ...envs.env import HandEnv, Observation
from ...envs.make import resolve
from ...envs.tasks.task import task_of
from ...errors import ConfigError, nearest
from ...policies.actor import Actor, Carry, forget
from ...policies.distributions import Distribution, Gaussian, chosen
from ..config import TrainConfig
from ..rollout.players import BundlePlayer
from ..runs import checkpoint
from .agent import sized_agent, term_sizes

GROUP = "teacher"
"""The group of observation terms that the teacher reads."""
Files = dict[str, bytes]
"""Name -> content."""


class Teacher(ABC):
    """A policy that labels the states of N worlds; it observes the true state."""

    config: TrainConfig
    """The config of its own training."""

    @property
    def groups(self) -> Mapping[str, tuple[str, ...]]:
        """Groups of observation terms that it reads; {}: it reads the sensors themselves."""
        return {}

    @property
    def reads_sensors(self) -> bool:
        """Whether it reads true sensors and not only observation terms."""
        return not self.groups

    @abstractmethod
    def start(self, env: HandEnv) -> None:
        """Prepare for `env`, with the memory of new episodes."""

    @abstractmethod
    def label(self, env: HandEnv, observation: Observation, starts: Tensor) -> Distribution:
        """Its distribution over actions (N, A); starts: (N,) bool, first steps of episodes."""

    @abstractmethod
    def memory(self) -> Carry:
        """Its recurrent state, each (N, hidden); () without one."""

    @abstractmethod
    def recall(self, memory: Carry) -> None:
        """Continue from `memory()`."""


class RunTeacher(Teacher):
    """The actor of a checkpoint."""

    def __init__(
        self, config: TrainConfig, saved: checkpoint.Checkpoint, name: str, group: str = GROUP
    ) -> None:
        self.config, self._weights, self._name = config, saved.weights, name
        self._group = group
        self._carry: Carry = ()
        self._actor: Actor | None = None

    @property
    def groups(self) -> Mapping[str, tuple[str, ...]]:
        """See `Teacher`."""
        return {self._group: resolve(self.config.env).actor_terms}

    def start(self, env: HandEnv) -> None:
        """See `Teacher`. Raises CheckpointError when its networks do not fit the worlds."""
        sizes = term_sizes(env)
        own = {"actor": sizes[self._group], "critic": sizes["critic"]}
        self._actor = sized_agent(self.config.policy, own, len(env.hand.actuators), 0).actor
        checkpoint.load_module("actor", self._actor, self._weights, self._name)
        self._carry = self._actor.initial_carry(env.num_envs)

    @torch.no_grad()
    def label(self, env: HandEnv, observation: Observation, starts: Tensor) -> Distribution:
        """See `Teacher`."""
        assert self._actor is not None, "start() comes first"
        distribution: Distribution
        carry = forget(self._carry, starts)
        distribution, self._carry = self._actor(observation[self._group], carry)
        return distribution

    def memory(self) -> Carry:
        """See `Teacher`."""
        return self._carry

    def recall(self, memory: Carry) -> None:
        """See `Teacher`."""
        self._carry = memory


class BundleTeacher(Teacher):
    """The graph that a robot runs: it gives one action, which is taken as a mean."""

    def __init__(self, player: BundlePlayer, std: float) -> None:
        self.config, self._player, self._log_std = player.config, player, math.log(std)

    def start(self, env: HandEnv) -> None:
        """See `Teacher`."""
        self._player.start(env)

    def label(self, env: HandEnv, observation: Observation, starts: Tensor) -> Distribution:
        """See `Teacher`."""
        noise = torch.zeros_like(env.true_sensors["target"])
        action = self._player.act_on(env.true_sensors, starts, noise)
        return Gaussian(action, torch.full_like(action, self._log_std))

    def memory(self) -> Carry:
        """See `Teacher`."""
        return self._player.memory()

    def recall(self, memory: Carry) -> None:
        """See `Teacher`."""
        self._player.recall(memory)


class Specialists(Teacher):
    """A teacher for each of some cases of the task (`TaskSpec.cases`), and one for all others."""

    def __init__(self, general: Teacher, special: Mapping[str, Teacher]) -> None:
        self.config = general.config
        self._general, self._special = general, dict(special)

    @property
    def groups(self) -> Mapping[str, tuple[str, ...]]:
        """See `Teacher`."""
        return {n: terms for teacher in self._all for n, terms in teacher.groups.items()}

    @property
    def reads_sensors(self) -> bool:
        """See `Teacher`: the cases do."""
        return True

    @property
    def _all(self) -> tuple[Teacher, ...]:
        return self._general, *self._special.values()

    def start(self, env: HandEnv) -> None:
        """See `Teacher`."""
        for teacher in self._all:
            teacher.start(env)

    def label(self, env: HandEnv, observation: Observation, starts: Tensor) -> Distribution:
        """See `Teacher`: all of them look, so that each remembers."""
        label = self._general.label(env, observation, starts)
        for case, teacher in self._special.items():
            holds = env.task_spec.cases[case](env.true_sensors)
            label = chosen(holds, teacher.label(env, observation, starts), label)
        return label

    def memory(self) -> Carry:
        """See `Teacher`."""
        return tuple(part for teacher in self._all for part in teacher.memory())

    def recall(self, memory: Carry) -> None:
        """See `Teacher`."""
        for teacher in self._all:
            count = len(teacher.memory())
            teacher.recall(memory[:count])
            memory = memory[count:]


def check_cases(config: TrainConfig, asked: Mapping[str, str]) -> None:
    """Raise ConfigError for a case that the task does not have."""
    known = task_of(config.env).cases
    for case in asked:
        if case not in known:
            allowed = nearest(case, known) if known else "allowed: a task that has cases"
            raise ConfigError(f"clone.specialists: got {case}, {allowed}")
