"""Evaluation beside training: consecutive successes of the published policy at intervals."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from ...config import to_dict
from ..config import TrainConfig
from .actor_errors import own_error
from .patience import Patience

PATIENT = 10
"""Times `ray.hang_s`: it evaluates at low priority, and nobody waits for it."""


class EvaluationWorker:
    """The Ray actor; see `rollout_worker` for why its methods import what they need."""

    def evaluate(self, config: dict[str, Any], published: dict[str, Any]) -> dict[str, float]:
        """`sleight eval` of what was published, sampled as in training, on one thread."""
        import os

        from .evaluation_task import evaluate_weights

        if not getattr(self, "_polite", False):
            os.nice(10)  # it reserves no core, so it must not take one from the workers
            self._polite = True
        return evaluate_weights(config, published)


class Evaluator:
    """Starts an evaluation every `train.evaluate_s`, one at a time, and waits for none."""

    def __init__(self, config: TrainConfig) -> None:
        self.config = config
        self._actor: Any = None
        self._running: Any = None
        self._began = -float("inf")
        self._patience = Patience(PATIENT * config.ray.hang_s)

    def offer(self, published: Any) -> None:
        """Evaluate this, a reference into the store, if it is time."""
        import ray

        if not self.config.train.evaluate_s or self._running is not None:
            return
        if time.monotonic() - self._began < self.config.train.evaluate_s:
            return
        if self._actor is None:
            actor: Any = ray.remote(num_cpus=0, max_restarts=0)(EvaluationWorker)
            self._actor = actor.remote()
        config = replace(self.config, env=replace(self.config.env, threads=1))
        self._running = self._actor.evaluate.remote(to_dict(config), published)
        self._began = time.monotonic()

    def result(self) -> dict[str, float]:
        """The result since the last call, for the log; {} without one.

        Raises the evaluation's own error; an evaluator that was killed, or that does not answer, is
        started again next time.
        """
        import ray

        if self._running is None:
            return {}
        seconds = time.monotonic() - self._began
        if not ray.wait([self._running], timeout=0)[0]:
            if seconds > self._patience.limit_s("evaluate"):
                self._running = None
                self.close()
            return {}
        self._patience.note("evaluate", seconds)
        running, self._running = self._running, None
        try:
            metrics: dict[str, float] = ray.get(running)
        except ray.exceptions.RayTaskError as error:
            raise own_error(error, "evaluator") from error
        except ray.exceptions.RayError:
            self.close()
            return {}
        return {**metrics, "eval/seconds": seconds}

    def close(self) -> None:
        """End its process."""
        import ray

        if self._actor is not None:
            ray.kill(self._actor)
            self._actor = None
