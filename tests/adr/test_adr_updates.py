"""Boundaries move outward when performance is high, inward when it is low, within their limits."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sleight.adr.adr_config import AdrConfig, Dimension
from sleight.adr.reports import record
from sleight.adr.sampling import sample
from sleight.adr.state import AdrState, entropy, initial, ranges
from sleight.adr.updates import update
from sleight.errors import ConfigError, DataError

CONFIG = AdrConfig(buffer=2)
BOTH = (Dimension("size"),)


def report(state: AdrState, boundary: int, *performances: float) -> AdrState:
    """Performances at the present version of one boundary."""
    n = len(performances)
    return record(state, CONFIG, [boundary] * n, [state.versions[boundary]] * n, performances)


@pytest.mark.parametrize(("boundary", "moved"), [(0, (-0.02, 0.0)), (1, (0.0, 0.02))])
def test_high_performance_moves_either_end_outward(
    boundary: int, moved: tuple[float, float]
) -> None:
    state, events = update(report(initial(BOTH), boundary, 15.0, 25.0), CONFIG, 800)
    assert (state.low[0], state.high[0]) == moved
    assert state.buffers == ((), ())
    assert state.versions[boundary] == 1
    assert state.versions[1 - boundary] == 0
    (event,) = events
    assert (event.step, event.parameter, event.side) == (800, "size", ["low", "high"][boundary])
    assert (event.performance, event.episodes, event.decision) == (20.0, 2, "widen")
    assert (event.before, event.boundary) == (0.0, moved[boundary])
    assert state.history == events
    assert state.step == 800


@pytest.mark.parametrize(("boundary", "moved"), [(0, (-0.98, 1.0)), (1, (-1.0, 0.98))])
def test_low_performance_moves_either_end_inward(boundary: int, moved: tuple[float, float]) -> None:
    wide = replace(initial(BOTH), low=(-1.0,), high=(1.0,))
    state, events = update(report(wide, boundary, 8.0, 12.0), CONFIG, 1)
    assert (state.low[0], state.high[0]) == moved
    assert events[0].decision == "tighten"


def test_between_the_thresholds_nothing_moves_but_the_buffer_clears() -> None:
    state, events = update(report(initial(BOTH), 1, 10.0, 10.5), CONFIG, 1)
    assert events[0].decision == "hold"
    assert events[0].before == events[0].boundary == 0.0
    assert state.buffers == ((), ())
    assert state.versions == (0, 0)


def test_a_buffer_that_is_not_full_decides_nothing() -> None:
    before = report(initial(BOTH), 1, 50.0)
    after, events = update(before, CONFIG, 9)
    assert events == ()
    assert after == replace(before, step=9)


def test_more_reports_than_the_buffer_all_count() -> None:
    _, (event,) = update(report(initial(BOTH), 1, 30.0, 30.0, 0.0), CONFIG, 1)
    assert (event.performance, event.episodes, event.decision) == (20.0, 3, "widen")


def test_clear_on_change_decides_on_the_latest_until_the_boundary_moves() -> None:
    config = replace(CONFIG, clear="on_change")
    state, events = update(report(initial(BOTH), 1, 50.0, 15.0, 15.0), config, 1)
    assert events == ()
    assert state.buffers[1] == (15.0, 15.0)
    state, events = update(report(state, 1, 30.0), config, 2)
    assert [event.decision for event in events] == ["widen"]
    assert events[0].performance == 22.5
    assert state.buffers[1] == ()


def test_limits_stop_a_boundary_and_the_history_says_so() -> None:
    table = (Dimension("size", floor=-0.03, ceiling=0.03),)
    state = initial(table)
    for step in range(4):
        state, events = update(report(report(state, 0, 50.0, 50.0), 1, 50.0, 50.0), CONFIG, step)
    assert ranges(state) == {"size": (-0.03, 0.03)}
    assert [(event.decision, event.before == event.boundary) for event in events] == [
        ("widen", True)
    ] * 2
    assert state.versions == (2, 2)


def test_a_dimension_may_have_its_own_rule() -> None:
    angle = Dimension(
        "goal", floor=0.1, start=0.2, ceiling=math.pi, step=0.1, low_moves=False,
        counts=False, threshold_low=0.5, threshold_high=2.0, buffer=1,
    )  # fmt: skip
    state, _ = update(report(initial((angle,)), 1, 2.0), CONFIG, 1)
    assert state.high[0] == pytest.approx(0.3)
    assert state.low[0] == 0.2


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.floats(0, 50)), max_size=80),
    st.sampled_from(["always", "on_change"]),
    st.floats(0.001, 3.0),
)
def test_ranges_hold_their_start_and_stay_within_limits(rows, clear, step) -> None:  # type: ignore[no-untyped-def]
    table = (
        Dimension("a", start=1.0, floor=-0.7, ceiling=1.3),
        Dimension("b", start=-1 / 3, floor=-2.0, ceiling=0.0),
    )
    config = AdrConfig(buffer=2, clear=clear, step=step)
    state = initial(table)
    for at, (boundary, performance) in enumerate(rows):
        state, events = update(report(state, boundary, performance), config, at)
        for d, low, high in zip(table, state.low, state.high, strict=True):
            assert d.floor <= low <= d.start <= high <= d.ceiling
        for event in events:
            outward = (event.boundary - event.before) * (1 if event.side == "high" else -1)
            sign = {"widen": 1, "hold": 0, "tighten": -1}[event.decision]
            assert outward * sign >= 0
            assert abs(outward) <= step * (1 + 1e-9)
            assert (sign == 0) == (10.0 < event.performance < 20.0)
    moves = [0] * 4
    for event in state.history:
        boundary = 2 * "ab".index(event.parameter) + (event.side == "high")
        moves[boundary] += event.before != event.boundary
    assert tuple(moves) == state.versions


def test_entropy_by_hand() -> None:
    table = (
        Dimension("a"),
        Dimension("noise", floor=0.0, low_moves=False),
        Dimension("goal", counts=False),
        Dimension("fixed", low_moves=False, high_moves=False),
    )
    state = initial(table)
    config = AdrConfig(entropy_floor=0.01)
    assert entropy(state, config) == pytest.approx(math.log(0.01))  # two zero widths
    state = replace(state, low=(-4.0, 0.0, -4.0, 0.0), high=(4.0, 4.0, 4.0, 0.0))
    # (ln 8 + ln 4) / 2 = 5/2 ln 2; neither the curriculum nor what cannot move is in it
    assert entropy(state, config) == pytest.approx(2.5 * math.log(2))
    state = replace(state, high=(-3.5, 0.001, 4.0, 0.0))
    assert entropy(state, config) == pytest.approx((math.log(0.5) + math.log(0.01)) / 2)
    assert entropy(initial(table[2:]), config) == pytest.approx(math.log(0.01))


def successes(lam: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A policy whose successes fall with the distance from nominal, to both sides unequally."""
    far = np.abs(lam[:, 0]) * np.where(lam[:, 0] < 0, 10.0, 20.0) + 8.0 * lam[:, 1]
    return np.clip(30.0 - far + rng.normal(0.0, 4.0, len(lam)), 0.0, 50.0)


@pytest.mark.parametrize("begin", [0.0, 2.0])
@pytest.mark.parametrize("clear", ["always", "on_change"])
def test_boundaries_settle_where_performance_crosses_the_thresholds(
    begin: float, clear: str
) -> None:
    table = (Dimension("a"), Dimension("noise", floor=0.0, low_moves=False))
    config = AdrConfig(buffer=20, step=0.05, clear=clear)  # type: ignore[arg-type]
    state = replace(initial(table), low=(-begin, 0.0), high=(begin, begin))
    rng = np.random.default_rng(3)
    for step in range(400):
        draw = sample(state, config, rng, 64)
        state = record(state, config, draw.boundary, draw.version, successes(draw.lam, rng))
        state, _ = update(state, config, step)
    always = sample(state, replace(config, boundary_probability=1.0), rng, 20_000)
    performance = successes(always.lam, rng)
    slope = {0: 10.0, 1: 20.0, 3: 8.0}
    for boundary in (0, 1, 3):
        mean = performance[always.boundary == boundary].mean()
        # two steps, and the noise of a mean of 20
        slack = 2 * config.step * slope[boundary] + 1.5
        assert 10.0 - slack <= mean <= 20.0 + slack
    assert state.low[0] < -0.2
    assert state.high[0] > 0.1
    assert state.high[1] > 0.2
    assert -state.low[0] > state.high[0]  # the side on which it falls more slowly grows further


def test_bad_tables_and_steps_are_named() -> None:
    with pytest.raises(ConfigError, match=r"'size': floor, start, ceiling: got -4\.0, 5\.0, 4\.0"):
        Dimension("size", start=5.0)
    with pytest.raises(ConfigError, match="'size': step: got 0"):
        Dimension("size", step=0.0)
    with pytest.raises(ConfigError, match="'size': buffer: got 0; allowed: 1 or more"):
        Dimension("size", buffer=0)
    with pytest.raises(ConfigError, match=r"threshold_low, threshold_high: got 20\.0"):
        AdrConfig(threshold_low=20.0)
    with pytest.raises(ConfigError, match="got size twice"):
        initial((Dimension("size"), Dimension("size")))
    odd = (Dimension("size", threshold_low=30.0),)
    with pytest.raises(ConfigError, match="'size': threshold_low"):
        initial(odd, CONFIG)
    with pytest.raises(ConfigError, match="'size': threshold_low"):
        update(initial(odd), CONFIG, 1)
    state = initial(BOTH)
    with pytest.raises(DataError, match="step: got 1; allowed: 5 or more"):
        update(replace(state, step=5), CONFIG, 1)
