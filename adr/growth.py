"""Summary of each boundary over a run: its decisions, and why it has its current position."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from .adr_config import HIGH, SIDES, AdrConfig, Side, rule
from .state import AdrState, Event, movable, value

Standing = Literal["grows", "at its limit", "held", "falls back", "waits"]
MEANING: dict[Standing, str] = {
    "grows": "the last decision widened it",
    "at its limit": "it has reached the limit of the parameter",
    "held": "at the last decision the performance was between the thresholds",
    "falls back": "at the last decision the performance was too low: it tightens",
    "waits": "no decision yet: too few boundary episodes",
}


@dataclass(frozen=True)
class Boundary:
    """One end of one parameter's range. Positions are lambda."""

    parameter: str
    side: Side
    now: float
    limit: float
    """The farthest allowed position."""
    step: float
    threshold_low: float
    threshold_high: float
    events: tuple[Event, ...]
    """The decisions, oldest first."""
    waiting: int
    """Number of episodes in the buffer."""
    needed: int
    """Number of episodes for a decision."""

    @property
    def standing(self) -> Standing:
        """Why the boundary has its current position; see `MEANING`."""
        if abs(self.now - self.limit) < 1e-9:
            return "at its limit"
        if not self.events:
            return "waits"
        last = self.events[-1].decision
        return {"widen": "grows", "hold": "held", "tighten": "falls back"}[last]  # type: ignore[return-value]

    @property
    def stops(self) -> bool:
        """Whether the performance of the policy prevents the range from growing."""
        return self.standing in ("held", "falls back")

    @property
    def widened_at(self) -> int | None:
        """Environment steps at its last move outward; None: never."""
        moved = [e.step for e in self.events if e.decision == "widen" and e.boundary != e.before]
        return moved[-1] if moved else None

    def count(self, decision: str) -> int:
        """Number of decisions of this kind."""
        return sum(event.decision == decision for event in self.events)


def boundaries(state: AdrState, config: AdrConfig) -> list[Boundary]:
    """All movable boundaries in the order of the parameters, low end first."""
    events: dict[tuple[str, str], list[Event]] = {}
    for event in state.history:
        events.setdefault((event.parameter, event.side), []).append(event)
    result = []
    for boundary in (end for group in movable(state) for end in group):
        i, side = divmod(boundary, 2)
        dimension = state.dimensions[i]
        numbers = rule(dimension, config)
        result.append(
            Boundary(
                parameter=dimension.name,
                side=SIDES[side],
                now=value(state, boundary),
                limit=dimension.ceiling if side == HIGH else dimension.floor,
                step=numbers.step,
                threshold_low=numbers.threshold_low,
                threshold_high=numbers.threshold_high,
                events=tuple(events.get((dimension.name, SIDES[side]), ())),
                waiting=len(state.buffers[boundary]),
                needed=numbers.buffer,
            )
        )
    return result


def stoppers(boundaries: Iterable[Boundary]) -> list[Boundary]:
    """The boundaries that the performance holds back, the lowest performance first."""
    held = [boundary for boundary in boundaries if boundary.stops]
    return sorted(held, key=lambda boundary: boundary.events[-1].performance)
