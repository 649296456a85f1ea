"""The learner: PPO on sequences, with the critic apart."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..policies.actor import Actor, Carry
from ..policies.critic import Critic
from .batch import Batch, Terms, advantages
from .config import PpoConfig

Metrics = dict[str, float]


class Learner:
    """Improves actor and critic from one batch at a time."""

    def __init__(self, config: PpoConfig, actor: Actor, critic: Critic, seed: int) -> None:
        self.config = config
        self.actor, self.critic = actor, critic
        self.rate = config.rate
        self.optimizer = torch.optim.Adam(
            [*actor.parameters(), *critic.parameters()], lr=config.rate, eps=1e-5
        )
        self.generator = torch.Generator().manual_seed(seed)

    def update(self, batch: Batch, progress: float) -> Metrics:
        """Learn from `batch`; `progress` in [0, 1] places the entropy schedule."""
        if not self.critic.embedding.normalizer(self.critic.embedding.names[0]).count:
            self._see(batch)
        advantage, returns = self._targets(batch)
        with torch.no_grad():
            error = (returns - self.critic.value(_before(batch))).var()
        self.critic.update_scale(returns)
        target = (returns - self.critic.mean) / self.critic.std
        advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
        sequences = _Sequences(batch, advantage, target, self.config.chunk)
        start, end = self.config.entropy
        bonus = start + (end - start) * progress
        metrics = self._epochs(sequences, bonus)
        # Only now, so that the replay above normalized observations as the worker did.
        self._see(batch)
        metrics["explained_variance"] = 1.0 - float(error / returns.var())
        metrics["return_mean"] = float(returns.mean())
        return metrics

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Moments of the optimizer and random numbers; the learning rate."""
        tensors = {"rng": self.generator.get_state()}
        for index, moments in self.optimizer.state_dict()["state"].items():
            tensors |= {f"{index}.{name}": torch.as_tensor(v) for name, v in moments.items()}
        return tensors, {"rate": self.rate}

    def load_state(self, tensors: dict[str, Tensor], data: dict[str, Any]) -> None:
        """Continue from `state()`."""
        moments: dict[int, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            index, _, name = key.partition(".")
            if name:
                moments.setdefault(int(index), {})[name] = value
        state = self.optimizer.state_dict()
        self.optimizer.load_state_dict({**state, "state": moments})
        self.rate = data["rate"]
        self._set_rate()
        self.generator.set_state(tensors["rng"])

    def _see(self, batch: Batch) -> None:
        self.actor.embedding.update(batch.actor)
        self.critic.embedding.update(batch.critic)

    @torch.no_grad()
    def _targets(self, batch: Batch) -> tuple[Tensor, Tensor]:
        value = self.critic.value(batch.critic)
        final = torch.zeros_like(batch.reward)
        if len(batch.final_index):
            steps, worlds = batch.final_index.T
            final[steps, worlds] = self.critic.value(batch.final)
        return advantages(
            batch.reward,
            value,
            final,
            batch.terminated,
            batch.truncated,
            self.config.gamma,
            self.config.gae_lambda,
        )

    def _epochs(self, sequences: _Sequences, bonus: float) -> Metrics:
        totals: dict[str, list[float]] = {}
        epochs = 0
        kl = 0.0
        for _ in range(self.config.epochs):
            kls = []
            for index in sequences.shuffled(self.config.minibatches, self.generator):
                metrics = self._minibatch(sequences, index, bonus)
                kls.append(metrics["kl"])
                for name, value in metrics.items():
                    totals.setdefault(name, []).append(value)
            epochs += 1
            kl = sum(kls) / len(kls)
            if kl > self.config.kl_stop:
                break
        self._steer(kl)
        means = {name: sum(values) / len(values) for name, values in totals.items()}
        return {**means, "kl": kl, "rate": self.rate, "epochs": float(epochs)}

    def _minibatch(self, sequences: _Sequences, index: Tensor, bonus: float) -> Metrics:
        part = sequences.take(index)
        distribution = self.actor.unroll(part.actor, part.carry, part.starts)
        change = distribution.log_prob(part.raw) - part.log_prob
        ratio = change.exp()
        clipped = ratio.clamp(1 - self.config.clip, 1 + self.config.clip)
        policy_loss = -torch.minimum(ratio * part.advantage, clipped * part.advantage).mean()
        entropy = distribution.entropy().mean()
        value_loss = 0.5 * (self.critic(part.critic) - part.target).square().mean()
        loss = policy_loss - bonus * entropy + value_loss
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        limit = self.config.max_grad_norm
        grad = nn.utils.clip_grad_norm_(self.actor.parameters(), limit)
        nn.utils.clip_grad_norm_(self.critic.parameters(), limit)
        self.optimizer.step()
        with torch.no_grad():
            # The k3 estimator: non-negative and of low variance (Schulman, "Approximating KL").
            kl = (ratio - 1 - change).mean()
            outside = ((ratio - 1).abs() > self.config.clip).float().mean()
        values = torch.stack((policy_loss, value_loss, entropy, kl, outside, grad)).tolist()
        return dict(zip(_METRICS, values, strict=True))

    def _steer(self, kl: float) -> None:
        low, high = self.config.kl_target
        slowest, fastest = self.config.rate_limits
        if kl < low:
            self.rate = min(self.rate * 1.3, fastest)
        elif kl > high:
            self.rate = max(self.rate / 1.5, slowest)
        self._set_rate()

    def _set_rate(self) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate


_METRICS = ("policy_loss", "value_loss", "entropy", "kl", "clip_fraction", "grad_norm")


def _before(batch: Batch) -> Terms:
    """The critic's view of the states that actions were taken in, (T, N, size)."""
    return {name: term[:-1] for name, term in batch.critic.items()}


class _Part:
    """L steps of B sequences."""

    def __init__(self, tensors: dict[str, Tensor], actor: Terms, critic: Terms, carry: Carry):
        self.actor, self.critic, self.carry = actor, critic, carry
        self.raw, self.log_prob = tensors["raw"], tensors["log_prob"]
        self.starts = tensors["starts"]
        self.advantage, self.target = tensors["advantage"], tensors["target"]


class _Sequences:
    """A batch (T, N) cut into chunks: (L, T/L * N), with the carry that each begins with."""

    def __init__(self, batch: Batch, advantage: Tensor, target: Tensor, chunk: int) -> None:
        self._chunk = chunk
        named = {"raw": batch.raw, "log_prob": batch.log_prob, "starts": batch.starts}
        named |= {"advantage": advantage, "target": target}
        self._tensors = {name: self._cut(value) for name, value in named.items()}
        self._actor = {name: self._cut(value) for name, value in batch.actor.items()}
        self._critic = {name: self._cut(value[:-1]) for name, value in batch.critic.items()}
        self._carry = tuple(torch.cat(parts) for parts in zip(*batch.carries, strict=True))
        self.count = self._tensors["raw"].shape[1]

    def _cut(self, value: Tensor) -> Tensor:
        chunks = value.unflatten(0, (-1, self._chunk)).transpose(0, 1)
        return chunks.flatten(1, 2)

    def shuffled(self, parts: int, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Random sequences, in `parts` of nearly equal size."""
        return torch.randperm(self.count, generator=generator).tensor_split(parts)

    def take(self, index: Tensor) -> _Part:
        tensors = {name: value[:, index] for name, value in self._tensors.items()}
        actor = {name: value[:, index] for name, value in self._actor.items()}
        critic = {name: value[:, index] for name, value in self._critic.items()}
        return _Part(tensors, actor, critic, tuple(part[index] for part in self._carry))
