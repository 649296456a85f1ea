"""The Task contract: what is asked of the hand, and how a step of physics is judged.

A package outside this repository adds a task by a `TaskSpec` in the entry-point group
`sleight.tasks`. Most tasks with an object need no class of their own: `object_task.ObjectTask` runs
the `GoalLaw` that their spec names.
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
    from .goal_law import GoalLaw


@dataclass(frozen=True)
class Outcome:
    """One step of N worlds, as the task sees it."""

    progress: Tensor
    """(N,) decrease of the distance to the goal, in the task's unit."""
    success: Tensor
    """(N,) bool: the goal was reached; the next one is already set."""
    drop: Tensor
    """(N,) bool: the object is lost."""


@dataclass(frozen=True)
class TaskContext:
    """What a task is made from."""

    config: EnvConfig
    hand: HandSpec
    sim: Sim
    rng: Draws
    cache_seed: int
    """Of start states and of tables of goals."""


class Task(ABC):
    """Goals and their distance for N worlds; all tensors are on the device of the simulation."""

    saved: tuple[str, ...] = ("largest_goal",)
    """Tensors (N, ...) that resuming needs; `snapshot.forgotten` finds those that are missing."""

    def __init__(self, context: TaskContext) -> None:
        self.config, self.hand = context.config, context.hand
        self.sim, self.rng = context.sim, context.rng
        count, device = self.sim.num_worlds, self.sim.device
        self.largest_goal = torch.full((count,), torch.pi, device=device)
        """(N,) rad: how far new goals may lie, the curriculum parameter goal.angle."""

    @abstractmethod
    def start(self, worlds: Tensor) -> Tensor:
        """Write start states of `worlds` (K,); returns the motor targets that hold them (K, A)."""

    def first_goals(self, worlds: Tensor) -> None:
        """Draw the goals of `worlds` (K,), which `start` has just been called with."""
        self.new_goals(worlds)

    @abstractmethod
    def new_goals(self, worlds: Tensor) -> None:
        """Draw the next goals of `worlds` (K,), whose outputs are current."""

    @abstractmethod
    def judge(self) -> Outcome:
        """Compare the present state with the goals; worlds that succeed get new goals."""

    @abstractmethod
    def sensors(self, worlds: Tensor | slice) -> Sensors:
        """The task's own true sensors for `worlds`, each (K, ...) float32."""

    @abstractmethod
    def picture(self, world: int) -> GoalPicture:
        """How the goal of `world` is drawn."""

    @abstractmethod
    def remaining(self, world: int) -> str:
        """The distance to the goal of `world`, for people: `57°`, `1.2 cm`."""


def unchanged(config: EnvConfig) -> EnvConfig:
    """The config as it is."""
    return config


@dataclass(frozen=True)
class TaskSpec:
    """A task by name: everything that does not depend on the worlds."""

    help: str
    """In one line: what is asked of the hand."""
    make: Callable[[TaskContext], Task]
    object: str = "block"
    """The object in the hand, one of `OBJECTS`."""
    config: type | None = None
    """A dataclass of the task's own fields, `env.<name>`."""
    law: Callable[[EnvConfig, torch.device | str], GoalLaw] | None = None
    """Its goals as pure functions, which a bundle carries to a rig; None: it runs on no rig."""
    adapt: Callable[[EnvConfig], EnvConfig] = unchanged
    """What the task changes in a config, such as which goals are drawn."""
    actor_terms: tuple[str, ...] | None = None
    critic_terms: tuple[str, ...] | None = None
    rewards: Mapping[str, float] | None = None
    """In the place of the defaults of `EnvConfig`, where those were not changed."""
    terms: tuple[Term, ...] = ()
    """Observation terms of its own."""
    reward_terms: Mapping[str, Callable[[Any], Tensor]] = field(default_factory=dict)
    """Reward terms of its own, by name: functions of `mdp.rewards.Step`."""
    goal_beside: bool = True
    """The goal is drawn beside the hand, not in it."""
    has_object: bool = True
    """Parameters of the object, its pose and its goals may vary."""


def task_of(config: EnvConfig) -> TaskSpec:
    """The task that a config names. Raises ConfigError."""
    return TASKS.get(config.task, "env.task")
