"""The learner: PPO on sequences, with the critic apart."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ...policies.actor import Actor
from ...policies.critic import Critic
from ..config import PpoConfig
from ..rollout.batch import Batch, advantages
from ..runs.checkpoint import load_moments, moments_of
from .learner_group import Alone
from .sequences import Part, Sequences, shuffled

Metrics = dict[str, float]


class Scores(nn.Module):
    """What gradients go back through: both networks, on L steps of B sequences."""

    def __init__(self, actor: Actor, critic: Critic) -> None:
        super().__init__()
        self.actor, self.critic = actor, critic

    def forward(self, part: Part, bonus: bool) -> tuple[Tensor, Tensor, Tensor]:
        """Log-probability of the actions, entropy (without `bonus` no gradient), value: (L, B)."""
        distribution = self.actor.replay(part.actor, part.carry, part.starts)
        with torch.set_grad_enabled(bonus and torch.is_grad_enabled()):
            entropy = distribution.entropy()
        return distribution.log_prob(part.raw), entropy, self.critic.judge(part.critic)


class Learner:
    """Improves actor and critic from one batch at a time.

    With `peers`, each learner is given its own worlds of the batch (T, N), and all of them do what
    one would do with the whole of it, but for which sequences share a minibatch.
    """

    scores: type[nn.Module] = Scores
    distance = "kl"
    """The metric whose mean over the last epoch is told, and steers."""

    def __init__(
        self, config: PpoConfig, actor: Actor, critic: Critic, seed: int, peers: Alone | None = None
    ) -> None:
        self.config = config
        self.actor, self.critic = actor, critic
        self.peers = peers or Alone()
        self._scores = self.peers.wrap(self.scores(actor, critic))
        self.rate = config.rate
        self.optimizer = torch.optim.Adam(
            [*actor.parameters(), *critic.parameters()], lr=config.rate, eps=1e-5, fused=True
        )
        self.generator = torch.Generator().manual_seed(seed)

    def update(self, batch: Batch, progress: float) -> Metrics:
        """Learn from `batch`; `progress` in [0, 1] places the entropy schedule."""
        if not self.critic.embedding.normalizer(self.critic.embedding.names[0]).count:
            self._see(batch)
        # Normalizers stay as they are until the end, so what they give is computed once.
        seen = self.actor.embedding.inputs(batch.actor)
        state = self.critic.embedding.inputs(batch.critic)
        advantage, returns, value = self._targets(batch, state)
        error = self.peers.spread(returns - value).variance
        of_returns = self.peers.spread(returns)
        self.critic.update_scale(of_returns.mean, of_returns.std)
        target = (returns - self.critic.mean) / self.critic.std
        of_advantage = self.peers.spread(advantage)
        advantage = (advantage - of_advantage.mean) / (of_advantage.std + 1e-8)
        sequences = Sequences(batch, seen, state[:-1], advantage, target, self.config.chunk)
        start, end = self.config.entropy
        bonus = start + (end - start) * progress
        metrics = self._epochs(sequences, bonus)
        self._steer(metrics[self.distance], progress)
        metrics["rate"] = self.rate
        # Only now, so that the replay above normalized observations as the worker did.
        self._see(batch)
        metrics["explained_variance"] = 1.0 - float(error / of_returns.variance)
        metrics["return_mean"] = float(of_returns.mean)
        return metrics

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Moments of the optimizer and random numbers; the learning rate."""
        tensors = {"rng": self.generator.get_state()}
        return {**tensors, **moments_of(self.optimizer)}, {"rate": self.rate}

    def load_state(self, tensors: dict[str, Tensor], data: dict[str, Any]) -> None:
        """Continue from `state()`."""
        load_moments(self.optimizer, tensors)
        self.rate = data["rate"]
        self._set_rate()
        self.generator.set_state(tensors["rng"])

    def _see(self, batch: Batch) -> None:
        self.actor.embedding.update(batch.actor, self.peers.combine)
        self.critic.embedding.update(batch.critic, self.peers.combine)

    @torch.no_grad()
    def _targets(self, batch: Batch, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Advantages, returns, and values as they were, (T, N) each."""
        value = self.critic.in_reward(self.critic.judge(state))
        final = torch.zeros_like(batch.reward)
        if len(batch.final_index):
            steps, worlds = batch.final_index.T
            final[steps, worlds] = self.critic.value(batch.final)
        advantage, returns = advantages(
            batch.reward,
            value,
            final,
            batch.terminated,
            batch.truncated,
            self.config.gamma,
            self.config.gae_lambda,
        )
        return advantage, returns, value[:-1]

    def _epochs(self, sequences: Sequences, bonus: float) -> Metrics:
        totals: dict[str, list[float]] = {}
        epochs = 0
        distance = 0.0
        counts = self.peers.gather(sequences.count)
        for _ in range(self.config.epochs):
            distances = []
            for index, weight in shuffled(
                counts, self.peers.rank, self.config.minibatches, self.generator
            ):
                metrics = self._minibatch(sequences, index, weight, bonus)
                distances.append(metrics[self.distance])
                for name, value in metrics.items():
                    totals.setdefault(name, []).append(value)
            epochs += 1
            distance = sum(distances) / len(distances)
            if self._enough(distance):
                break
        means = {name: sum(values) / len(values) for name, values in totals.items()}
        return {**means, self.distance: distance, "epochs": float(epochs)}

    def _minibatch(
        self, sequences: Sequences, index: Tensor, weight: float, bonus: float
    ) -> Metrics:
        loss, told = self._loss(sequences.take(index), bonus)
        self.optimizer.zero_grad(set_to_none=True)
        (loss * weight).backward()
        limit = self.config.max_grad_norm
        grad = nn.utils.clip_grad_norm_(self.actor.parameters(), limit)
        nn.utils.clip_grad_norm_(self.critic.parameters(), limit)
        self.optimizer.step()
        told["grad_norm"] = grad
        values = torch.stack(list(told.values())).detach()
        return dict(zip(told, self.peers.mean(values, weight).tolist(), strict=True))

    def _loss(self, part: Part, bonus: float) -> tuple[Tensor, dict[str, Tensor]]:
        """What a step makes smaller, and what is told of it, () each."""
        log_prob, entropies, value = self._scores(part, bonus != 0.0)
        change = log_prob - part.log_prob
        ratio = change.exp()
        clipped = ratio.clamp(1 - self.config.clip, 1 + self.config.clip)
        policy_loss = -torch.minimum(ratio * part.advantage, clipped * part.advantage).mean()
        entropy = entropies.mean()
        value_loss = 0.5 * (value - part.target).square().mean()
        with torch.no_grad():
            # The k3 estimator: non-negative and of low variance (Schulman, "Approximating KL").
            kl = (ratio - 1 - change).mean()
            outside = ((ratio - 1).abs() > self.config.clip).float().mean()
        losses = {"policy_loss": policy_loss, "value_loss": value_loss}
        told = {**losses, "entropy": entropy, "kl": kl, "clip_fraction": outside}
        return policy_loss - bonus * entropy + value_loss, told

    def _enough(self, distance: float) -> bool:
        """Whether the update of this batch ends after an epoch with this KL."""
        return distance > self.config.kl_stop

    def _steer(self, kl: float, progress: float) -> None:
        """Aim at what kl_target is at `progress`, with the next batch."""
        share = 1.0 + (self.config.kl_final - 1.0) * progress
        low, high = (share * limit for limit in self.config.kl_target)
        slowest, fastest = self.config.rate_limits
        if kl < low:
            self.rate = min(self.rate * 1.3, fastest)
        elif kl > high:
            self.rate = max(self.rate / 1.5, slowest)
        self._set_rate()

    def _set_rate(self) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate
