"""What the evaluator does. Knows nothing of Ray."""

from __future__ import annotations

from typing import Any

import torch

from ...config import from_dict
from ..config import TrainConfig
from ..rollout.evaluation import evaluate, protocol
from ..rollout.players import RunPlayer
from ..runs.checkpoint import Checkpoint
from .array_wire import to_tensors


class WeightsPlayer(RunPlayer):
    """An actor's weights that no checkpoint holds; actions are sampled, as in training."""

    def __init__(self, config: TrainConfig, weights: dict[str, torch.Tensor]) -> None:
        self.config, self.ranges, self.name = config, {}, "published"
        named = {f"actor.{name}": value for name, value in weights.items()}
        self._checkpoint = Checkpoint(named, {}, {})
        self._stochastic = True
        self._generator = torch.Generator().manual_seed(config.seed)
        self._actor = None


def evaluate_weights(data: dict[str, Any], published: dict[str, Any]) -> dict[str, float]:
    """Consecutive successes of the published policy in nominal worlds, as rows name them."""
    torch.set_num_threads(1)
    config = from_dict(TrainConfig, data, "evaluator")
    return evaluation_row(config, to_tensors(published["weights"]), published["version"])


def evaluation_row(
    config: TrainConfig, weights: dict[str, torch.Tensor], version: int
) -> dict[str, float]:
    """Consecutive successes of an actor's weights in nominal worlds, as rows name them."""
    player = WeightsPlayer(config, weights)
    trials = config.train.evaluate_trials
    result = evaluate(player, protocol(config.env, trials, {}), config.seed)
    row = {"version": version, "successes_mean": result.mean, "drops": result.drops}
    row |= {"successes_max": max(result.trials), "trials": trials}
    return {f"eval/{name}": float(value) for name, value in row.items()}
