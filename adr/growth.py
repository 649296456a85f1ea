"""What each boundary did over a run, and why it stands where it stands."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from .state import AdrState, Event, movable, value
from .table import HIGH, SIDES, AdrConfig, Side, rule

Standing = Literal["grows", "at its limit", "held", "falls back", "waits"]
MEANING: dict[Standing, str] = {
    "grows": "the last decision widened it",
    "at its limit": "the parameter may go no further",
    "held": "the last decision found the performance between the thresholds",
    "falls back": "the last decision tightened it, or would have",
    "waits": "no decision yet: too few boundary episodes",
}


@dataclass(frozen=True)
class Boundary:
    """One end of one parameter's range. Positions are lambda."""

    parameter: str
    side: Side
    now: float
    limit: float
    """As far as it may go."""
    step: float
    threshold_low: float
    threshold_high: float
    events: tuple[Event, ...]
    """Its decisions, oldest first."""
    waiting: int
    """Episodes in its buffer."""
    needed: int
    """Episodes of a decision."""

    @property
    def standing(self) -> Standing:
        """Why it is where it is."""
        if abs(self.now - self.limit) < 1e-9:
            return "at its limit"
        if not self.events:
            return "waits"
        last = self.events[-1].decision
        return {"widen": "grows", "hold": "held", "tighten": "falls back"}[last]  # type: ignore[return-value]

    @property
    def stops(self) -> bool:
        """Whether the policy's performance here keeps the range from growing."""
        return self.standing in ("held", "falls back")

    @property
    def widened_at(self) -> int | None:
        """Control steps when it last moved outward; None: never."""
        moved = [e.step for e in self.events if e.decision == "widen" and e.boundary != e.before]
        return moved[-1] if moved else None

    def count(self, decision: str) -> int:
        """How often it was decided so."""
        return sum(event.decision == decision for event in self.events)


def boundaries(state: AdrState, config: AdrConfig) -> list[Boundary]:
    """Every boundary that may move, in the order of the parameters, low end first."""
    events: dict[tuple[str, str], list[Event]] = {}
    for event in state.history:
        events.setdefault((event.parameter, event.side), []).append(event)
    found = []
    for boundary in (end for group in movable(state) for end in group):
        i, side = divmod(boundary, 2)
        dimension = state.dimensions[i]
        numbers = rule(dimension, config)
        found.append(
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
    return found


def stoppers(found: Iterable[Boundary]) -> list[Boundary]:
    """The boundaries that performance holds back, the poorest last measurement first."""
    held = [boundary for boundary in found if boundary.stops]
    return sorted(held, key=lambda boundary: boundary.events[-1].performance)
