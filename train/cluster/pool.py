"""The workers of a job: started, watched, and started again where there is room.

A worker is placed, says which code it runs, gets ready, and then collects batch by batch.
Each of these is one call that it is busy with, so waiting for all workers is one wait. A worker
that dies, or whose machine does, is replaced by one with a new life; what it was collecting is
collected anew, and as its episodes were never handed over, none of them counts twice. Standby
workers are ready and do nothing: one of them takes the place at once, and a new one gets ready.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from ...errors import ConfigError, ConnectError, SleightError
from ..config import RayConfig
from .actor_errors import MAX_DEATHS, full, own_error
from .cores import places
from .head import HeadWatch
from .identity import check_identity, identity
from .patience import Patience

Task = Literal["place", "begin", "collect", "none"]


@dataclass
class Member:
    """A worker that is running or being started."""

    slot: int
    life: int
    actor: Any
    task: Task
    result: Any = None
    """Ray's reference to the result of its task."""
    since: float = 0.0
    """Start of the task [s, monotonic]."""
    pid: int = 0
    """ID of its process on its machine."""


@dataclass(frozen=True)
class Job:
    """The job of the workers of a pool."""

    worker: type
    """Of the Ray actor: `identity()`, `begin(...)`, and `collect(work)`."""
    begin: Callable[[Any, int, int], Any]
    """Of an actor, its life and its threads: Ray's reference to what its `begin` returns."""
    workers: int
    cores: float
    """Reserved for each worker."""
    gpus: float = 0.0
    standby: int = 0
    """Further workers that reserve no cores and wait for the death of another."""
    field: str = "train.workers"
    """Of the config, where `workers` comes from."""


class Pool:
    """Up to `job.workers` workers. `lives` counts those that were ever started."""

    def __init__(self, job: Job, ray: RayConfig, lives: int = 0) -> None:
        self.job, self.ray = job, ray
        self.lives = lives
        self.members: dict[int, Member] = {}
        """Slot -> worker; the slots from `job.workers` on are those of standby workers."""
        self.about: dict[str, Any] | None = None
        """The answer of the first worker that was ready; None until then."""
        self.restarts = 0
        self.watch: HeadWatch | None = None
        """Of a cluster that was joined."""
        self._own = identity()
        self._deaths = dict.fromkeys(range(job.workers + job.standby), 0)
        self._alive = time.monotonic()
        self.patience = Patience(ray.hang_s)

    @property
    def active(self) -> list[Member]:
        """All but the standby workers."""
        return [member for member in self.members.values() if member.slot < self.job.workers]

    @property
    def standby(self) -> list[Member]:
        """Standby workers that are ready."""
        waiting = (self.members.get(slot) for slot in self._deaths if slot >= self.job.workers)
        return [member for member in waiting if member is not None and member.task == "none"]

    @property
    def ready(self) -> list[Member]:
        """Idle workers."""
        return [member for member in self.active if member.task == "none"]

    @property
    def collecting(self) -> list[Member]:
        """Workers that are collecting."""
        return [member for member in self.members.values() if member.task == "collect"]

    def start_all(self) -> None:
        """Start every worker and wait until each is ready.

        Raises ConfigError when they find no room within `ray.wait_s`, or run other code.
        """
        wait_s, began = self.ray.wait_s, time.monotonic()
        self.fill()
        while len(self.ready) < self.job.workers:
            waiting = sum(member.task == "place" for member in self.active)
            if waiting and time.monotonic() - began > wait_s:
                raise ConfigError(self._too_few(waiting))
            self.poll(1.0)

    def fill(self) -> None:
        """Ask for the workers that are missing; Ray starts them as soon as there is room."""
        import ray

        job = self.job
        for slot in self._deaths:
            if slot not in self.members:
                cores = job.cores if slot < job.workers else 0
                remote = ray.remote(num_cpus=cores, num_gpus=job.gpus, max_restarts=0)
                actor: Any = remote(job.worker).remote()
                self.members[slot] = Member(slot, self.lives, actor, "place")
                self.members[slot].result = actor.identity.remote()
                self.lives += 1

    def collect(self, member: Member, work: Any) -> None:
        """Let a ready worker collect; work: what it needs, or a reference into the store to it."""
        self._give(member, "collect", member.actor.collect.remote(work))

    def poll(self, timeout_s: float) -> list[tuple[Member, dict[str, Any]]]:
        """Wait for something to happen; returns the batches that were brought."""
        import ray

        busy = {member.result: member for member in self.members.values() if member.task != "none"}
        if not busy:
            return []
        done, _ = ray.wait(list(busy), num_returns=1, timeout=timeout_s)
        if done:  # and who else is done by now
            done, _ = ray.wait(list(busy), num_returns=len(busy), timeout=0)
        batches = []
        for reference in done:
            member, answer = busy[reference], self._take(busy[reference])
            if answer is not None:
                took = answer.get("seconds", time.monotonic() - member.since)
                self.patience.note(member.task, took)
            if answer is not None and member.task == "collect":
                batches.append((member, answer))
                self._deaths[member.slot] = 0
                self._give(member, "none", None)
            elif answer is not None:
                self._advance(member, answer)
        self._give_up_on_the_silent()
        self.fill()
        self._check_alive()
        return batches

    def close(self) -> None:
        """End every worker."""
        for member in list(self.members.values()):
            self._drop(member)

    def _give_up_on_the_silent(self) -> None:
        """Replace workers that live but do not answer: stopped, or cut off by the network."""
        for member in list(self.members.values()):
            limit_s = self.patience.limit_s(member.task)
            silent = member.task in ("begin", "collect")
            if silent and time.monotonic() - member.since > limit_s:
                self._lose(member, f"no answer to `{member.task}` within {limit_s:g} s")

    def _take(self, member: Member) -> Any:
        """What a worker's task gave; None when the worker is lost. Raises its own errors."""
        import ray

        try:
            return ray.get(member.result)
        except ray.exceptions.RayTaskError as error:
            raise own_error(error, f"worker {member.slot}") from error
        except ray.exceptions.OutOfDiskError as error:
            raise full(error) from error
        except ray.exceptions.RayError as error:
            self._lose(member, str(error))
            return None

    def _advance(self, member: Member, answer: dict[str, Any]) -> None:
        if member.task == "begin":
            self.about = answer
            if member.slot >= self.job.workers:  # a standby worker brings nothing but itself
                self._deaths[member.slot] = 0
            self._give(member, "none", None)
            return
        try:
            check_identity(answer, self._own, f"worker {member.slot}")
        except ConfigError as error:
            self._refuse(member, error)
            return
        member.pid = int(answer["pid"])
        threads = max(1, int(self.job.cores))
        self._give(member, "begin", self.job.begin(member.actor, member.life, threads))

    def _refuse(self, member: Member, error: ConfigError) -> None:
        """Go on without a latecomer that runs other code; at the beginning it ends the run."""
        self._drop(member)
        del self._deaths[member.slot]
        if self.about is None or not self._deaths:
            raise error
        sys.stderr.write(f"going on without it: {error}\n")

    def _lose(self, member: Member, text: str) -> None:
        self._drop(member)
        self.restarts += 1
        self._deaths[member.slot] += 1
        if self._deaths[member.slot] > MAX_DEATHS:
            raise SleightError(
                f"worker {member.slot}: died {MAX_DEATHS + 1} times without bringing anything;"
                f" at last: {' '.join(text.split())[:300]}"
            )
        if member.slot < self.job.workers and (standby := self.standby):
            self._promote(standby[0], member.slot)

    def _promote(self, standby: Member, slot: int) -> None:
        del self.members[standby.slot]
        standby.slot = slot
        self.members[slot] = standby

    def _drop(self, member: Member) -> None:
        import ray

        self.members.pop(member.slot, None)
        ray.kill(member.actor)

    def _give(self, member: Member, task: Task, result: Any) -> None:
        member.task, member.result, member.since = task, result, time.monotonic()

    def _check_alive(self) -> None:
        """Raise ConnectError when the head is lost, or for long no worker has had a place."""
        if self.watch is not None:
            self.watch.check()
        if any(member.task != "place" for member in self.members.values()):
            self._alive = time.monotonic()
        elif self.about is not None and time.monotonic() - self._alive > self.ray.wait_s:
            raise ConnectError(self._too_few(len(self.active)))

    def _too_few(self, waiting: int) -> str:
        import ray

        job, nodes = self.job, node_cores()
        got = (
            f"{job.field}: got {job.workers}, of which {waiting} found no place within"
            f" {self.ray.wait_s:g} s; allowed: "
        )
        machines = f"machines with {', '.join(f'{n:g}' for n in nodes)} cores"
        if job.gpus:
            gpus = ray.cluster_resources().get("GPU", 0)
            each = f"{job.cores:g} cores and {job.gpus:g} GPUs each"
            return f"{got}as many as, with {each}, {machines} and {gpus:g} GPUs have room for"
        return f"{got}{places(nodes, job.cores)} of {job.cores:g} cores each on {machines}"


def node_cores() -> list[float]:
    """Cores of each machine of the cluster that is up."""
    import ray

    return [node["Resources"].get("CPU", 0.0) for node in ray.nodes() if node["Alive"]]
