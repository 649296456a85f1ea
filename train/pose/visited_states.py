"""`sleight vision states`: hands and blocks as a policy meets them, to take pictures of.

Learning Dexterous In-Hand Manipulation, appendix D.2, draws its pictures from states that policies
visited: settled ones show hands that rest, and a policy's hand does not.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from ...envs.config import GoalConfig
from ...envs.env import HandEnv
from ...envs.make import make_env
from ...envs.tasks.goal_law import DROP_HEIGHT_M
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
                found.append(_held(env))
                have += len(found[-1])
                bar.update(min(have, count))
            observation, _, terminated, truncated, _ = env.step(
                player.act(env, observation, starts)
            )
            starts = terminated | truncated
            step += 1
    return np.concatenate(found)[:count]


def _held(env: HandEnv) -> np.ndarray:
    """The states (N, nq) of the worlds whose object has not been dropped."""
    qpos = env.sim.state("qpos")
    height = qpos[:, env.sim.layout.position.stop - 1]
    held: np.ndarray = qpos[height > DROP_HEIGHT_M].cpu().numpy()
    return held


def write_visited(player: Player, count: int, seed: int, path: Path) -> None:
    """Write them as a numpy file, atomically."""
    states = visited(player, count, seed)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.save(file, states, allow_pickle=False)
