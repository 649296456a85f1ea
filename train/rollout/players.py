"""Policies that can act in an environment: the networks of a run, or the graph of a bundle."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...config import from_dict
from ...contract.bundle import Bundle, load_bundle
from ...contract.onnx_session import open_session
from ...envs.config import EnvConfig
from ...envs.env import HandEnv, Observation
from ...envs.make import on_this_machine
from ...envs.mdp.observations import Sensors
from ...envs.sim.draws import new_generator
from ...errors import BundleError
from ...policies.actor import Actor, forget
from ...policies.distributions import Distribution
from ...policies.imitation import moments
from ...shipped import shipped
from ..algorithms.agent import build_agent
from ..config import TrainConfig
from ..runs.checkpoint import load_module
from ..runs.saved_run import load_run
from .adr_source import trained_ranges

MANIFEST = "bundle.json"
NOISE = "noise"
"""Input of a graph that samples its actions."""


class Player(ABC):
    """Acts in N worlds; its memory is forgotten where an episode starts."""

    name: str
    config: TrainConfig
    """Config of the run that trained it."""
    ranges: dict[str, tuple[float, float]]
    """Parameter -> [low, high] in its own unit: the last ranges of its training."""
    steps: int | None = None
    """Control steps of its training."""

    @property
    def env_config(self) -> EnvConfig:
        """The environment that it was trained in, on the CPU if its device is not here."""
        return on_this_machine(self.config.env)

    @abstractmethod
    def start(self, env: HandEnv) -> None:
        """Prepare for `env`, whose worlds all start an episode."""

    @abstractmethod
    def act(self, env: HandEnv, observation: Observation, starts: Tensor) -> Tensor:
        """Actions (N, A); `starts` (N,) bool marks worlds at the first step of an episode."""

    @abstractmethod
    def label(self) -> tuple[Tensor, Tensor | None]:
        """Mean and standard deviation (N, A) of what the last action was drawn from.

        None: the player has only a mean.
        """

    @abstractmethod
    def memory(self) -> tuple[Tensor, ...]:
        """The recurrent state after the last action: h and c, each (N, hidden); () without one."""

    @abstractmethod
    def forget(self, worlds: Tensor) -> None:
        """Set the memory of `worlds`, (N,) bool, to that of a new episode."""


class RunPlayer(Player):
    """The newest checkpoint of a run."""

    def __init__(self, path: Path, stochastic: bool = False, seed: int = 0) -> None:
        self.config, self._checkpoint = load_run(path)
        self.ranges = trained_ranges(self.config, self._checkpoint.meta)
        self.steps = self._checkpoint.meta["steps"]
        self.name = str(path)
        self._stochastic = stochastic
        self._generator = torch.Generator().manual_seed(seed)
        self._actor: Actor | None = None
        self._last: Distribution | None = None

    def start(self, env: HandEnv) -> None:
        """See `Player`."""
        self._actor = build_agent(self.config.policy, env, 0).actor
        load_module("actor", self._actor, self._checkpoint.weights, self.name)
        self._actor.to(env.device)
        if self._generator.device != env.device:
            self._generator = new_generator(env.device).manual_seed(self._generator.initial_seed())
        self._carry = self._actor.initial_carry(env.num_envs)

    @torch.no_grad()
    def act(self, env: HandEnv, observation: Observation, starts: Tensor) -> Tensor:
        """See `Player`."""
        assert self._actor is not None, "start() comes first"
        carry = forget(self._carry, starts)
        distribution: Distribution
        distribution, self._carry = self._actor(observation["actor"], carry)
        self._last = distribution
        raw = distribution.sample(self._generator) if self._stochastic else distribution.mode()
        return distribution.action(raw)

    @torch.no_grad()
    def label(self) -> tuple[Tensor, Tensor | None]:
        """See `Player`."""
        assert self._last is not None, "act() comes first"
        mean, std = moments(self._last)
        return mean, std.expand_as(mean)

    def memory(self) -> tuple[Tensor, ...]:
        """See `Player`."""
        return self._carry

    def forget(self, worlds: Tensor) -> None:
        """See `Player`."""
        self._carry = forget(self._carry, worlds)


class BundlePlayer(Player):
    """The graph that the robot runs, here with a batch of worlds."""

    def __init__(self, path: Path, seed: int = 0) -> None:
        self.bundle: Bundle = load_bundle(path)
        self._generator = torch.Generator().manual_seed(seed)
        self.name = str(path)
        config = self.bundle.manifest.training.get("config")
        if not isinstance(config, dict):
            raise BundleError(
                f"{path / MANIFEST}: training.config: got {type(config).__name__},"
                " allowed: the config of the run, which an evaluation in simulation needs"
            )
        self.config = from_dict(TrainConfig, config, str(path / MANIFEST))
        self.ranges = dict(self.bundle.manifest.randomization)
        self.steps = self.bundle.manifest.training.get("steps")
        self._session = open_session(self.bundle.graph)
        self._outputs = [output.name for output in self.bundle.manifest.outputs]

    def start(self, env: HandEnv) -> None:
        """See `Player`."""
        self.begin(env.num_envs)

    def begin(self, count: int) -> None:
        """The memory of `count` new episodes."""
        self._carry = {
            carry.name: np.zeros((count, *carry.shape[1:]), np.float32)
            for carry in self.bundle.manifest.carry
        }

    def act(self, env: HandEnv, observation: Observation, starts: Tensor) -> Tensor:
        """See `Player`."""
        shape = env.actor_sensors["target"].shape
        noise = torch.randn(shape, generator=self._generator)
        return self.act_on(env.actor_sensors, starts, noise).to(env.device)

    def act_on(self, sensors: Sensors, starts: Tensor, noise: Tensor) -> Tensor:
        """`act`, from the sensors that the graph reads and the noise (N, A) for sampling."""
        sensors = {**sensors, "last_target": sensors["target"], NOISE: noise}
        feed = {
            tensor.name: _as_input(sensors[tensor.name]) for tensor in self.bundle.manifest.inputs
        }
        keep = (~starts).cpu().numpy().astype(np.float32)[:, None]
        feed |= {name: value * keep for name, value in self._carry.items()}
        outputs = dict(zip(self._outputs, self._session.run(self._outputs, feed), strict=True))
        self._carry = {name: outputs[f"next_{name}"] for name in self._carry}
        self._last = feed, outputs["action"]
        return torch.from_numpy(outputs["action"])

    def label(self) -> tuple[Tensor, Tensor | None]:
        """See `Player`. A graph that samples is asked again without noise."""
        feed, action = self._last
        if NOISE in feed:
            (action,) = self._session.run(["action"], {**feed, NOISE: np.zeros_like(feed[NOISE])})
        return torch.from_numpy(action), None

    def memory(self) -> tuple[Tensor, ...]:
        """See `Player`."""
        return tuple(torch.from_numpy(value) for value in self._carry.values())

    def forget(self, worlds: Tensor) -> None:
        """See `Player`."""
        self.recall(forget(self.memory(), worlds))

    def recall(self, memory: tuple[Tensor, ...]) -> None:
        """Continue from `memory()`."""
        self._carry = {n: v.numpy() for n, v in zip(self._carry, memory, strict=True)}


def _as_input(value: Tensor) -> np.ndarray:
    """float32, but for pictures, which are uint8."""
    kept = value if value.dtype == torch.uint8 else value.float()
    array: np.ndarray = kept.cpu().numpy()
    return array


def open_player(path: Path, stochastic: bool = False, seed: int = 0) -> Player:
    """A run folder, a checkpoint or a bundle. Raises the error of what it comes nearest to."""
    if (shipped(path) / MANIFEST).is_file():
        return BundlePlayer(path, seed)
    return RunPlayer(path, stochastic, seed)


def same_terms(config: EnvConfig, trained: EnvConfig) -> EnvConfig:
    """`config` with the observation terms that the player was trained on."""
    return replace(config, actor_terms=trained.actor_terms, critic_terms=trained.critic_terms)
