"""Experience from workers: the next batch is collected while the learner learns from this one.

An iteration learns from as many batches as there are workers, side by side, whichever workers
brought them: so a batch has the same size when a worker is away, and is late instead. Oldest first;
one that would be more than `max_lag` updates late is waited for, so that slow workers count too.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ....adr.state import AdrState
from ...config import TrainConfig
from ...rollout.batch import Batch, concatenate, on_device
from ..actor_errors import put
from ..adr_server import AdrServer
from ..array_wire import nbytes, to_arrays, unpack
from ..evaluator import Evaluator
from ..pool import Member, Pool
from .rollout_task import draw_state


@dataclass
class Timing:
    """Of the last batch."""

    wait_s: float = 0.0
    """Time that the learner waits for workers."""
    transfer_s: float = 0.0
    """Time to put weights into the object store, and to copy batches out of it."""
    sim_s: float = 0.0
    """Physics time, the mean over the parts; and the longest collection of a part."""
    collect_s: float = 0.0
    weights_bytes: int = 0
    batch_bytes: int = 0


class RaySampler:
    """See `training_loop.Sampler`."""

    def __init__(
        self,
        config: TrainConfig,
        pool: Pool,
        end: Callable[[], None],
        server: AdrServer | None = None,
    ) -> None:
        """end: ends all processes, and the connection."""
        self.pool, self.server = pool, server
        self.max_lag = config.train.max_lag
        # Learners take arrays of the host, and move their shares themselves.
        self._device = "cpu" if config.train.learners else config.train.device
        self.evaluator = Evaluator(config)
        self.timing = Timing()
        self._end = end
        self._version = 0
        self._published: Any = None
        self._queue: list[tuple[int, Batch]] = []
        """Slot of the worker and its batch, in order of arrival."""
        self._versions: dict[int, int] = {}
        """Slot -> version that it collects with."""
        self._rates: dict[int, float] = {}
        self._lags: list[int] = []
        self._made: dict[int, float] = {}
        """Version of the weights -> when they were published."""
        self._ages: list[float] = []
        self._handed = 0.0

    def publish(
        self, version: int, weights: dict[str, Tensor], adr: AdrState, progress: float = 0.0
    ) -> None:
        """See `Sampler`."""
        began = time.perf_counter()
        arrays = to_arrays(weights)
        data = {"version": version, "weights": arrays, "ranges": draw_state(adr)}
        self._published = put({**data, "progress": progress})
        self._version, self._made[version] = version, time.monotonic()
        self._made = {made: at for made, at in self._made.items() if made >= version - self.max_lag}
        self.evaluator.offer(self._published)
        seconds = time.perf_counter() - began
        self.timing = Timing(transfer_s=seconds, weights_bytes=nbytes(arrays))

    def next(self) -> Batch:
        """See `Sampler`."""
        share = len(self.pool.active)
        # The first weights have seen nothing, not even how large observations are: none ahead.
        ahead = share * self.max_lag if self._version else 0
        while len(self._queue) < share or self._late():
            self._start(share + ahead)
            began = time.perf_counter()
            batches = self.pool.poll(1.0)
            self.timing.wait_s += time.perf_counter() - began
            self._receive(batches)
        self._queue.sort(key=lambda entry: entry[1].version)
        parts, self._queue = self._queue[:share], self._queue[share:]
        self._start(ahead)
        copied = time.perf_counter()
        batch = on_device(concatenate([part for _, part in parts]), self._device)
        self._rates = _rates(parts)
        self._lags = [self._version - part.version for _, part in parts]
        now = time.monotonic()
        self._ages = [now - self._made.get(part.version, now) for _, part in parts]
        self.timing.sim_s, self.timing.collect_s = batch.sim_seconds, batch.seconds
        self._handed = time.perf_counter()
        self.timing.transfer_s += self._handed - copied
        return batch

    def settle(self) -> None:
        """Wait for all batches that are being collected, and start no new ones."""
        while self.pool.collecting:
            self._receive(self.pool.poll(1.0))

    def _late(self) -> bool:
        """Whether a worker still collects with a version that only this update may use."""
        return any(
            self._version - self._versions[member.slot] >= self.max_lag
            for member in self.pool.collecting
        )

    def _start(self, allowed: int) -> None:
        """Let ready workers collect, as long as no more than `allowed` batches are on their way."""
        for member in self.pool.ready:
            if len(self._queue) + len(self.pool.collecting) < allowed:
                self._versions[member.slot] = self._version
                self.pool.collect(member, self._published)

    def _receive(self, batches: list[tuple[Member, dict[str, Any]]]) -> None:
        began = time.perf_counter()
        for member, data in batches:
            self.timing.batch_bytes += nbytes(data)
            self._queue.append((member.slot, unpack(data)))
        self.timing.transfer_s += time.perf_counter() - began

    def metrics(self) -> dict[str, Any]:
        """See `Sampler`."""
        rates = {f"worker/{slot}/steps_per_second": rate for slot, rate in self._rates.items()}
        if self.server is not None:
            rates["adr_restarts"] = self.server.restarts
        return {
            "workers": len(self.pool.ready) + len(self.pool.collecting),
            "worker_restarts": self.pool.restarts,
            **({"standby": len(self.pool.standby)} if self.pool.job.standby else {}),
            "lag_mean": sum(self._lags) / len(self._lags),
            "queue": len(self._queue),
            "collecting": len(self.pool.collecting),
            "weights_age_s": round(sum(self._ages) / len(self._ages), 4),
            "sim_s": round(self.timing.sim_s, 4),
            "collect_s": round(self.timing.collect_s, 4),
            "learn_s": round(time.perf_counter() - self._handed, 4),
            "wait_s": round(self.timing.wait_s, 4),
            "transfer_s": round(self.timing.transfer_s, 4),
            "weights_mb": self.timing.weights_bytes / 1e6,
            "batch_mb": self.timing.batch_bytes / 1e6,
            **rates,
            **self.evaluator.result(),
        }

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Only how many workers there were: their worlds begin anew, and no id comes twice."""
        return {}, {"lives": self.pool.lives}

    def load_state(self, tensors: dict[str, Tensor], data: dict[str, Any]) -> None:
        """See `Sampler`."""

    def close(self) -> None:
        """See `Sampler`."""
        self.evaluator.close()
        self._end()


def _rates(parts: list[tuple[int, Batch]]) -> dict[int, float]:
    """Slot -> control steps per second while collecting."""
    steps: dict[int, float] = {}
    seconds: dict[int, float] = {}
    for slot, part in parts:
        steps[slot] = steps.get(slot, 0) + part.steps
        seconds[slot] = seconds.get(slot, 0) + part.seconds
    return {slot: steps[slot] / seconds[slot] for slot in sorted(steps)}
