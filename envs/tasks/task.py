"""The Task contract: the start states and goals of a task, and how a step of physics is judged.

A package outside this repository adds a task with a `TaskSpec` in the entry-point group
`sleight.tasks`. Most tasks with an object need no class of their own: `object_task.ObjectTask`
uses the `GoalLaw` of their spec.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ...contract.hand_spec import HandSpec
from ..config import EnvConfig
from ..mdp.observations import Sensors, Term
from ..rendering.goal_picture import GoalPicture
from ..sim.draws import Draws
from ..sim.sim import Sim
from .task_registry import TASKS

if TYPE_CHECKING:
    from .goal_kinds import GoalKinds
    from .goal_law import GoalLaw


@dataclass(frozen=True)
class Outcome:
    """The task's judgement of one step of N worlds."""

    progress: Tensor
    """(N,) decrease of the distance to the goal, in the task's unit."""
    success: Tensor
    """(N,) bool: the goal was reached; the next one is already set."""
    drop: Tensor
    """(N,) bool: the object is lost."""
    finished: Tensor | None = None
    """(N,) bool: there is nothing left to do, and the episode ends; None: never."""


@dataclass(frozen=True)
class TaskContext:
    """The arguments from which a task is built."""

    config: EnvConfig
    hand: HandSpec
    sim: Sim
    rng: Draws
    cache_seed: int
    """Seed of start states and of tables of goals."""


class Task(ABC):
    """Goals of N worlds and the distance to them; all tensors are on the simulation's device."""

    saved: tuple[str, ...] = ("largest_goal",)
    """Tensors (N, ...) that resuming needs; `snapshot.forgotten` lists any that are missing."""

    def __init__(self, context: TaskContext) -> None:
        self.config, self.hand = context.config, context.hand
        self.sim, self.rng = context.sim, context.rng
        count, device = self.sim.num_worlds, self.sim.device
        self.largest_goal = torch.full((count,), torch.pi, device=device)
        """(N,) largest angle of new goals [rad]: the curriculum parameter goal.angle."""

    @abstractmethod
    def start(self, worlds: Tensor) -> Tensor:
        """Write start states of `worlds` (K,); returns the motor targets that hold them (K, A)."""

    def first_goals(self, worlds: Tensor) -> None:
        """Draw the goals of `worlds` (K,), right after `start` was called for them."""
        self.new_goals(worlds)

    @abstractmethod
    def new_goals(self, worlds: Tensor) -> None:
        """Draw the next goals of `worlds` (K,), whose outputs are up to date."""

    @abstractmethod
    def judge(self) -> Outcome:
        """Compare the state with the goals; worlds that succeed get new goals."""

    @abstractmethod
    def sensors(self, worlds: Tensor | slice) -> Sensors:
        """The task's own true sensors for `worlds`, each (K, ...) float32."""

    @abstractmethod
    def picture(self, world: int) -> GoalPicture:
        """How the goal of `world` is drawn."""

    @abstractmethod
    def remaining(self, world: int) -> str:
        """The distance to the goal of `world` as text for people: `57°`, `1.2 cm`."""


def unchanged(config: EnvConfig) -> EnvConfig:
    """The config without a change."""
    return config


@dataclass(frozen=True)
class TaskSpec:
    """A task: everything that does not depend on the worlds."""

    help: str
    """What the hand has to do, in one line."""
    make: Callable[[TaskContext], Task]
    object: str = "block"
    """The object in the hand, one of `OBJECTS`."""
    config: type | None = None
    """A dataclass of the task's own config fields, `env.<name>`."""
    law: Callable[[EnvConfig, torch.device | str], GoalLaw] | None = None
    """The goals as pure functions, which a bundle contains; None: the task runs on no rig."""
    adapt: Callable[[EnvConfig], EnvConfig] = unchanged
    """Adapts a config to the task, for example the kinds of goals."""
    actor_terms: tuple[str, ...] | None = None
    critic_terms: tuple[str, ...] | None = None
    rewards: Mapping[str, float] | None = None
    """Defaults of the task; they replace those of `EnvConfig` that the user did not change."""
    terms: tuple[Term, ...] = ()
    """Observation terms of the task."""
    reward_terms: Mapping[str, Callable[[Any], Tensor]] = field(default_factory=dict)
    """Reward terms of the task, by name: functions of `mdp.rewards.Step`."""
    goal_kinds: GoalKinds | None = None
    """How reports group the goals; None: by rotation for a cube, otherwise not at all."""
    cases: Mapping[str, Callable[[Sensors], Tensor]] = field(default_factory=dict)
    """Situations by name, as functions of the true sensors -> (N,) bool: cloning can have a teacher
    for each."""
    goal_beside: bool = True
    """The goal is rendered beside the hand, not in it."""
    has_object: bool = True
    """Whether parameters of the object, its pose and its goals may be randomized."""


def task_of(config: EnvConfig) -> TaskSpec:
    """The task that a config names. Raises ConfigError."""
    return TASKS.get(config.task, "env.task")
