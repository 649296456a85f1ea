"""Hands and blocks to take pictures of: settled by physics, then turned and moved.

The mixture is that of Learning Dexterous In-Hand Manipulation, appendix D.2: some states as they
are, some with the block turned by the cube's group, some jittered; otherwise rare orientations
would hardly be seen.
"""

from __future__ import annotations

import numpy as np

from ..envs.hand import SHADOW_RIGHT
from ..envs.model import ModelConfig
from .config import RenderConfig, StatesConfig
from .geometry import cube_rotations, matrix_of, turn, wxyz_of

_CUBE = cube_rotations()


def settled(config: RenderConfig) -> np.ndarray:
    """(M, nq) states with the block in the palm, by the config's seed. Raises ConfigError."""
    # Only here: a process that renders need not wait for torch.
    from ..envs.config import EnvConfig, ResetConfig
    from ..envs.resets import settle

    env = EnvConfig(
        model=ModelConfig(object_size_m=config.object_size_m),
        resets=ResetConfig(cache=config.states.count),
    )
    states: np.ndarray = settle(env, SHADOW_RIGHT, config.seed).qpos.numpy()
    return states


def varied(
    states: np.ndarray, block: slice, config: StatesConfig, rng: np.random.Generator
) -> np.ndarray:
    """One of the `states` (M, nq), its block (at `block` in qpos) as it is, turned or moved."""
    qpos = states[rng.integers(len(states))].copy()
    kind = rng.random()
    if kind < config.as_is:
        return qpos
    pose = qpos[block]
    rotation = matrix_of(pose[3:]) @ _CUBE[rng.integers(len(_CUBE))]
    if kind >= config.as_is + config.turned:
        axis = rng.standard_normal(3)
        size = np.radians(config.jitter_deg) * rng.random()
        rotation = turn(size * axis / np.linalg.norm(axis)) @ rotation
        pose[:3] += config.jitter_m * rng.standard_normal(3)
    pose[3:] = wxyz_of(rotation)
    return qpos
