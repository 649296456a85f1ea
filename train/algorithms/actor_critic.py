"""Actor-critic learning on sequences, in epochs of minibatches: what PPO and cloning share."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import torch
from torch import Tensor, nn

from ...config import Range
from ..rollout.batch import Batch, advantages
from ..runs.checkpoint import load_moments, moments_of
from .agent import Agent
from .algorithm import Algorithm, Metrics
from .learner_group import LearnerGroup
from .precision import Precision, autocast, is_low
from .sequences import Part, Sequences, shuffled

if TYPE_CHECKING:
    from ..config import TrainConfig

Rate = Annotated[float, Range(0, 1, open_low=True)]
METRICS = (
    "value_loss", "entropy", "grad_norm", "epochs", "learning_rate", "explained_variance",
    "return_mean",
)  # fmt: skip
"""Of every `ActorCritic`."""


@dataclass(frozen=True)
class ActorCriticConfig:
    """What the configs of PPO and of cloning share."""

    epochs: Annotated[int, Range(1, 100)] = 2
    """Passes over each batch."""
    minibatches: Annotated[int, Range(1, 1024)] = 8
    """Minibatches of each pass."""
    gamma: Annotated[float, Range(0, 1)] = 0.99
    """Discount factor per control step."""
    gae_lambda: Annotated[float, Range(0, 1)] = 0.95
    """Lambda of generalized advantage estimation (Schulman et al. 2015)."""
    max_grad_norm: Annotated[float, Range(0, 1e6, open_low=True)] = 1.0
    """Largest norm of the gradients; those of actor and critic are clipped separately."""
    precision: Precision = "auto"
    """Of the networks while they learn: float32, bfloat16 (torch's automatic mixed precision), or
    auto: bfloat16 on a CPU with AVX-512 BF16. The policy acts in float32, and networks that see
    pictures learn in it."""


class ActorCritic(Algorithm):
    """Improves actor and critic from one batch (T, N) at a time.

    With several learners, each has its own worlds of the batch, and all of them do what one would
    do with the whole of it, except for which sequences share a minibatch.
    """

    scores: type[nn.Module]
    """Made of actor and critic: what gradients are propagated back through."""
    distance: str
    """The metric whose mean over the last epoch is logged, and adapts the learning rate."""

    def __init__(
        self, config: Any, run: TrainConfig, agent: Agent, seed: int, group: LearnerGroup
    ) -> None:
        self.config, self.bptt_steps = config, run.rollout.bptt_steps
        self.actor, self.critic = agent.actor, agent.critic
        self.group = group
        self.device = agent.actor.head.weight.device
        # Pictures' encoders compute angles and positions, which bfloat16 would round.
        self.low = is_low(config.precision, self.device) and not agent.actor.embedding.encoders
        scores = self._make_scores(agent, seed)
        self._scores = group.wrap(scores)
        self.learning_rate = self._first_learning_rate()
        self.optimizer = torch.optim.Adam(
            list(scores.parameters()),
            lr=self.learning_rate,
            eps=1e-5,
            fused=True,
        )
        self.generator = torch.Generator().manual_seed(seed)

    @classmethod
    def least_worlds(cls, config: Any, run: TrainConfig) -> int:
        """See `Algorithm`: enough worlds for a sequence in every minibatch."""
        return -(-int(config.minibatches) // run.rollout.sequences)

    def update(self, batch: Batch, progress: float) -> Metrics:
        """See `Algorithm`."""
        if self.critic.embedding.fresh:
            self._normalize(batch)
        new, batch = batch, self._learned_from(batch)
        # Normalizers stay as they are until the end, so their output is computed once.
        seen = self.actor.embedding.inputs(batch.actor)
        state = self.critic.embedding.inputs(batch.critic)
        advantage, returns, value = self._targets(batch, state)
        error = self.group.spread(returns - value).variance
        of_returns = self.group.spread(returns)
        self.critic.update_scale(of_returns.mean, of_returns.std)
        target = (returns - self.critic.mean) / self.critic.std
        of_advantage = self.group.spread(advantage)
        advantage = (advantage - of_advantage.mean) / (of_advantage.std + 1e-8)
        sequences = Sequences(batch, seen, state[:-1], advantage, target, self.bptt_steps)
        metrics = self._epochs(sequences, progress)
        self._adapt(metrics[self.distance], progress)
        metrics["learning_rate"] = self.learning_rate
        # Only now, so that the replay above normalized observations as the worker did.
        self._normalize(new)
        metrics["explained_variance"] = 1.0 - float(error / of_returns.variance)
        metrics["return_mean"] = float(of_returns.mean)
        return metrics

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """See `Algorithm`: moments of the optimizer and random numbers; the learning rate."""
        tensors = {"rng": self.generator.get_state()}
        data = {"learning_rate": self.learning_rate}
        return {**tensors, **moments_of(self.optimizer)}, data

    def load_state(self, tensors: dict[str, Tensor], data: dict[str, Any]) -> None:
        """See `Algorithm`."""
        load_moments(self.optimizer, tensors)
        self._set_learning_rate(data["learning_rate"])
        self.generator.set_state(tensors["rng"])

    def _make_scores(self, agent: Agent, seed: int) -> nn.Module:
        """The module of `scores`; the optimizer has its parameters."""
        return self.scores(agent.actor, agent.critic)

    def _score(self, *arguments: Any) -> Any:
        """What `scores` gives, with its networks in the precision of the config."""
        with autocast(self.low, self.device):
            return self._scores(*arguments)

    @abstractmethod
    def _first_learning_rate(self) -> float:
        """The learning rate of the first update."""

    @abstractmethod
    def _loss(self, part: Part, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of a minibatch, and its metrics, () each."""

    @abstractmethod
    def _adapt(self, distance: float, progress: float) -> None:
        """Set the learning rate of the next update."""

    def _stops(self, distance: float) -> bool:
        """Whether the update ends after an epoch with this distance."""
        return False

    def _learned_from(self, batch: Batch) -> Batch:
        """What an update learns from: the new batch, and whatever an algorithm adds to it."""
        return batch

    def _normalize(self, batch: Batch) -> None:
        """Update the normalizers of the observations."""
        self.actor.embedding.update(batch.actor, self.group.combine)
        self.critic.embedding.update(batch.critic, self.group.combine)

    @torch.no_grad()
    def _targets(self, batch: Batch, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Advantages, returns, and values before the update, (T, N) each."""
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

    def _epochs(self, sequences: Sequences, progress: float) -> Metrics:
        totals: dict[str, list[float]] = {}
        epochs = 0
        distance = 0.0
        counts = self.group.gather(sequences.count)
        for _ in range(self.config.epochs):
            distances = []
            for index, weight in shuffled(
                counts, self.group.rank, self.config.minibatches, self.generator
            ):
                metrics = self._minibatch(sequences, index, weight, progress)
                distances.append(metrics[self.distance])
                for name, value in metrics.items():
                    totals.setdefault(name, []).append(value)
            epochs += 1
            distance = sum(distances) / len(distances)
            if self._stops(distance):
                break
        means = {name: sum(values) / len(values) for name, values in totals.items()}
        return {**means, self.distance: distance, "epochs": float(epochs)}

    def _minibatch(
        self, sequences: Sequences, index: Tensor, weight: float, progress: float
    ) -> Metrics:
        loss, metrics = self._loss(sequences.take(index), progress)
        self.optimizer.zero_grad(set_to_none=True)
        (loss * weight).backward()
        limit = self.config.max_grad_norm
        grad = nn.utils.clip_grad_norm_(self.actor.parameters(), limit)
        nn.utils.clip_grad_norm_(self.critic.parameters(), limit)
        self.optimizer.step()
        metrics["grad_norm"] = grad
        values = torch.stack(list(metrics.values())).detach()
        return dict(zip(metrics, self.group.mean(values, weight).tolist(), strict=True))

    def _set_learning_rate(self, learning_rate: float) -> None:
        self.learning_rate = learning_rate
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
