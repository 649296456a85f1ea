"""A model of the loop: who waits for whom when workers collect while the learner learns.

A discrete-event simulation of what `RaySampler` and `Training.iterate` do, with the time that each
part takes undisturbed. What shares a machine shares its cores: everything that runs there slows
down alike as soon as more cores are asked for than there are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

GROUPS = 64
"""In which an iteration's batches arrive at least; fewer workers arrive one by one."""
_IDLE = math.inf


@dataclass(frozen=True)
class System:
    """Times are undisturbed ones."""

    workers: int
    steps: int
    """Control steps of one worker's batch."""
    collect_s: float
    """A worker's time for its batch."""
    copy_s: float
    """Time of the process in the middle to copy one batch out of the store."""
    publish_s: float
    """Its time to put weights into the store, once per version."""
    learn_s: float
    """An update from as many batches as there are workers, handing them to learners included."""
    max_lag: int = 1
    worker_cores: float = 1.0
    """Cores that a worker keeps busy while it collects."""
    learn_cores: float = 1.0
    """Cores that are busy while it is learned."""
    cores: float = math.inf
    """Of the one machine that all are on; infinite when nobody has to share."""
    jitter: float = 0.0
    """Standard deviation of the logarithm of the collecting times."""


@dataclass(frozen=True)
class Outcome:
    """Means over iterations; shares are of the time of the process in the middle."""

    steps_per_second: float
    lag_mean: float
    waiting: float
    copying: float
    learning: float
    busy: float
    """Share of the workers' time in which they collect."""


def simulate(system: System, iterations: int = 60, seed: int = 0) -> Outcome:
    """Run the model; the first third is to settle in."""
    loop = _Loop(system, np.random.default_rng(seed))
    for number in range(iterations):
        if number == iterations // 3:
            loop.begin_to_count()
        loop.iterate()
    return loop.outcome()


class _Loop:
    """The state of the simulation: a clock, and what each worker has left to do."""

    def __init__(self, system: System, rng: np.random.Generator) -> None:
        self.system, self.rng = system, rng
        self.now, self.version = 0.0, 0
        self.left = np.full(system.workers, _IDLE)
        """Undisturbed seconds until each worker's batch is done."""
        self.made = np.zeros(system.workers, np.int64)
        """Version that each collects with."""
        self.done: list[int] = []
        """Versions of batches that are done and not yet copied."""
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
            asked = collecting.sum() * self.system.worker_cores + cores
            speed = min(1.0, self.system.cores / asked) if asked else 1.0
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

        Who is done sets cores free only where cores are shared. Of thousands of workers a few are
        waited for at a time, or the model would take as long as what it models.
        """
        left = self.left[collecting]
        if not waiting and (math.isinf(self.system.cores) or not len(left)):
            return math.inf
        few = len(left) // GROUPS if math.isinf(self.system.cores) else 0
        return float(np.partition(left, few)[few])
