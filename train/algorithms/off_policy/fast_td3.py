"""TD3 in the manner of FastTD3 (Seo et al. 2025): many worlds, a replay memory, distributions."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ....errors import ConfigError
from ...rollout.batch import Batch
from ...runs.checkpoint import load_module, load_moments, module_tensors, moments_of
from ..agent import Agent
from ..algorithm import Algorithm, Collection, Metrics
from ..learner_group import LearnerGroup
from ..precision import autocast, is_low
from .critics import Support, TwinCritics
from .fast_td3_config import FastTd3Config
from .replay_memory import Replay, Sample, Steps

if TYPE_CHECKING:
    from ...config import TrainConfig


class FastTd3(Algorithm):
    """Twin critics of the noisy policy's n-step returns, and an actor that follows their gradient.

    The entropy of a Gaussian whose standard deviation does not depend on the state is the same in
    every state, so there is no entropy bonus and no temperature; the noise follows a schedule.
    The value network of the agent is not trained; its normalizers are those of the critics.
    """

    config_type = FastTd3Config
    config: FastTd3Config
    metrics = ("replay_steps", "gradient_steps", "action_std")

    def __init__(
        self, config: Any, run: TrainConfig, agent: Agent, seed: int, group: LearnerGroup
    ) -> None:
        if agent.actor.embedding.encoders or agent.critic.embedding.encoders:
            got = ", ".join([*agent.actor.embedding.encoders, *agent.critic.embedding.encoders])
            raise ConfigError(
                f"observation terms: got {got} with algorithm fast_td3, allowed: vectors"
            )
        self.config, self.actor = config, agent.actor
        self.seen, self.state_of = agent.actor.embedding, agent.critic.embedding
        self.device = agent.actor.head.weight.device
        self.low = is_low(config.precision, self.device)
        low, high = config.value_range
        self.support = Support(low, high, config.atoms, self.device)
        size = sum(map(len, self.state_of.columns().values())) + agent.actor.num_motors
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            critics = TwinCritics(size, run.policy.critic_layers, self.support, self.low)
        self.critics = critics.to(self.device)
        self.targets = copy.deepcopy(self.critics).requires_grad_(False)
        self._learned = [v for name, v in self.actor.named_parameters() if name != "log_std"]
        self.actor_optimizer = torch.optim.Adam(self._learned, lr=config.learning_rate, fused=True)
        self.critic_optimizer = torch.optim.Adam(
            self.critics.parameters(), lr=config.learning_rate, fused=True
        )
        self.generator = torch.Generator().manual_seed(seed)
        self.replay = Replay(config.replay_steps)
        self.taken, self._owed = 0, 0.0
        """Gradient steps so far, and the part of one that is still owed."""

    @classmethod
    def collection(cls, config: Any, run: TrainConfig) -> Collection:
        """See `Algorithm`."""
        return Collection(log_prob=False)

    @classmethod
    def warm_up_steps(cls, config: Any) -> int:
        """See `Algorithm`."""
        return int(config.warmup_steps)

    @classmethod
    def check(cls, config: Any, run: TrainConfig) -> None:
        """See `Algorithm`."""
        for name, got, allowed in (
            ("policy.memory", run.policy.memory, "none"),
            ("policy.head", run.policy.head, "gaussian"),
            ("train.learners", run.train.learners, 0),
        ):
            if got != allowed:
                raise ValueError(f"{name}: got {got} with algorithm fast_td3, allowed: {allowed}")

    def update(self, batch: Batch, progress: float) -> Metrics:
        """See `Algorithm`."""
        self.seen.update(batch.actor)
        self.state_of.update(batch.critic)
        self._remember(batch)
        std = self._set_std(progress)
        rows: list[dict[str, Tensor]] = []
        if self.replay.steps >= self.config.warmup_steps:
            self._owed += batch.steps * self.config.replay_ratio / self.config.batch_size
            rows = [self._step() for _ in range(int(self._owed))]
            self._owed -= len(rows)
        names = {name: None for row in rows for name in row}
        means = {
            name: float(torch.stack([r[name] for r in rows if name in r]).mean()) for name in names
        }
        own = {"replay_steps": self.replay.steps, "gradient_steps": self.taken, "action_std": std}
        return {**means, **{name: float(value) for name, value in own.items()}}

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """See `Algorithm`."""
        parts = {
            "actor_optimizer": moments_of(self.actor_optimizer),
            "critic_optimizer": moments_of(self.critic_optimizer),
        }
        data: dict[str, Any] = {"taken": self.taken, "owed": self._owed}
        if self.config.keep_replay:
            parts["replay"], data["replay"] = self.replay.state()
        tensors = {
            f"{part}.{name}": v for part, values in parts.items() for name, v in values.items()
        }
        tensors |= module_tensors("critics", self.critics) | module_tensors("targets", self.targets)
        return {**tensors, "rng": self.generator.get_state()}, data

    def load_state(self, tensors: dict[str, Tensor], data: dict[str, Any]) -> None:
        """See `Algorithm`. Without a saved memory, learning goes on when it is warm again."""
        load_module("critics", self.critics, tensors, "fast_td3")
        load_module("targets", self.targets, tensors, "fast_td3")
        load_moments(self.actor_optimizer, _part(tensors, "actor_optimizer"))
        load_moments(self.critic_optimizer, _part(tensors, "critic_optimizer"))
        self.generator.set_state(tensors["rng"])
        self.taken, self._owed = int(data["taken"]), float(data["owed"])
        if "replay" in data:
            self.replay.load_state(_part(tensors, "replay"), data["replay"], self.device)

    def _remember(self, batch: Batch) -> None:
        # The Gaussian's actions as they were applied: clipped.
        self.replay.add(
            Steps(
                self.seen.joined(batch.actor),
                self.state_of.joined(batch.critic),
                batch.raw.clamp(-1.0, 1.0),
                batch.reward,
                batch.terminated,
                batch.truncated,
            )
        )

    @torch.no_grad()
    def _set_std(self, progress: float) -> float:
        first, last = self.config.action_std
        std = first + (last - first) * progress
        self.actor.log_std.fill_(std).log_()
        return std

    def _step(self) -> dict[str, Tensor]:
        """One gradient step of the critics, and every few one of the actor."""
        config = self.config
        sample = self.replay.sample(config.batch_size, config.n_steps, config.gamma, self.generator)
        state = self.state_of.normalize(sample.critic)
        row = self._improve_critics(sample, state)
        self.taken += 1
        if self.taken % config.actor_every == 0:
            row |= self._improve_actor(sample, state)
        return row

    def _improve_critics(self, sample: Sample, state: Tensor) -> dict[str, Tensor]:
        with torch.no_grad():
            following = self.state_of.normalize(sample.next_critic)
            action = self._noisy(self._mean(sample.next_actor)).clamp(-1.0, 1.0)
            probability = self.targets.lower(following, action, self.support)
            target = self.support.project(probability, sample.reward, sample.discount)
            value = target @ self.support.values
        loss = torch.zeros((), device=self.device)
        for logits in self.critics(state, sample.action):
            loss = loss - ((target * logits.log_softmax(dim=-1)).sum(dim=-1) * sample.weight).mean()
        self.critic_optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.critics.parameters(), self.config.max_grad_norm)
        self.critic_optimizer.step()
        with torch.no_grad():
            pairs = zip(self.targets.parameters(), self.critics.parameters(), strict=True)
            for old, new in pairs:
                old.lerp_(new, self.config.target_rate)
        at_ends = (target[:, 0] + target[:, -1]).mean()
        return {"critic_loss": loss.detach(), "value_mean": value.mean(), "value_at_ends": at_ends}

    def _improve_actor(self, sample: Sample, state: Tensor) -> dict[str, Tensor]:
        mean = self._mean(sample.actor)
        value = self.support.mean(self.critics.one(state, clipped(self._noisy(mean)))).mean()
        loss = self.config.action_penalty * mean.square().sum(dim=-1).mean() - value
        self.actor_optimizer.zero_grad(set_to_none=True)
        loss.backward(inputs=self._learned)
        grad = nn.utils.clip_grad_norm_(self._learned, self.config.max_grad_norm)
        self.actor_optimizer.step()
        beyond = (mean.detach().abs() > 1.0).float().mean()
        return {"policy_loss": loss.detach(), "grad_norm": grad, "means_beyond": beyond}

    def _mean(self, seen: Tensor) -> Tensor:
        """Mean actions (B, A) of the present policy."""
        inputs = self.seen.normalize(seen)
        with autocast(self.low, self.device):
            features = self.actor.features(inputs, (), inputs)  # the last is unused without memory
            mean: Tensor = self.actor.head(features)
        return mean.float()

    def _noisy(self, mean: Tensor) -> Tensor:
        noise = torch.randn(mean.shape, generator=self.generator).to(mean.device)
        return mean + self.actor.log_std.detach().exp() * noise


def clipped(raw: Tensor) -> Tensor:
    """Actions in [-1, 1], from which a gradient leads back: outside it is kept where it points
    inwards, and would otherwise be lost, so that a policy beyond the limits could never return.
    """
    action = raw + (raw.clamp(-1.0, 1.0) - raw).detach()
    beyond, side = raw.detach().abs() > 1.0, raw.detach().sign()
    action.register_hook(lambda grad: grad.masked_fill(beyond & (grad * side < 0.0), 0.0))
    return action


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    named = {name.partition(".")[::2]: value for name, value in tensors.items()}
    return {name: value for (part, name), value in named.items() if part == prefix}
