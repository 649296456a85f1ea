"""Steps an environment with the actor, and hands over batches of experience."""

from __future__ import annotations

import math
import time
from typing import Any

import torch
from torch import Tensor

from ...envs.env import HandEnv, Observation
from ...envs.episode import Episode
from ...envs.sim.draws import new_generator
from ...policies.actor import Actor, Carry, forget
from ...policies.distributions import Distribution, Gaussian
from ..algorithms.algorithm import Collection
from ..config import RolloutConfig
from .batch import Batch, Terms


class Collector:
    """Steps N worlds with the actor; the next batch continues where the last one ended."""

    def __init__(
        self, env: HandEnv, actor: Actor, rollout: RolloutConfig, seed: int, asked: Collection
    ) -> None:
        """asked: what the algorithm asks of collection."""
        self.env = env
        self.actor = actor
        self.rollout, self.asked = rollout, asked
        self.generator = new_generator(env.device).manual_seed(seed)
        self.observation: Observation | None = None
        self.carry: Carry = actor.initial_carry(env.num_envs)
        self.starts = torch.ones(env.num_envs, dtype=torch.bool, device=env.device)
        self.noise = torch.zeros(env.num_envs, actor.num_motors, device=env.device)
        """(N, A) of the last step, standard normal; 0 before the first, and unless correlated."""
        self.progress = 0.0

    @torch.no_grad()
    def collect(self, version: int, progress: float = 0.0) -> Batch:
        """One batch with the present weights of the actor, which the caller has set.

        version: of these weights. progress: of the run, in [0, 1].
        """
        self.progress = progress
        began, physics = time.perf_counter(), self.env.sim_seconds
        broken = self.env.sim.failures
        if self.observation is None:
            self.observation, _ = self.env.reset()
        rows: list[dict[str, Any]] = []
        carries: list[Carry] = []
        for step in range(self.rollout.horizon):
            self.carry = forget(self.carry, self.starts)
            if step % self.rollout.bptt_steps == 0:
                carries.append(self.carry)
            rows.append(self._step())
        last = self.observation["critic"]
        critic = [row["critic"] for row in rows] + [last]
        final_index, final = _finals(rows, last)
        episodes: tuple[Episode, ...] = tuple(e for row in rows for e in row["episodes"])
        return Batch(
            version=version,
            actor=_stack([row["actor"] for row in rows]),
            critic=_stack(critic),
            **{key: torch.stack([row[key] for row in rows]) for key in _STEP_KEYS},
            carries=tuple(carries),
            final_index=final_index,
            final=final,
            episodes=episodes,
            sim_seconds=self.env.sim_seconds - physics,
            seconds=time.perf_counter() - began,
            episode_ids=(),
            labels=_stack([row["labels"] for row in rows]),
            student_share=sum(row["share"] for row in rows) / len(rows),
            broken=self.env.sim.failures - broken,
        )

    def state(self) -> dict[str, Tensor]:
        """What resuming needs, beside the state of the environment."""
        assert self.observation is not None, "nothing was collected yet"
        tensors = {f"carry.{i}": part.clone().cpu() for i, part in enumerate(self.carry)}
        for group, terms in self.observation.items():
            tensors |= {f"{group}.{name}": value.clone().cpu() for name, value in terms.items()}
        tensors |= {"starts": self.starts.cpu(), "noise": self.noise.cpu()}
        return {**tensors, "rng": self.generator.get_state()}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Continue from `state()`."""
        generator = state["rng"]
        state = {name: value.to(self.env.device) for name, value in state.items()}
        self.carry = tuple(state[f"carry.{i}"] for i in range(len(self.carry)))
        self.observation = {group: {} for group in self.env.terms}
        for key, value in state.items():
            group, _, name = key.partition(".")
            if group in self.observation:
                self.observation[group][name] = value
        self.starts = state["starts"]
        self.noise = state.get("noise", self.noise)  # checkpoints from before have none
        self.generator.set_state(generator)

    def _step(self) -> dict[str, Any]:
        assert self.observation is not None
        actor = self.actor.embedding.condensed(self.observation["actor"])
        seen: Observation = {**self.observation, "actor": actor}
        distribution, self.carry = self.actor(seen["actor"], self.carry)
        raw = self._sample(distribution)
        action, labels, share = self._act(seen, distribution.action(raw))
        self.observation, reward, terminated, truncated, info = self.env.step(action)
        row = {
            **seen,
            "raw": raw,
            "log_prob": self._log_prob(distribution, raw),
            "reward": reward,
            "terminated": terminated,
            "truncated": truncated,
            "starts": self.starts,
            "labels": labels,
            "share": share,
            "episodes": info["episodes"],
            "final": info.get("final"),
            "final_worlds": info.get("truncated_worlds"),
        }
        self.starts = terminated | truncated
        return row

    def _sample(self, distribution: Distribution) -> Tensor:
        """(N, A) raw actions. Correlated noise is an AR(1) process, standard normal at every step;
        log-probabilities are those of single steps, as in Colored Noise in PPO (Hollenstein et al.
        2024)."""
        share = self.rollout.noise_correlation
        if not share:
            return distribution.sample(self.generator)
        assert isinstance(distribution, Gaussian), "checked with the config"
        fresh = torch.empty_like(self.noise).normal_(generator=self.generator)
        changed = share * self.noise + math.sqrt(1.0 - share**2) * fresh
        self.noise = torch.where(self.starts.unsqueeze(-1), fresh, changed)
        return distribution.perturbed(self.noise)

    def _log_prob(self, distribution: Distribution, raw: Tensor) -> Tensor:
        """(N,), nan where the algorithm does not ask for it."""
        if self.asked.log_prob:
            return distribution.log_prob(raw)
        return torch.full(raw.shape[:1], math.nan, device=raw.device)

    def _act(self, seen: Observation, action: Tensor) -> tuple[Tensor, Terms, float]:
        """The actions that are applied (N, A), the labels of a teacher, and the fraction of worlds
        in which the actor acts. action: (N, A), of the actor."""
        return action, {}, 1.0


_STEP_KEYS = ("raw", "log_prob", "reward", "terminated", "truncated", "starts")


def _stack(rows: list[Terms]) -> Terms:
    return {name: torch.stack([row[name] for row in rows]) for name in rows[0]}


def _finals(rows: list[dict[str, Any]], like: Terms) -> tuple[Tensor, Terms]:
    """Step and world of each truncation (K, 2), and what the critic sees there, each (K, size)."""
    cut = [(t, row) for t, row in enumerate(rows) if row["final"] is not None]
    if not cut:
        device = next(iter(like.values())).device
        empty = torch.zeros(0, 2, dtype=torch.long, device=device)
        return empty, {name: value[:0] for name, value in like.items()}
    index = [
        torch.stack((torch.full_like(row["final_worlds"], t), row["final_worlds"]), dim=1)
        for t, row in cut
    ]
    final = {name: torch.cat([row["final"]["critic"][name] for _, row in cut]) for name in like}
    return torch.cat(index), final
