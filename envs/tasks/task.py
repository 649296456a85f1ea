"""The Task contract: what is asked of the hand, and how a step of physics is judged."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from ...contract.hand_spec import HandSpec
from ..config import EnvConfig
from ..mdp.observations import Sensors
from ..sim.sim import Sim


@dataclass(frozen=True)
class Outcome:
    """One step of N worlds, as the task sees it."""

    progress: Tensor
    """(N,) decrease of the distance to the goal, in the task's unit."""
    success: Tensor
    """(N,) bool: the goal was reached; the next one is already set."""
    drop: Tensor
    """(N,) bool: the object is lost."""


class Task(ABC):
    """Goals and their distance for N worlds. Tensors; knows the sim only through its contract."""

    def __init__(self, config: EnvConfig, hand: HandSpec, sim: Sim, rng: torch.Generator) -> None:
        self.config = config
        self.hand = hand
        self.sim = sim
        self.rng = rng
        self.num_joints = len(hand.joints)
        self.largest_goal = torch.full((sim.num_worlds,), torch.pi)
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
