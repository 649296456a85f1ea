"""States of hand and object for renders: settled by physics, then rotated and shifted.

A state is the hand's joints and the object's pose; inner joints of the object are drawn apart. The
mixture follows Learning Dexterous In-Hand Manipulation, appendix D.2: some states unchanged,
some with the object rotated by the cube's group, some with random perturbations. Otherwise rare
orientations would be underrepresented.
"""

from __future__ import annotations

from pathlib import Path
from tokenize import TokenError

import numpy as np

from ...contract.keypoint_model import KeypointModel
from ...envs.hands.shadow import SHADOW_RIGHT
from ...envs.objects.object_spec import OBJECTS, object_of, size_of
from ...envs.sim.model_config import ModelConfig
from ...errors import ConfigError, DataError
from ..config import RenderConfig, StatesConfig
from ..geometry import cube_rotations, matrix_of, turn, wxyz_of

_CUBE = cube_rotations()
WIDTH = len(SHADOW_RIGHT.joints) + 7
"""Numbers of a state: the hand's joints, and the object's pose."""


_NO_ARRAY = (OSError, ValueError, EOFError, SyntaxError, TypeError, MemoryError, TokenError)
"""What numpy lets through of a header that it cannot parse, or of a size that cannot be."""
_FARTHEST, _UNIT = 100.0, 1e-3
"""Beyond these a file holds no states: largest number, largest error of a quaternion's norm."""


def chosen(config: RenderConfig) -> np.ndarray:
    """(M, WIDTH) states according to the config. Raises ConfigError, DataError."""
    return read_states(config.states.file) if config.states.file else settled(config)


def read_states(path: Path) -> np.ndarray:
    """(M, WIDTH) states from a file of `sleight vision states` or `sleight vision render`.

    Raises DataError.
    """
    try:
        states: np.ndarray = np.load(path, allow_pickle=False)
    except _NO_ARRAY as error:
        raise DataError(f"{path}: not an array of states: {error}") from error
    if states.ndim != 2 or states.shape[1] != WIDTH or not len(states):
        raise DataError(f"{path}: got an array {states.shape}, allowed: states (M, {WIDTH})")
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
    """(M, WIDTH) settled states with the object in the palm. Raises ConfigError."""
    # Imported here so that a render process does not load torch.
    from ...envs.config import EnvConfig, ResetConfig
    from ...envs.tasks.settled_states import settle

    env = EnvConfig(
        model=shown_in(config),
        resets=ResetConfig(cache=config.states.count),
    )
    states: np.ndarray = settle(env, SHADOW_RIGHT, config.seed).qpos.numpy()[:, :WIDTH]
    return states


def shown_in(config: RenderConfig) -> ModelConfig:
    """Hand and object of the renders."""
    return ModelConfig(object=config.object, object_size_m=config.object_size_m)


def keypoints_in(config: RenderConfig) -> KeypointModel:
    """The keypoints of the object in the renders. Raises ConfigError if it has none."""
    shown = shown_in(config)
    if not object_of(shown).keypoints:
        allowed = ", ".join(name for name, one in OBJECTS.everything().items() if one.keypoints)
        raise ConfigError(f"object: got {config.object}, allowed: one with keypoints: {allowed}")
    return object_of(shown).keypoint_model(size_of(shown))


def arranged(
    shown: ModelConfig, inner: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Inner joints for a render: their coordinates (inner,), and the angles of the layers (J,)."""
    arrange = object_of(shown).arrange
    return arrange(rng) if arrange else (np.zeros(inner), np.zeros(0))


def varied(
    states: np.ndarray, held: slice, config: StatesConfig, rng: np.random.Generator
) -> np.ndarray:
    """A random state of `states` (M, WIDTH), with its object (`held` in it) unchanged or moved."""
    qpos = states[rng.integers(len(states))].copy()
    kind = rng.random()
    if kind < config.unchanged_share:
        return qpos
    pose = qpos[held]
    rotation = matrix_of(pose[3:]) @ _CUBE[rng.integers(len(_CUBE))]
    if kind >= config.unchanged_share + config.rotated_share:
        axis = rng.standard_normal(3)
        size = np.radians(config.jitter_deg) * rng.random()
        rotation = turn(size * axis / np.linalg.norm(axis)) @ rotation
        pose[:3] += config.jitter_m * rng.standard_normal(3)
    pose[3:] = wxyz_of(rotation)
    return qpos
