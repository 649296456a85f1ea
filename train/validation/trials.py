"""Trials in given worlds from given starts."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ...envs.config import EnvConfig
from ...envs.env import HandEnv, Observation
from ...envs.make import make_env
from ...envs.randomization.table import BY_NAME
from ...envs.randomization.world_source import Draw
from ...envs.reset_options import MASK
from ..rollout.evaluation import FRESH, first_episodes
from ..rollout.eyes import eyes_of
from ..rollout.players import Player

_BATCH = 256
"""Worlds that run together."""


@dataclass(frozen=True)
class Start:
    """A world and the seed of its start."""

    values: tuple[float, ...]
    """(D,) of each parameter of `config.randomization`, in its unit."""
    seed: int


@dataclass(frozen=True)
class Trial:
    """One episode from a start."""

    successes: int
    dropped: bool
    timed_out: bool


class GivenWorlds:
    """A `WorldSource` that gives each world its own parameters, in every episode."""

    def __init__(
        self, names: Sequence[str], values: Sequence[Sequence[float]], device: torch.device | str
    ) -> None:
        """values: (N, D) of the parameters `names`, each in its unit."""
        self.names = tuple(names)
        rows = [BY_NAME[name] for name in names]
        coordinates = [
            [row.coordinate(v) for row, v in zip(rows, world, strict=True)] for world in values
        ]
        self._coordinates = torch.tensor(coordinates, dtype=torch.float64, device=device)

    def draw(self, worlds: Tensor) -> Draw:
        """See `WorldSource`."""
        none = torch.full_like(worlds, -1)
        return Draw(self._coordinates[worlds], none, none)


def run_trials(
    player: Player,
    config: EnvConfig,
    starts: Sequence[Start],
    cache_seed: int,
    seed: int,
    title: str,
) -> list[Trial]:
    """One trial from each start, in their order.

    cache_seed: of the start states. seed: of everything after the start, which are later goals
    and noise, so that two trials from one start differ.
    """  # fmt: skip
    trials: list[Trial] = []
    for first in range(0, len(starts), _BATCH):
        batch = starts[first : first + _BATCH]
        trials += _run(player, config, batch, cache_seed, seed + first, title)
    return trials


def _run(
    player: Player, config: EnvConfig, starts: Sequence[Start], cache_seed: int, seed: int,
    title: str,
) -> list[Trial]:  # fmt: skip
    config = replace(config, num_worlds=len(starts))
    source = GivenWorlds([*config.randomization], [s.values for s in starts], config.device)
    eyes = eyes_of(player.config.cameras, config, seed)
    env = make_env(config, source=source, cache_seed=cache_seed + FRESH, eyes=eyes)
    with closing(env):
        first = first_episodes(
            player, env, title, rest=True, begin=lambda env: begin(env, starts, seed)
        )
    cap = config.goals.max_successes
    episodes = [first[world] for world in range(len(starts))]
    return [
        Trial(e.successes, e.dropped, not e.dropped and e.successes < cap) for e in episodes
    ]  # fmt: skip


def begin(env: HandEnv, starts: Sequence[Start], seed: int) -> Observation:
    """Reset each world from the seed of its start; what follows comes from `seed`.

    So a start does not depend on the worlds beside it. Returns the first observations.
    """
    observation, _ = env.reset()
    for world, start in enumerate(starts):
        mask = np.arange(env.num_envs) == world
        observation, _ = env.reset(seed=start.seed, options={MASK: mask})
    env.rng.seed(seed)
    return observation
