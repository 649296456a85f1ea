"""`sleight/Block-v0` through Gymnasium, as all learners get it, and the recipe that they share."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium.envs.registration import register

from sleight.config import load
from sleight.envs.config import EnvConfig
from sleight.envs.gym import VectorHand
from sleight.train.config import TrainConfig

RECIPE = Path(__file__).parents[4] / "configs" / "block.yaml"
ID = "Counted/Block-v0"
START_STATES = 256
LEARNING_RATE = 3e-4
"""Of the learners that have one and keep it."""
COUNTS = {"successes": 0.0, "drops": 0.0}
"""Of all worlds of this process."""


def recipe(worlds: str, threads: str) -> TrainConfig:
    """configs/block.yaml without its curriculum, which only we have: goals up to 1 rad."""
    config = load(TrainConfig, RECIPE, [])
    resets = replace(config.env.resets, cache=START_STATES)
    env = replace(config.env, num_worlds=int(worlds), threads=int(threads), resets=resets)
    adr = replace(config.adr, curriculum={})
    return replace(config, env=env, adr=adr, threads=int(threads))


def counts() -> dict[str, float]:
    """Successes and drops since the last call."""
    seen = dict(COUNTS)
    COUNTS.update(dict.fromkeys(COUNTS, 0.0))
    return seen


class CountedHand(VectorHand):
    """`sleight/Block-v0` that counts."""

    def step(self, actions: np.ndarray) -> tuple[Any, ...]:
        """See `VectorHand`."""
        result = super().step(actions)
        COUNTS["successes"] += float(result[4]["success"].sum())
        COUNTS["drops"] += float(result[2].sum())
        return result


register(ID, vector_entry_point=CountedHand)


class Hands:
    """N worlds with flat observations (N, D); one that ends starts anew in the same step."""

    def __init__(self, config: EnvConfig) -> None:
        kind = "vector_entry_point"
        count = config.num_worlds
        self._env = gymnasium.make_vec(ID, count, vectorization_mode=kind, config=config)
        space = self._env.single_observation_space
        self.count, self.size = count, int(gymnasium.spaces.flatdim(space))
        self.action_space = self._env.single_action_space

    def reset(self) -> np.ndarray:
        """(N, D) float32 first observations."""
        return flat(self._env.reset(seed=0)[0])

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, ...]:
        """Observations (N, D), rewards, terminated, truncated (N,), observations before resets."""
        seen, reward, terminated, truncated, _ = self._env.step(actions)
        last, ended = flat(seen), terminated | truncated
        if not ended.any():
            return last, reward, terminated, truncated, last
        seen, _ = self._env.reset(options={"reset_mask": ended})
        return flat(seen), reward, terminated, truncated, last


def flat(terms: dict[str, np.ndarray]) -> np.ndarray:
    """Terms (N, size) side by side (N, D)."""
    return np.concatenate(list(terms.values()), axis=1)
