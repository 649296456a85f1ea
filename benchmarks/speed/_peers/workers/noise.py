"""Correlated random actions, so that fingers move, turn blocks and drop them."""

import numpy as np


class Noise:
    """Actions in [-1, 1], as `sleight bench env` draws them."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._rng, self._action = np.random.default_rng(0), np.zeros(shape)

    def __call__(self) -> np.ndarray:
        """The next actions, float32."""
        change = 0.4 * self._rng.normal(size=self._action.shape)
        self._action = np.clip(0.8 * self._action + change, -1.0, 1.0)
        return self._action.astype(np.float32)
