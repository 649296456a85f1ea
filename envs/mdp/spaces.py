"""Gymnasium spaces of the observation terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import gymnasium
import numpy as np

from .observations import Term


def observation_space(
    groups: Mapping[str, Sequence[Term]], num_parameters: int
) -> gymnasium.spaces.Dict:
    """Group -> term -> Box; the term `world` is as long as there are parameters that vary."""
    return gymnasium.spaces.Dict(
        {
            group: gymnasium.spaces.Dict(
                {term.name: _box(term.size or num_parameters) for term in terms}
            )
            for group, terms in groups.items()
        }
    )


def _box(size: int) -> gymnasium.spaces.Box:
    return gymnasium.spaces.Box(-np.inf, np.inf, (size,), np.float32)
