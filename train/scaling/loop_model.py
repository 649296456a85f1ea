"""A model of the training loop: the waiting times when workers collect while the learner learns.

A discrete-event simulation of `RaySampler` and `Training.iterate`, from the undisturbed time of
each part. Parts on one machine share its cores: if they need more cores than there are, all slow
down by the same factor.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

GROUPS = 64
"""Smallest number of groups in which batches arrive; fewer workers arrive one by one."""
_IDLE = math.inf


@dataclass(frozen=True)
class System:
    """Parameters of the loop; all times are undisturbed."""

    workers: int
    steps: int
    """Control steps in one worker's batch."""
    collect_s: float
    """Time of a worker for one batch [s]."""
    copy_s: float
    """Time of the central process to copy one batch from the store [s]."""
    publish_s: float
    """Its time to put weights into the store, once per version [s]."""
    learn_s: float
    """Time of an update from one batch per worker, including transfers to learners [s]."""
    max_lag: int = 1
    worker_cores: float = 1.0
    """Cores that a worker uses while it collects."""
    learn_cores: float = 1.0
    """Cores that are used during an update."""
    cores: float = math.inf
    """Cores of the one machine that runs everything; infinite if nothing is shared."""
    jitter: float = 0.0
    """Standard deviation of the logarithm of the collection times."""


@dataclass(frozen=True)
class Outcome:
    """Means over iterations; shares refer to the time of the central process."""

    steps_per_second: float
    lag_mean: float
    waiting: float
    copying: float
    learning: float
    busy: float
    """Share of the workers' time that they spend collecting."""


def simulate(system: System, iterations: int = 60, seed: int = 0) -> Outcome:
    """Run the model; the first third of the iterations is a warm-up."""
    loop = _Loop(system, np.random.default_rng(seed))
    for number in range(iterations):
        if number == iterations // 3:
            loop.begin_to_count()
        loop.iterate()
    return loop.outcome()


class _Loop:
    """The state of the simulation: a clock, and the remaining work of each worker."""

    def __init__(self, system: System, rng: np.random.Generator) -> None:
        self.system, self.rng = system, rng
        self.now, self.version = 0.0, 0
        self.left = np.full(system.workers, _IDLE)
        """Undisturbed seconds until each worker's batch is done."""
        self.made = np.zeros(system.workers, np.int64)
        """Version of the weights of each worker."""
        self.done: list[int] = []
        """Versions of finished batches that are not yet copied."""
        self.queue: list[int] = []
        self.begin_to_count()

    def begin_to_count(self) -> None:
        self.spent = {"waiting": 0.0, "copying": 0.0, "learning": 0.0}
        self.start, self.busy, self.lags = self.now, 0.0, [0]
        self.taken = 0

    def iterate(self) -> None:
        """See `Training.iterate` and `RaySampler.next`."""
        share, lag = self.system.workers, self.system.max_lag
        self._work("copying", self.system.publish_s, 1.0)
        ahead = share * lag if self.version else 0
        while len(self.queue) < share or self._late():
            self._start(share + ahead)
            if not self.done:
                self._work("waiting", _IDLE, 0.0)
            arrived, self.done = self.done, []
            self._work("copying", self.system.copy_s * len(arrived), 1.0)
            self.queue += arrived
        self.queue.sort()
        taken, self.queue = self.queue[:share], self.queue[share:]
        self._start(ahead)
        self._work("learning", self.system.learn_s, self.system.learn_cores)
        self.lags += [self.version - made for made in taken]
        self.taken += share
        self.version += 1

    def outcome(self) -> Outcome:
        seconds = self.now - self.start
        return Outcome(
            steps_per_second=self.taken * self.system.steps / seconds,
            lag_mean=float(np.mean(self.lags[1:])),
            **{part: spent / seconds for part, spent in self.spent.items()},
            busy=self.busy / seconds / self.system.workers,
        )

    def _late(self) -> bool:
        collecting = np.isfinite(self.left)
        waiting = [*self.made[collecting], *self.done]
        return bool(waiting) and self.version - min(waiting) >= self.system.max_lag

    def _start(self, allowed: int) -> None:
        collecting = int(np.isfinite(self.left).sum())
        room = allowed - len(self.queue) - len(self.done) - collecting
        idle = np.flatnonzero(~np.isfinite(self.left))[: max(room, 0)]
        spread = np.exp(self.rng.normal(0.0, self.system.jitter, len(idle)))
        self.left[idle] = self.system.collect_s * spread
        self.made[idle] = self.version

    def _work(self, kind: str, work: float, cores: float) -> None:
        """Spend undisturbed `work` on `cores`, or wait until batches are done."""
        while work > 0.0:
            collecting = np.isfinite(self.left)
            demand = collecting.sum() * self.system.worker_cores + cores
            speed = min(1.0, self.system.cores / demand) if demand else 1.0
            part = min(work, self._next(collecting, kind == "waiting"))
            self.now += part / speed
            self.spent[kind] += part / speed
            self.busy += float(np.minimum(self.left[collecting], part).sum()) / speed
            self.left[collecting] -= part
            work -= part
            ended = collecting & (self.left <= 1e-12)
            self.done += self.made[ended].tolist()
            self.left[ended] = _IDLE
            if kind == "waiting":
                return

    def _next(self, collecting: NDArray[np.bool_], waiting: bool) -> float:
        """Undisturbed seconds until something changes.

        A finished worker frees cores only if cores are shared. With thousands of workers, the model
        waits for several at a time; otherwise it would take as long as the real loop.
        """
        left = self.left[collecting]
        if not waiting and (math.isinf(self.system.cores) or not len(left)):
            return math.inf
        few = len(left) // GROUPS if math.isinf(self.system.cores) else 0
        return float(np.partition(left, few)[few])
