"""Finished episodes, as the environment reports them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor


@dataclass(frozen=True)
class Episode:
    """One finished episode."""

    world: int
    successes: int
    length: int
    """Length in control steps."""
    reward: float
    dropped: bool
    tag: int
    version: int
    """Tag and version from the world source."""
    coordinates: np.ndarray
    """(D,) lambda of the world."""


def finished(worlds: Tensor, columns: dict[str, Tensor]) -> list[Episode]:
    """The episodes of `worlds` (K,), from a column (N, ...) for each other field of `Episode`."""
    # Whole columns at once: reading a single number from a tensor costs as much.
    rows = {name: column[worlds].cpu().numpy() for name, column in columns.items()}
    coordinates = rows.pop("coordinates")
    plain = [worlds.cpu().tolist(), *(row.tolist() for row in rows.values())]
    names = ("world", *rows, "coordinates")
    found = zip(*plain, coordinates, strict=True)
    return [Episode(**dict(zip(names, row, strict=True))) for row in found]
