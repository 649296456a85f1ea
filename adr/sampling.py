"""What the next episodes run with: lambda ~ P, or one end of one dimension at its boundary.

Boundary episodes are ordinary experience as well: the policy trains on them
[R = arXiv 1910.07113, 5.2 and 5.3].
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .state import AdrState, movable
from .table import AdrConfig

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Draw:
    """What n new episodes are to run with; `boundary` and `version` go back with the report."""

    lam: Floats
    """(n, d) lambda of every parameter."""
    boundary: Ints
    """(n,) the boundary that the episode tries, 2*i + side, or -1 for an ordinary one."""
    version: Ints
    """(n,) version of that boundary when it was drawn, or -1."""


def sample(
    state: AdrState,
    config: AdrConfig,
    rng: np.random.Generator,
    n: int,
    worlds: npt.ArrayLike | None = None,
) -> Draw:
    """Draw n episodes: lambda ~ U(low, high), and in boundary episodes one end at its boundary.

    The dimension is uniform over those that can move, the end over its movable ends. worlds (n,):
    which worlds begin the episodes, needed by the mode world_share when they are not 0..n-1.
    Uses the same amount of randomness whatever it draws.
    """
    low, high = np.array(state.low, float), np.array(state.high, float)
    lam = np.clip(rng.uniform(low, high, size=(n, len(low))), low, high)
    boundary = np.full(n, -1, np.int64)
    tries = _tries_boundary(config, rng, n, worlds)
    if groups := movable(state):
        group, end = rng.integers(len(groups), size=n), rng.integers(2, size=n)
        ends = np.array([[each[0], each[-1]] for each in groups], np.int64)
        boundary = np.where(tries, ends[group, end], boundary)
    rows = np.flatnonzero(boundary >= 0)
    lam[rows, boundary[rows] // 2] = np.stack([low, high], axis=1).reshape(-1)[boundary[rows]]
    version = np.full(n, -1, np.int64)
    version[rows] = np.array(state.versions, np.int64)[boundary[rows]]
    return Draw(lam, boundary, version)


def _tries_boundary(
    config: AdrConfig, rng: np.random.Generator, n: int, worlds: npt.ArrayLike | None
) -> npt.NDArray[np.bool_]:
    share = config.boundary_probability
    if config.mode == "episodes":
        return rng.random(n) < share
    # of the worlds 0 to N-1 this chooses floor(N * share), evenly spread, for every N
    world = np.arange(n) if worlds is None else np.asarray(worlds).reshape(n)
    return np.floor((world + 1) * share) > np.floor(world * share)
