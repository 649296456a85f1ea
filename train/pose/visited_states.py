"""`sleight vision states`: records states that a policy visits, to render them.

Learning Dexterous In-Hand Manipulation, appendix D.2, renders states that policies visited. Settled
states show hands at rest, but the hand of a policy moves.
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
from ...vision.renders.object_states import WIDTH
from ..rollout.evaluation import FRESH, protocol
from ..rollout.players import Player
from ..runs.progress import ProgressBar

EVERY = 8
"""Control steps between two states of one world; closer states look alike."""
WORLDS = 64


def visited(player: Player, count: int, seed: int) -> np.ndarray:
    """(count, WIDTH) states of trials of `player` in nominal worlds, ordered by time."""
    worlds = min(WORLDS, count)
    env = make_env(protocol(player.env_config, worlds, {}, GoalConfig()), seed + FRESH)
    observation, _ = env.reset()
    player.start(env)
    starts = torch.ones(worlds, dtype=torch.bool, device=env.device)
    states: list[np.ndarray] = []
    step = have = 0
    with ProgressBar("states", count, unit="states") as bar:
        while have < count:
            if step % EVERY == 0:
                states.append(_held(env))
                have += len(states[-1])
                bar.update(min(have, count))
            observation, _, terminated, truncated, _ = env.step(
                player.act(env, observation, starts)
            )
            starts = terminated | truncated
            step += 1
    return np.concatenate(states)[:count]


def _held(env: HandEnv) -> np.ndarray:
    """The states (N, WIDTH) of the worlds whose object is not dropped."""
    qpos = env.sim.state("qpos")[:, :WIDTH]
    height = qpos[:, env.sim.layout.position.stop - 1]
    states: np.ndarray = qpos[height > DROP_HEIGHT_M].cpu().numpy()
    return states


def write_visited(player: Player, count: int, seed: int, path: Path) -> None:
    """Write visited states as a numpy file, atomically."""
    states = visited(player, count, seed)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.save(file, states, allow_pickle=False)
