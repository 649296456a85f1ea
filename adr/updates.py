"""The decision to move boundaries whose buffers are full [R 5.2, algorithm 1]."""

import math
from collections.abc import Sequence
from dataclasses import replace

from ..errors import DataError
from .adr_config import HIGH, LOW, SIDES, AdrConfig, Rule, rule
from .state import AdrState, Decision, Event, value


def update(state: AdrState, config: AdrConfig, step: int) -> tuple[AdrState, tuple[Event, ...]]:
    """Decide for every boundary with a full buffer; step: environment steps so far.

    A mean of threshold_high or more moves the boundary outward by one step, up to floor or ceiling;
    threshold_low or less moves it inward, up to start; otherwise it holds. The events are the
    decisions; with clear = on_change only those that moved a boundary. Raises ConfigError if the
    thresholds of a dimension are inconsistent, DataError if steps decrease.
    """
    if step < state.step:
        raise DataError(f"adr update: step: got {step}; allowed: {state.step} or more")
    ends = [list(state.low), list(state.high)]
    buffers, versions = list(state.buffers), list(state.versions)
    events: list[Event] = []
    for boundary, performances in enumerate(state.buffers):
        i, side = divmod(boundary, 2)
        numbers = rule(state.dimensions[i], config)
        if len(performances) < numbers.buffer:
            continue
        if config.clear == "on_change":
            performances = performances[-numbers.buffer :]
        event = _decide(state, boundary, numbers, performances, step)
        moved = event.boundary != event.before
        ends[side][i] = event.boundary
        versions[boundary] += moved
        cleared = moved or config.clear == "always"
        buffers[boundary] = () if cleared else performances
        if cleared:
            events.append(event)
    after = replace(
        state,
        low=tuple(ends[LOW]),
        high=tuple(ends[HIGH]),
        buffers=tuple(buffers),
        versions=tuple(versions),
        step=step,
        history=(*state.history, *events),
    )
    return after, tuple(events)


def _decide(
    state: AdrState, boundary: int, numbers: Rule, performances: Sequence[float], step: int
) -> Event:
    i, side = divmod(boundary, 2)
    dimension = state.dimensions[i]
    mean = math.fsum(performances) / len(performances)
    decision: Decision = "hold"
    if mean >= numbers.threshold_high:
        decision = "widen"
    elif mean <= numbers.threshold_low:
        decision = "tighten"
    outward = {"widen": 1, "hold": 0, "tighten": -1}[decision] * numbers.step
    before = value(state, boundary)
    if side == HIGH:
        after = min(max(before + outward, dimension.start), dimension.ceiling)
    else:
        after = max(min(before - outward, dimension.start), dimension.floor)
    return Event(
        step=step,
        parameter=dimension.name,
        side=SIDES[side],
        performance=mean,
        episodes=len(performances),
        decision=decision,
        before=before,
        boundary=after,
    )
