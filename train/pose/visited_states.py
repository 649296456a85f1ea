"""`sleight vision states`: hands and blocks as a policy meets them, to take pictures of.

Learning Dexterous In-Hand Manipulation, appendix D.2, draws its pictures from states that policies
visited: settled ones show hands that rest, and a policy's hand does not.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from ...envs.config import GoalConfig
from ...envs.make import make_env
from ...envs.tasks.settled_states import DROP_HEIGHT_M
from ...files import atomic_path
from ..rollout.evaluation import FRESH, protocol
from ..rollout.players import Player
from ..runs.progress import ProgressBar

EVERY = 8
"""Control steps between two states of one world: nearer ones look alike."""
WORLDS = 64


def visited(player: Player, count: int, seed: int) -> np.ndarray:
    """(count, nq) states of trials of `player` in nominal worlds, one after the other by time."""
    worlds = min(WORLDS, count)
    env = make_env(protocol(player.env_config, worlds, {}, GoalConfig()), seed + FRESH)
    observation, _ = env.reset()
    player.start(env)
    starts = torch.ones(worlds, dtype=torch.bool)
    found: list[np.ndarray] = []
    step = have = 0
    with ProgressBar("states", count, unit="states") as bar:
        while have < count:
            if step % EVERY == 0:
                found.append(_held(env.sim.state("qpos").numpy()))
                have += len(found[-1])
                bar.update(min(have, count))
            observation, _, terminated, truncated, _ = env.step(
                player.act(env, observation, starts)
            )
            starts = terminated | truncated
            step += 1
    return np.concatenate(found)[:count]


def _held(qpos: np.ndarray) -> np.ndarray:
    """Those of (N, nq) whose block has not been dropped."""
    held: np.ndarray = qpos[qpos[:, -5] > DROP_HEIGHT_M].copy()
    return held


def write_visited(player: Player, count: int, seed: int, path: Path) -> None:
    """Write them as a numpy file, atomically."""
    states = visited(player, count, seed)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.save(file, states, allow_pickle=False)
