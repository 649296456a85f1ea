"""Data-parallel learners on the cluster: each has a share of every batch.

This process keeps what learner 0 brought back from the last update: weights, optimizer, random
numbers. So whoever is killed, all are started again from there, and learn from the same batch
again: nothing is lost, and the run is the one that nobody disturbed.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from ....config import to_dict
from ....errors import ConfigError, ConnectError, SleightError
from ....machine import usable_cores
from ...algorithms.agent import Agent
from ...algorithms.algorithm_registry import least_worlds
from ...config import TrainConfig
from ...rollout.batch import Batch, split
from ...runs.checkpoint import load_module, module_tensors
from ...runs.training_loop import Metrics
from ..actor_errors import MAX_DEATHS, PeerLost, own_error, put
from ..array_wire import pack, to_arrays, to_tensors
from ..identity import check_identity, identity
from ..patience import Patience
from .learner_worker import LearnerWorker


class Lost(Exception):
    """A learner died, or does not respond."""


class Learners:
    """See `training_loop.Learns`."""

    def __init__(self, config: TrainConfig) -> None:
        """Requests the processes without waiting for them. Raises ConfigError for too many."""
        check_shares(config)
        self.config = config
        self.count = config.train.learners
        self.restarts = 0
        self._patience = Patience(config.ray.hang_s)
        self._state: tuple[dict[str, Tensor], dict[str, Any]] = {}, {}
        self._fresh = False
        """Whether the learners have the weights and the state of this process."""
        self._deaths = 0
        self._places: list[Any] = []
        self.pids: list[int] = []
        self.actors = self._ask()

    def begin(self, agent: Agent, about: dict[str, Any]) -> None:
        """Wait until all have joined the group.

        about: see `Rollout.about`; agent: the networks that they improve.
        Raises ConfigError when they find no room within `ray.wait_s`, or run other code.
        """
        self.agent, self.about = agent, about
        try:
            self._meet()
        except (Lost, ConnectError) as error:
            raise ConfigError(str(error)) from error

    def update(self, batch: Batch, progress: float) -> Metrics:
        """See `Learns`. Raises SleightError when learners die again and again."""
        began = time.perf_counter()
        shares = [put(pack(part)) for part in split(batch, self.count)]
        shared = time.perf_counter()
        results = self._until_done(shares, progress)
        learned = time.perf_counter()
        if len({each["digest"] for each in results}) > 1:
            raise SleightError(
                "learners: got weights that differ after an update, allowed: the same in each;"
                " their machines have to be of one kind"
            )
        state = to_tensors(results[0]["state"])
        self._state = state["tensors"], state["data"]
        for prefix, module in (("actor", self.agent.actor), ("critic", self.agent.critic)):
            load_module(prefix, module, state["weights"], "learner 0")
        return {
            **results[0]["metrics"],
            "learners": self.count,
            "learner_restarts": self.restarts,
            "learner_s": round(max(each["seconds"] for each in results), 4),
            "share_s": round(shared - began + time.perf_counter() - learned, 4),
        }

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """See `Learns`: of learner 0."""
        return self._state

    def load_state(self, tensors: dict[str, Tensor], data: dict[str, Any]) -> None:
        """See `Learns`."""
        self._state, self._fresh = (tensors, data), False

    def close(self) -> None:
        """End their processes."""
        import ray

        for actor in self.actors:
            ray.kill(actor)
        self.actors = []

    def _until_done(self, shares: Sequence[Any], progress: float) -> list[dict[str, Any]]:
        while True:
            try:
                results = self._attempt(shares, progress)
            except Lost as error:
                self._deaths += 1
                self.restarts += 1
                if self._deaths > MAX_DEATHS:
                    raise SleightError(
                        f"learners: lost {self._deaths} times in one update; at last: {error}"
                    ) from error
                self.close()
            else:
                self._deaths = 0
                return results

    def _attempt(self, shares: Sequence[Any], progress: float) -> list[dict[str, Any]]:
        """One update by all learners. Raises Lost when it has to be repeated with new processes."""
        if not self.actors:
            self.actors = self._ask()
            try:
                self._meet()
            except ConnectError as error:  # of a run that went on: a busy machine, no bad config
                raise Lost(str(error)) from error
        if not self._fresh:
            weights = module_tensors("actor", self.agent.actor)
            weights |= module_tensors("critic", self.agent.critic)
            tensors, data = self._state
            state = put((to_arrays(weights), to_arrays(tensors), data))
            self._gather("load", [actor.load.remote(state) for actor in self.actors])
            self._fresh = True
        self._fresh = False  # until all have done the whole update
        results = self._gather(
            "update",
            [
                actor.update.remote(share, progress)
                for actor, share in zip(self.actors, shares, strict=True)
            ],
        )
        self._fresh = True
        return results

    def _ask(self) -> list[Any]:
        """New processes, which Ray starts as soon as there is room."""
        import ray

        train = self.config.train
        cpus, gpus = train.learner_cpus, train.learner_gpus
        remote: Any = ray.remote(num_cpus=cpus, num_gpus=gpus, max_restarts=0)(LearnerWorker)
        actors = [remote.remote() for _ in range(self.count)]
        self._places = [actor.place.remote() for actor in actors]
        self._fresh = False
        return actors

    def _meet(self) -> None:
        """Wait for their addresses, and let them join a group at that of learner 0."""
        train, ray_config = self.config.train, self.config.ray
        places = self._gather("place", self._places, ray_config.wait_s)
        for rank, place in enumerate(places):
            check_identity(place, identity(), f"learner {rank}")
        self.pids = [int(place["pid"]) for place in places]
        meeting = {"host": places[0]["host"], "port": int(places[0]["port"]), "count": self.count}
        threads = int(train.learner_cpus) or (self.config.threads or usable_cores()) // self.count
        join = [to_dict(self.config), self.about, train.learner_gpus, max(1, threads)]
        self._gather(
            "join",
            [
                actor.join.remote({**meeting, "rank": rank}, *join)
                for rank, actor in enumerate(self.actors)
            ],
        )

    def _gather(self, task: str, references: list[Any], limit_s: float | None = None) -> list[Any]:
        """The results of all. Raises Lost when one does not respond, and errors of the learners."""
        import ray

        began = time.monotonic()
        limit_s = limit_s or self._patience.limit_s(task)
        waiting = list(references)
        while waiting:
            left = limit_s - (time.monotonic() - began)
            done, waiting = ray.wait(waiting, num_returns=1, timeout=max(left, 0.0))
            if not done and task == "place":
                raise ConnectError(self._too_few(len(waiting), limit_s))
            if not done:
                raise Lost(f"{len(waiting)} learners did not answer within {limit_s:g} s")
            try:
                ray.get(done[0])
            except ray.exceptions.RayTaskError as error:
                rank = references.index(done[0])
                if isinstance(error.cause, PeerLost):
                    raise Lost(f"learner {rank}: {error.cause}") from error
                raise own_error(error, f"learner {rank}") from error
            except ray.exceptions.RayError as error:
                raise Lost(" ".join(str(error).split())[:300]) from error
        self._patience.note(task, time.monotonic() - began)
        return list(ray.get(references))

    def _too_few(self, waiting: int, limit_s: float) -> str:
        import ray

        train, total = self.config.train, ray.cluster_resources()
        return (
            f"train.learners: got {self.count} with {train.learner_cpus:g} cores and"
            f" {train.learner_gpus:g} GPUs each, of which {waiting} found no place within"
            f" {limit_s:g} s; allowed: what the cluster's {total.get('CPU', 0):g} cores and"
            f" {total.get('GPU', 0):g} GPUs have room for beside {train.workers} workers"
        )


def check_shares(config: TrainConfig) -> None:
    """Raise ConfigError unless each learner has the worlds that the algorithm needs."""
    train = config.train
    worlds = train.workers * config.env.num_worlds
    least = least_worlds(config)
    if worlds // train.learners < least:
        raise ConfigError(
            f"train.learners: got {train.learners}, allowed: at most {worlds // least}: each needs"
            f" {least} of the {worlds} worlds of a batch"
        )
