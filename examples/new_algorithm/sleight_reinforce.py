"""REINFORCE (Williams 1992): the policy gradient of Monte-Carlo returns, without a critic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import torch
from torch import Tensor, nn

from sleight.config import Range
from sleight.policies.actor import Actor, Carry
from sleight.train.algorithms.agent import Agent
from sleight.train.algorithms.algorithm import Algorithm, Collection, Metrics
from sleight.train.algorithms.learner_group import LearnerGroup
from sleight.train.algorithms.sequences import Sequences
from sleight.train.config import TrainConfig
from sleight.train.rollout.batch import Batch
from sleight.train.runs.checkpoint import load_moments, moments_of


@dataclass(frozen=True)
class ReinforceConfig:
    """REINFORCE (Williams 1992)."""

    learning_rate: Annotated[float, Range(0, 1, open_low=True)] = 3e-3
    """Learning rate of Adam; there is one gradient step per batch."""
    gamma: Annotated[float, Range(0, 1)] = 0.9
    """Discount factor per control step."""
    max_grad_norm: Annotated[float, Range(0, 1e6, open_low=True)] = 1.0
    """Largest norm of the gradient."""


class LogProb(nn.Module):
    """What the gradient is propagated back through."""

    def __init__(self, actor: Actor) -> None:
        super().__init__()
        self.actor = actor

    def forward(self, inputs: Tensor, carry: Carry, starts: Tensor, raw: Tensor) -> Tensor:
        """Log-probability (L, S) of the actions of S sequences of L steps."""
        return self.actor.replay(inputs, carry, starts).log_prob(raw)


class Reinforce(Algorithm):
    """One gradient step per batch. The baseline is the mean return over the worlds at each step."""

    config_type = ReinforceConfig

    def __init__(
        self, config: Any, run: TrainConfig, agent: Agent, seed: int, group: LearnerGroup
    ) -> None:
        self.config, self.bptt_steps = config, run.rollout.bptt_steps
        self.actor, self.group = agent.actor, group
        self.log_prob = group.wrap(LogProb(agent.actor))
        self.optimizer = torch.optim.Adam(agent.actor.parameters(), lr=config.learning_rate)

    @classmethod
    def collection(cls, config: Any, run: TrainConfig) -> Collection:
        """See `Algorithm`: the log-probabilities are computed here, with their gradient."""
        return Collection(log_prob=False)

    def update(self, batch: Batch, progress: float) -> Metrics:
        """See `Algorithm`."""
        returns = discounted(batch.reward, batch.terminated | batch.truncated, self.config.gamma)
        spread = self.group.spread(returns)
        advantage = (returns - returns.mean(dim=1, keepdim=True)) / (spread.std + 1e-8)
        seen = self.actor.embedding.inputs(batch.actor)
        sequences = Sequences(batch, seen, seen, advantage, returns, self.bptt_steps)
        part = sequences.take(torch.arange(sequences.count))
        log_prob = self.log_prob(part.actor, part.carry, part.starts, part.raw)
        loss = -(log_prob * part.advantage).mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.actor.parameters(), self.config.max_grad_norm)
        self.optimizer.step()
        self.actor.embedding.update(batch.actor, self.group.combine)  # for the next batch
        return {
            "policy_loss": float(loss.detach()),
            "grad_norm": float(norm),
            "return_mean": float(spread.mean),
        }

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """See `Algorithm`: the moments of Adam; nothing here is random."""
        return moments_of(self.optimizer), {}

    def load_state(self, tensors: dict[str, Tensor], data: dict[str, Any]) -> None:
        """See `Algorithm`."""
        load_moments(self.optimizer, tensors)


def discounted(reward: Tensor, done: Tensor, gamma: float) -> Tensor:
    """Discounted return (T, N) from each step to the end of its episode, or of the batch."""
    returns = torch.zeros_like(reward)
    ahead = torch.zeros_like(reward[0])
    for step in range(len(reward) - 1, -1, -1):
        ahead = reward[step] + gamma * ahead * ~done[step]
        returns[step] = ahead
    return returns
