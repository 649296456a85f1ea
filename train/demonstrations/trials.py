"""Evaluations of a student that learns without worlds."""

from __future__ import annotations

import time

from ...policies.actor import Actor
from ..cluster.evaluation_task import evaluation_row
from ..config import TrainConfig


class Trials:
    """Evaluates every `train.evaluate_s`, in this process; learning waits."""

    def __init__(self, config: TrainConfig) -> None:
        self._config = config
        self._due_s = time.monotonic() + config.train.evaluate_s

    def of(self, actor: Actor, version: int) -> dict[str, float]:
        """The row of an evaluation if one is due, else {}."""
        interval_s = self._config.train.evaluate_s
        if not interval_s or time.monotonic() < self._due_s:
            return {}
        weights = {name: value.detach().cpu() for name, value in actor.state_dict().items()}
        row = evaluation_row(self._config, weights, version)
        self._due_s = time.monotonic() + interval_s
        return row
