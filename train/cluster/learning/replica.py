"""What a learner process does: its copy of the networks and its share of batches. Knows no Ray."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import Tensor

from ...algorithms.agent import sized_agent
from ...algorithms.learner_group import Alone
from ...config import TrainConfig
from ...rollout.batch import Batch
from ...rollout.in_process import learner
from ...runs.checkpoint import load_module, module_tensors
from ...runs.training_loop import Metrics
from ..actor_errors import PeerLost
from ..array_wire import digest, to_arrays, to_tensors, unpack
from .process_group import Meeting, Peers, listen, lost


class Replica:
    """One of several learners; what they have agrees bit for bit after every update."""

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
        agent = sized_agent(config.policy, **about, seed=config.seed)
        self.agent = agent
        for module in (agent.actor, agent.critic):
            module.to(device)
        self._device = device
        peers = self._peers(meeting, "nccl" if gpus >= 1 and device == "cuda" else "gloo")
        self.learner = learner(config, agent, peers)

    def _peers(self, meeting: Meeting, backend: str) -> Alone:
        if meeting.rank == 0 and meeting.count > 1:
            return Peers(meeting, self._listener, self._device, backend)
        self._listener.close()
        return Peers(meeting, None, self._device, backend) if meeting.rank else Alone()

    def load(self, weights: dict[str, Any], tensors: dict[str, Any], data: dict[str, Any]) -> None:
        """Continue from what `update` returned, or from the weights alone."""
        own = to_tensors(weights)
        load_module("actor", self.agent.actor, own, "learner")
        load_module("critic", self.agent.critic, own, "learner")
        if data:
            self.learner.load_state(to_tensors(tensors), data)

    def update(self, share: dict[str, Any], progress: float) -> dict[str, Any]:
        """Learn from the own share (`wire.pack`) of a batch, together with the others.

        Each returns its time and a digest of its weights; learner 0 also all that continuing takes,
        and the metrics of the whole batch.
        """
        began = time.perf_counter()
        batch = unpack(share, self._device)
        metrics = self._learn(batch, progress)
        weights = to_arrays(self._weights())
        found = {"seconds": time.perf_counter() - began, "digest": digest(weights)}
        if self.learner.peers.rank:
            return found
        tensors, data = self.learner.state()
        state = {"weights": weights, "tensors": to_arrays(tensors), "data": data}
        return {**found, "metrics": metrics, "state": state}

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
