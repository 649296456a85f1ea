"""The work of a learner process: its copy of the networks, its share of batches. Without Ray."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import Tensor

from ...algorithms.agent import sized_agent
from ...algorithms.learner_group import LearnerGroup
from ...config import TrainConfig
from ...rollout.batch import Batch
from ...rollout.in_process import learner
from ...runs.checkpoint import load_module, module_tensors
from ...runs.training_loop import Metrics
from ..actor_errors import PeerLost
from ..array_wire import digest, to_arrays, to_tensors, unpack
from .process_group import Meeting, ProcessGroup, listen, lost


class Replica:
    """One of several learners; their weights agree bit for bit after every update."""

    def __init__(self, host: str) -> None:
        """host: this machine's address, at which the others find it if it is the first."""
        self._listener = listen(host)
        self.port = int(self._listener.getsockname()[1])

    def join(
        self,
        config: TrainConfig,
        about: dict[str, Any],
        meeting: Meeting,
        gpus: float,
        threads: int,
    ) -> None:
        """Build the networks and meet the others. about: see `Rollout.about`."""
        torch.set_num_threads(threads)
        device = "cuda" if gpus and torch.cuda.is_available() else "cpu"
        self.agent = sized_agent(config.policy, **about, seed=config.seed).to(device)
        self._device = device
        self.group = self._meet(meeting, "nccl" if gpus >= 1 and device == "cuda" else "gloo")
        self.learner = learner(config, self.agent, self.group)

    def _meet(self, meeting: Meeting, backend: str) -> LearnerGroup:
        if meeting.rank == 0 and meeting.count > 1:
            return ProcessGroup(meeting, self._listener, self._device, backend)
        self._listener.close()
        if not meeting.rank:
            return LearnerGroup()
        return ProcessGroup(meeting, None, self._device, backend)

    def load(self, weights: dict[str, Any], tensors: dict[str, Any], data: dict[str, Any]) -> None:
        """Continue from what `update` returned, or from the weights alone."""
        named = to_tensors(weights)
        load_module("actor", self.agent.actor, named, "learner")
        load_module("critic", self.agent.critic, named, "learner")
        if data:
            self.learner.load_state(to_tensors(tensors), data)

    def update(self, share: dict[str, Any], progress: float) -> dict[str, Any]:
        """Learn from the own share (`array_wire.pack`) of a batch, together with the others.

        Each returns its time and a digest of its weights; learner 0 also all that continuing takes,
        and the metrics of the whole batch.
        """
        began = time.perf_counter()
        batch = unpack(share, self._device)
        metrics = self._learn(batch, progress)
        weights = to_arrays(self._weights())
        result = {"seconds": time.perf_counter() - began, "digest": digest(weights)}
        if self.group.rank:
            return result
        tensors, data = self.learner.state()
        state = {"weights": weights, "tensors": to_arrays(tensors), "data": data}
        return {**result, "metrics": metrics, "state": state}

    def _learn(self, batch: Batch, progress: float) -> Metrics:
        try:
            return self.learner.update(batch, progress)
        except RuntimeError as error:
            if lost(error):
                raise PeerLost(" ".join(str(error).split())[:200]) from error
            raise

    def _weights(self) -> dict[str, Tensor]:
        return {
            **module_tensors("actor", self.agent.actor),
            **module_tensors("critic", self.agent.critic),
        }
