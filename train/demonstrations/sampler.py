"""Batches from demonstrations instead of worlds: what `clone.data` learns from."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import Tensor

from ...adr.state import AdrState
from ...envs.env import HandEnv
from ...envs.mdp.observations import CAMERA_IMAGES, compute
from ...errors import CheckpointError
from ...policies.actor import Actor, Carry, forget
from ...policies.distributions import Gaussian
from ...policies.imitation import describe
from ..config import TrainConfig
from ..rollout.batch import Batch, Terms, on_device
from .checks import readable
from .data_set import Demonstrations
from .lanes import Lanes
from .trials import Trials


class DemonstrationSampler:
    """A `Sampler` whose N lanes (`env.num_worlds`) read one episode after the other.

    The student's memory goes on from batch to batch, as in worlds: each sequence begins with what
    the present student remembers of the episode so far.
    """

    def __init__(
        self, config: TrainConfig, data: Demonstrations, env: HandEnv, actor: Actor, std: float
    ) -> None:
        """env: whose terms the student has. actor: the one that learns. std: of labels without."""
        self.config, self.data, self.actor, self._std = config, data, actor, std
        self._terms = {group: readable(env, group) for group in ("actor", "critic")}
        self._parameters = env.coordinates.shape[1]
        self._lanes = Lanes(data.begins, data.ends, config.env.num_worlds, config.seed + 1)
        self._carry: Carry = actor.initial_carry(config.env.num_worlds)
        lasts = torch.zeros(2, int(data.ends[-1]), dtype=torch.bool)
        self._failed, self._limited = lasts
        """(M,) the last steps of episodes, by how they ended."""
        self._failed[data.ends[data.terminated] - 1] = True
        self._limited[data.ends[~data.terminated] - 1] = True
        self._trials = Trials(config)
        self._version = 0

    def publish(
        self, version: int, weights: dict[str, Tensor], adr: AdrState, progress: float = 0.0
    ) -> None:
        """See `Sampler`: the actor is the very one that learns."""
        self._version = version

    @torch.no_grad()
    def next(self) -> Batch:
        """See `Sampler`."""
        began = time.perf_counter()
        rows, starts = self._lanes.take(self.config.rollout.horizon)
        device = self.actor.head.weight.device
        actor = {n: value.to(device) for n, value in self._actor_terms(rows[:-1]).items()}
        actor = self.actor.embedding.condensed(actor)
        carries = self._remember(actor, starts.to(device))
        batch = self._batch(rows, starts, actor, carries, time.perf_counter() - began)
        return on_device(batch, device)

    def _batch(
        self, rows: Tensor, starts: Tensor, actor: Terms, carries: list[Carry], seconds: float
    ) -> Batch:
        arrays, now = self.data.arrays, rows[:-1]
        terminated, truncated = self._failed[now], self._limited[now]
        critic = self._critic_terms(rows)
        cut = truncated.nonzero()
        # What came after a limit is not recorded; the state before it is worth nearly the same.
        final = {name: value[cut[:, 0], cut[:, 1]] for name, value in critic.items()}
        return Batch(
            version=self._version,
            actor=actor,
            critic=critic,
            raw=arrays["action"][now],
            log_prob=torch.full(now.shape, torch.nan),
            reward=arrays.get("reward", arrays["success"])[now].float(),
            terminated=terminated,
            truncated=truncated,
            starts=starts,
            carries=tuple(carries),
            final_index=cut,
            final=final,
            episodes=(),
            sim_seconds=0.0,
            seconds=seconds,
            labels=self._labels(now),
            student_share=0.0,
        )

    def _actor_terms(self, rows: Tensor) -> Terms:
        flat, terms = rows.flatten(), self._terms["actor"]
        sensors = self.data.sensors(flat)
        if CAMERA_IMAGES in terms:
            sensors |= self.data.pictures(flat)
        return {n: value.unflatten(0, rows.shape) for n, value in compute(terms, sensors).items()}

    def _critic_terms(self, rows: Tensor) -> Terms:
        """The parameters of the worlds are not in the data: the critic sees nominal ones."""
        flat = rows.flatten()
        sensors = {**self.data.truth(flat), "world": torch.zeros(len(flat), self._parameters)}
        found = compute(self._terms["critic"], sensors)
        return {name: value.unflatten(0, rows.shape) for name, value in found.items()}

    def _labels(self, rows: Tensor) -> Terms:
        mean = self.data.arrays["mean"][rows]
        std = self.data.arrays.get("std")
        spread = torch.full_like(mean, self._std) if std is None else std[rows]
        return describe(Gaussian(mean, spread.clamp_min(1e-4).log()), self.actor.config)

    def _remember(self, actor: Terms, starts: Tensor) -> list[Carry]:
        """The student's memory before each sequence of `rollout.bptt_steps`."""
        carries = []
        for step in range(len(starts)):
            self._carry = forget(self._carry, starts[step])
            if step % self.config.rollout.bptt_steps == 0:
                carries.append(self._carry)
            if self._carry:
                seen = {name: value[step] for name, value in actor.items()}
                _, self._carry = self.actor(seen, self._carry)
        return carries

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """See `Sampler`."""
        tensors = {f"carry.{i}": part.clone().cpu() for i, part in enumerate(self._carry)}
        return {**tensors, **self._lanes.state()}, {"demonstrations": self.data.manifest.id}

    def load_state(self, tensors: dict[str, Tensor], data: dict[str, Any]) -> None:
        """See `Sampler`. Raises CheckpointError for a run that began with other data."""
        if (before := data.get("demonstrations")) != self.data.manifest.id:
            raise CheckpointError(
                f"{self.data.folder}: id: got {self.data.manifest.id}, allowed: {before}, of the"
                " data that the run began with"
            )
        device = self.actor.head.weight.device
        count = len(self._carry)
        self._carry = tuple(tensors[f"carry.{i}"].to(device) for i in range(count))
        self._lanes.load_state(tensors)

    def metrics(self) -> dict[str, Any]:
        """See `Sampler`: of an evaluation in simulation, every `train.evaluate_s`."""
        return self._trials.of(self.actor, self._version)

    def close(self) -> None:
        """See `Sampler`: it holds nothing."""
