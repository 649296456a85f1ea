"""Teachers, which label the steps of a student: the networks of a run, or the graph of a bundle.

A teacher is passed on as its files: into the folder of the run, so that a resumed run has the same
teacher whatever becomes of the original, and to workers on other machines.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from ...config import to_dict
from ...contract.bundle import MANIFEST
from ...envs.config import EnvConfig
from ...envs.env import HandEnv, Observation
from ...envs.make import resolve
from ...envs.tasks.task import task_of
from ...errors import CheckpointError, ConfigError
from ...files import write_bytes
from ...policies.actor import Actor, Carry, forget
from ...policies.distributions import Distribution, Gaussian
from ..config import TrainConfig
from ..rollout.players import BundlePlayer
from ..runs import checkpoint
from ..runs.saved_run import load_run
from .agent import sized_agent, term_sizes
from .algorithm import Collection

GROUP = "teacher"
"""The group of observation terms that the teacher reads."""
FOLDER = "teacher"
"""Subfolder of a run that has a teacher."""
Files = dict[str, bytes]
"""Name -> content."""
RUN_FILES = ("checkpoint.json", "weights.safetensors")


class Teacher(ABC):
    """A policy that labels the states of N worlds; it observes the true state."""

    config: TrainConfig
    """The config of its own training."""
    terms: tuple[str, ...] = ()
    """The observation terms that it reads, in the group GROUP."""

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

    def __init__(self, config: TrainConfig, saved: checkpoint.Checkpoint, name: str) -> None:
        self.config, self._weights, self._name = config, saved.weights, name
        self.terms = resolve(config.env).actor_terms
        self._carry: Carry = ()
        self._actor: Actor | None = None

    def start(self, env: HandEnv) -> None:
        """See `Teacher`. Raises CheckpointError when its networks do not fit the worlds."""
        sizes = term_sizes(env)
        own = {"actor": sizes[GROUP], "critic": sizes["critic"]}
        self._actor = sized_agent(self.config.policy, own, len(env.hand.actuators), 0).actor
        checkpoint.load_module("actor", self._actor, self._weights, self._name)
        self._carry = self._actor.initial_carry(env.num_envs)

    @torch.no_grad()
    def label(self, env: HandEnv, observation: Observation, starts: Tensor) -> Distribution:
        """See `Teacher`."""
        assert self._actor is not None, "start() comes first"
        distribution: Distribution
        carry = forget(self._carry, starts)
        distribution, self._carry = self._actor(observation[GROUP], carry)
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


def read_teacher(path: Path, config: TrainConfig) -> Files:
    """The files of a run's newest checkpoint, of a checkpoint, or of a bundle.

    A bundle with a checkpoint beside it is that checkpoint, which gives whole distributions. Raises
    the error of what `path` comes nearest to, and ConfigError when its actions are not those of
    the student.
    """
    if (path / MANIFEST).is_file() and not (path / "checkpoint" / "checkpoint.json").is_file():
        player = BundlePlayer(path)
        _check_actions(player.env_config, config.env, str(path))
        manifest = player.bundle.manifest
        entries = manifest.graph, manifest.task.graph, manifest.pose
        return _read(path, (MANIFEST, *(entry.file for entry in entries if entry)))
    path = checkpoint.find(path)
    teacher, saved = load_run(path)
    if not any(name.startswith("actor.") for name in saved.weights):
        raise CheckpointError(f"{path}: actor: got nothing, allowed: the weights of a policy")
    _check_actions(teacher.env, config.env, str(path))
    return _read(path, RUN_FILES)


def open_teacher(files: Files, asked: Collection) -> Teacher:
    """The teacher whose files `read_teacher` has read."""
    with TemporaryDirectory() as place:
        folder = Path(place)
        write_teacher(files, folder)
        if MANIFEST in files:
            return BundleTeacher(BundlePlayer(folder), asked.teacher_std)
        return RunTeacher(*load_run(folder), asked.teacher)


def groups_of(teacher: Teacher | None) -> dict[str, tuple[str, ...]]:
    """The groups of observation terms that the environment computes for a teacher."""
    return {GROUP: teacher.terms} if teacher and teacher.terms else {}


def write_teacher(files: Files, folder: Path) -> None:
    """Write its files into a folder that `read_teacher` reads."""
    for name, content in files.items():
        write_bytes(folder / name, content)


def _read(path: Path, names: tuple[str, ...]) -> Files:
    return {name: (path / name).read_bytes() for name in names}


def _check_actions(teacher: EnvConfig, student: EnvConfig, source: str) -> None:
    """Raise ConfigError unless the same action does the same in both."""
    allowed = _actions(teacher)
    for name, got in _actions(student).items():
        if got != allowed[name]:
            raise ConfigError(
                f"{name}: got {got}, allowed: {allowed[name]}, as {source} has: a student's"
                " actions are its teacher's"
            )


def _actions(config: EnvConfig) -> dict[str, Any]:
    """The fields that decide what an action does."""
    fields = {f"env.control.{name}": value for name, value in to_dict(config.control).items()}
    fields["env.model.timestep_s"] = config.model.timestep_s
    fields["env.model.hand"] = config.model.hand
    task = task_of(config)
    return {"env.task": task.object if task.has_object else config.task, **fields}
