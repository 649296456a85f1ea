"""Gymnasium spaces of the observation terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import gymnasium
import numpy as np

from .observations import Sizes, Term


def observation_space(groups: Mapping[str, Sequence[Term]], sizes: Sizes) -> gymnasium.spaces.Dict:
    """Group -> term -> Box of the term's shape."""
    return gymnasium.spaces.Dict(
        {
            group: gymnasium.spaces.Dict({term.name: _box(term.shape_in(sizes)) for term in terms})
            for group, terms in groups.items()
        }
    )


def _box(shape: tuple[int, ...]) -> gymnasium.spaces.Box:
    return gymnasium.spaces.Box(-np.inf, np.inf, shape, np.float32)
