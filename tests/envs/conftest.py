"""Small environments that build fast: all share one cache of settled start states."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sleight.envs.config import EnvConfig, ResetConfig
from sleight.envs.make import make_env
from sleight.envs.randomization.table import PARAMETERS, PART_NAMES
from sleight.envs.sim.model import ModelConfig, build_model

SMALL = EnvConfig(num_worlds=4, threads=1, resets=ResetConfig(cache=32))


@pytest.fixture(scope="session")
def build():
    """build(seed=0, **fields of EnvConfig) -> HandEnv."""

    def make(seed=0, source=None, failures=None, **fields):
        return make_env(replace(SMALL, **fields), seed, source, failures)

    return make


@pytest.fixture(scope="session")
def model():
    return build_model(ModelConfig())


@pytest.fixture(scope="session")
def ranges():
    """Every parameter of the block randomized, between -0.5 and 0.5 (lambda)."""
    found = {}
    for row in (row for row in PARAMETERS if row.name not in PART_NAMES):
        low = 0.0 if row.one_sided else -0.5
        ends = [float(row.value(np.array(x))) for x in (low, 0.5)]
        found[row.name] = (min(ends), max(ends))
    return found


@pytest.fixture(scope="session")
def wander():
    """wander(worlds, steps, seed=0) -> actions (T, N, A) that move the fingers about."""

    def make(worlds, steps, seed=0):
        rng = torch.Generator().manual_seed(seed)
        actions = [torch.zeros(worlds, 20)]
        for _ in range(steps):
            noise = torch.randn(worlds, 20, generator=rng)
            actions.append((0.8 * actions[-1] + 0.4 * noise).clamp(-1, 1))
        return torch.stack(actions[1:])

    return make
