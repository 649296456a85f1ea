"""How long a process that lives may stay silent before it counts as hung."""

from __future__ import annotations

MANY = 10
"""Times as long as a task has ever taken: longer than any load of the machine explains."""


class Patience:
    """Learns from the time that each kind of task takes."""

    def __init__(self, least_s: float) -> None:
        self._least_s = least_s
        self._longest: dict[str, float] = {}

    def note(self, task: str, seconds: float) -> None:
        """A task of this kind has ended after so long."""
        self._longest[task] = max(seconds, self._longest.get(task, 0.0))

    def limit_s(self, task: str) -> float:
        """After this long a task of this kind is given up."""
        return max(self._least_s, MANY * self._longest.get(task, 0.0))
