"""States of hand and block for renders: settled by physics, then rotated and shifted.

The mixture follows Learning Dexterous In-Hand Manipulation, appendix D.2: some states unchanged,
some with the block rotated by the cube's group, some with random perturbations. Otherwise rare
orientations would be underrepresented.
"""

from __future__ import annotations

from pathlib import Path
from tokenize import TokenError

import numpy as np

from ...envs.hands.shadow import SHADOW_RIGHT
from ...envs.sim.model import ModelConfig
from ...errors import DataError
from ..config import RenderConfig, StatesConfig
from ..geometry import cube_rotations, matrix_of, turn, wxyz_of

_CUBE = cube_rotations()


_NO_ARRAY = (OSError, ValueError, EOFError, SyntaxError, TypeError, MemoryError, TokenError)
"""What numpy lets through of a header that it cannot parse, or of a size that cannot be."""
_FARTHEST, _UNIT = 100.0, 1e-3
"""Beyond these a file holds no states: largest number, largest error of a quaternion's norm."""


def chosen(config: RenderConfig) -> np.ndarray:
    """(M, nq) states according to the config. Raises ConfigError, DataError."""
    return read_states(config.states.file) if config.states.file else settled(config)


def read_states(path: Path) -> np.ndarray:
    """(M, nq) states from a file of `sleight vision states` or `sleight vision render`.

    Raises DataError.
    """
    try:
        states: np.ndarray = np.load(path, allow_pickle=False)
    except _NO_ARRAY as error:
        raise DataError(f"{path}: not an array of states: {error}") from error
    width = len(SHADOW_RIGHT.joints) + 7
    if states.ndim != 2 or states.shape[1] != width or not len(states):
        raise DataError(f"{path}: got an array {states.shape}, allowed: states (M, {width})")
    if states.dtype.kind != "f" or not np.isfinite(states).all():
        raise DataError(
            f"{path}: got {states.dtype} with values that are not finite, allowed: finite floats"
        )
    if np.abs(states).max() > _FARTHEST:
        got = f"values up to {np.abs(states).max():.3g}"
        raise DataError(f"{path}: got {got}, allowed: joint angles [rad] and poses [m]")
    if (np.abs(np.linalg.norm(states[:, -4:], axis=1) - 1.0) > _UNIT).any():
        raise DataError(f"{path}: got rotations of the object that are no unit quaternions")
    return states


def settled(config: RenderConfig) -> np.ndarray:
    """(M, nq) settled states with the block in the palm. Raises ConfigError."""
    # Imported here so that a render process does not load torch.
    from ...envs.config import EnvConfig, ResetConfig
    from ...envs.tasks.settled_states import settle

    env = EnvConfig(
        model=ModelConfig(object_size_m=config.object_size_m),
        resets=ResetConfig(cache=config.states.count),
    )
    states: np.ndarray = settle(env, SHADOW_RIGHT, config.seed).qpos.numpy()
    return states


def varied(
    states: np.ndarray, block: slice, config: StatesConfig, rng: np.random.Generator
) -> np.ndarray:
    """A random state of `states` (M, nq), with its block (`block` in qpos) unchanged or moved."""
    qpos = states[rng.integers(len(states))].copy()
    kind = rng.random()
    if kind < config.unchanged_share:
        return qpos
    pose = qpos[block]
    rotation = matrix_of(pose[3:]) @ _CUBE[rng.integers(len(_CUBE))]
    if kind >= config.unchanged_share + config.rotated_share:
        axis = rng.standard_normal(3)
        size = np.radians(config.jitter_deg) * rng.random()
        rotation = turn(size * axis / np.linalg.norm(axis)) @ rotation
        pose[:3] += config.jitter_m * rng.standard_normal(3)
    pose[3:] = wxyz_of(rotation)
    return qpos
