"""Reward terms, one function each, of one step of N worlds; `RewardTable` sums them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import ConfigError, nearest
from ...registry import Registry, must_call
from ..tasks.task import Outcome
from .observations import Sensors


@dataclass(frozen=True)
class Step:
    """One step of N worlds, as reward terms see it."""

    outcome: Outcome
    action: Tensor
    action_change: Tensor
    motor_force: Tensor
    """(N, A) each."""
    wrist: Tensor
    """(N, W) wrist angles [rad]; (N, 0) for a hand without a wrist."""
    sensors: Sensors
    """The true sensors of the task, for the task's own terms."""


def progress(s: Step) -> Tensor:
    """Decrease of the distance to the goal (Learning Dexterous In-Hand Manipulation, 4.2)."""
    return s.outcome.progress


def success(s: Step) -> Tensor:
    """1 when the goal is reached."""
    return s.outcome.success.float()


def drop(s: Step) -> Tensor:
    """1 when the object is lost."""
    return s.outcome.drop.float()


def action_change(s: Step) -> Tensor:
    """Squared change of the action."""
    return s.action_change.square().sum(dim=-1)


def action_size(s: Step) -> Tensor:
    """Squared action."""
    return s.action.square().sum(dim=-1)


def effort(s: Step) -> Tensor:
    """Squared motor force [Nm^2]."""
    return s.motor_force.square().sum(dim=-1)


def wrist(s: Step) -> Tensor:
    """Squared wrist angles [rad^2]: bending the wrist turns the block without the fingers."""
    return s.wrist.square().sum(dim=-1)


RewardTerm = Callable[[Step], Tensor]
"""One step of N worlds -> (N,)."""
REWARDS: Registry[RewardTerm] = Registry("sleight.rewards", {}, must_call)
for _term in (progress, success, drop, action_change, action_size, effort, wrist):
    REWARDS.add(_term.__name__, _term)


class RewardTable:
    """The weighted sum of the reward terms that the config names."""

    def __init__(
        self, weights: dict[str, float], own: Mapping[str, RewardTerm] | None = None
    ) -> None:
        """own: reward terms of the task. Raises ConfigError for an unknown term."""
        own = own or {}
        known = (*own, *REWARDS.names())
        for name in weights:
            if name not in known:
                raise ConfigError(f"env.rewards: got unknown term '{name}', {nearest(name, known)}")
        self.weights = {name: weight for name, weight in weights.items() if weight}
        self._terms = {n: own.get(n) or REWARDS.get(n, "env.rewards") for n in self.weights}

    def __call__(self, step: Step) -> tuple[Tensor, dict[str, Tensor]]:
        """Reward (N,) and each weighted term (N,)."""
        terms = {name: weight * self._terms[name](step) for name, weight in self.weights.items()}
        total = torch.zeros_like(step.outcome.progress)
        for value in terms.values():
            total = total + value
        return total, terms
