"""Proximal policy optimization (Schulman et al. 2017)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn

from ...config import Range
from ...policies.actor import Actor
from ...policies.critic import Critic
from .actor_critic import METRICS, ActorCritic, ActorCriticConfig, Rate
from .sequences import Part


@dataclass(frozen=True)
class PpoConfig(ActorCriticConfig):
    """Proximal policy optimization (Schulman et al. 2017)."""

    clip_range: Annotated[float, Range(0, 1, open_low=True)] = 0.2
    """Clip range of the probability ratio."""
    learning_rate: Rate = 5e-4
    """Learning rate at the start; then adapted to the KL divergence."""
    learning_rate_limits: tuple[float, float] = (5e-5, 2e-3)
    """Lowest and highest learning rate."""
    kl_target: tuple[float, float] = (0.008, 0.03)
    """The learning rate rises below the first KL divergence and falls above the second [nats]."""
    kl_final: Annotated[float, Range(0, 1, open_low=True)] = 1.0
    """Factor on kl_target at the last step; linear from 1 at the first."""
    kl_stop: Annotated[float, Range(0, 10, open_low=True)] = 0.1
    """No further epoch of a batch after one whose KL divergence is above this [nats]."""
    entropy_coefficient: tuple[float, float] = (0.0, 0.0)
    """Coefficient of the entropy bonus at the first and at the last step; linear between."""
    renamed: ClassVar[Mapping[str, str]] = {
        "horizon": "rollout.horizon",
        "chunk": "rollout.bptt_steps",
        "rate": "learning_rate",
        "rate_limits": "learning_rate_limits",
        "entropy": "entropy_coefficient",
        "clip": "clip_range",
    }

    def __post_init__(self) -> None:
        for name in ("learning_rate_limits", "kl_target"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name}: got [{low:g}, {high:g}], allowed: low <= high")


class Scores(nn.Module):
    """What gradients are propagated back through: both networks, on L steps of B sequences."""

    def __init__(self, actor: Actor, critic: Critic) -> None:
        super().__init__()
        self.actor, self.critic = actor, critic

    def forward(self, part: Part, bonus: bool) -> tuple[Tensor, Tensor, Tensor]:
        """Log-probability of the actions, entropy (without `bonus` no gradient), value: (L, B)."""
        distribution = self.actor.replay(part.actor, part.carry, part.starts)
        with torch.set_grad_enabled(bonus and torch.is_grad_enabled()):
            entropy = distribution.entropy()
        return distribution.log_prob(part.raw), entropy, self.critic.judge(part.critic)


class Ppo(ActorCritic):
    """The clipped objective, with a learning rate that adapts to the KL divergence."""

    config_type = PpoConfig
    config: PpoConfig
    scores = Scores
    distance = "kl"
    metrics = (*METRICS, distance, "policy_loss", "clip_fraction")

    def _first_learning_rate(self) -> float:
        return self.config.learning_rate

    def _loss(self, part: Part, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        start, end = self.config.entropy_coefficient
        bonus = start + (end - start) * progress
        log_prob, entropies, value = self._score(part, bonus != 0.0)
        change = log_prob - part.log_prob
        ratio = change.exp()
        clip = self.config.clip_range
        clipped = ratio.clamp(1 - clip, 1 + clip)
        policy_loss = -torch.minimum(ratio * part.advantage, clipped * part.advantage).mean()
        entropy = entropies.mean()
        value_loss = 0.5 * (value - part.target).square().mean()
        with torch.no_grad():
            # The k3 estimator: non-negative and of low variance (Schulman, "Approximating KL").
            kl = (ratio - 1 - change).mean()
            outside = ((ratio - 1).abs() > clip).float().mean()
        losses = {"policy_loss": policy_loss, "value_loss": value_loss}
        metrics = {**losses, "entropy": entropy, "kl": kl, "clip_fraction": outside}
        return policy_loss - bonus * entropy + value_loss, metrics

    def _stops(self, distance: float) -> bool:
        return distance > self.config.kl_stop

    def _adapt(self, distance: float, progress: float) -> None:
        """Aim the KL divergence of the next batch at what kl_target is at `progress`."""
        share = 1.0 + (self.config.kl_final - 1.0) * progress
        low, high = (share * limit for limit in self.config.kl_target)
        slowest, fastest = self.config.learning_rate_limits
        if distance < low:
            self._set_learning_rate(min(self.learning_rate * 1.3, fastest))
        elif distance > high:
            self._set_learning_rate(max(self.learning_rate / 1.5, slowest))
