"""How many cores a worker gets."""

from __future__ import annotations

from collections.abc import Sequence


def cores_per_worker(nodes: Sequence[float], workers: int) -> float:
    """The most whole cores that each of `workers` can have on `nodes` (cores of each), or 0."""
    for cores in range(int(max(nodes, default=0)), 0, -1):
        if sum(int(node // cores) for node in nodes) >= workers:
            return float(cores)
    return 0.0


def places(nodes: Sequence[float], cores: float) -> int:
    """How many workers of `cores` fit on `nodes`."""
    return sum(int(node / cores + 1e-9) for node in nodes)


def without(nodes: Sequence[float], count: int, cores: float) -> list[float]:
    """What `count` processes of `cores` leave of `nodes`, each on the one with most cores left."""
    left = list(nodes)
    for _ in range(count if left else 0):
        at = left.index(max(left))
        left[at] = max(0.0, left[at] - cores)
    return left
