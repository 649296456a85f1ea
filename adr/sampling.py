"""Sampling of parameters for new episodes: lambda ~ P, with one parameter at a boundary in some.

The policy also trains on the boundary episodes
[R = arXiv 1910.07113, 5.2 and 5.3].
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .adr_config import AdrConfig
from .state import AdrState, movable

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Draw:
    """Parameters of n new episodes; the reports must return `boundary` and `version`."""

    lam: Floats
    """(n, d) lambda of every parameter."""
    boundary: Ints
    """(n,) boundary that the episode tests, 2*i + side, or -1 for an ordinary episode."""
    version: Ints
    """(n,) version of that boundary at the time of the draw, or -1."""


def sample(
    state: AdrState,
    config: AdrConfig,
    rng: np.random.Generator,
    n: int,
    worlds: npt.ArrayLike | None = None,
) -> Draw:
    """Draw n episodes: lambda ~ U(low, high); in boundary episodes one parameter at a boundary.

    The dimension is uniform over the movable ones, the end uniform over its movable ends. worlds
    (n,): the worlds of the episodes; mode world_share needs them unless they are 0..n-1. The number
    of random values does not depend on the result.
    """
    low, high = np.array(state.low, float), np.array(state.high, float)
    lam = np.clip(rng.uniform(low, high, size=(n, len(low))), low, high)
    boundary = np.full(n, -1, np.int64)
    tests = _tests_boundary(config, rng, n, worlds)
    if groups := movable(state):
        group, end = rng.integers(len(groups), size=n), rng.integers(2, size=n)
        ends = np.array([[each[0], each[-1]] for each in groups], np.int64)
        boundary = np.where(tests, ends[group, end], boundary)
    rows = np.flatnonzero(boundary >= 0)
    lam[rows, boundary[rows] // 2] = np.stack([low, high], axis=1).reshape(-1)[boundary[rows]]
    version = np.full(n, -1, np.int64)
    version[rows] = np.array(state.versions, np.int64)[boundary[rows]]
    return Draw(lam, boundary, version)


def _tests_boundary(
    config: AdrConfig, rng: np.random.Generator, n: int, worlds: npt.ArrayLike | None
) -> npt.NDArray[np.bool_]:
    share = config.boundary_probability
    if config.mode == "episodes":
        return rng.random(n) < share
    # For every N, this selects floor(N * share) of the worlds 0 to N-1, evenly spread.
    world = np.arange(n) if worlds is None else np.asarray(worlds).reshape(n)
    return np.floor((world + 1) * share) > np.floor(world * share)
