"""Reports are counted once each, whatever their order and however late they come."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sleight.adr.adr_config import AdrConfig, Dimension
from sleight.adr.reports import record
from sleight.adr.sampling import sample
from sleight.adr.state import AdrState, initial
from sleight.adr.updates import update
from sleight.errors import DataError

TABLE = (Dimension("a"), Dimension("b", floor=0.0, low_moves=False))
ENDS = (0, 1, 3)
SMALL = AdrConfig(buffer=3)

report = st.tuples(st.sampled_from([-1, *ENDS]), st.floats(0, 50), st.integers(0, 60))


def feed(state: AdrState, rows: list[tuple[int, float, int]], batch: int) -> AdrState:
    """Report (boundary, performance, episode) rows at version 0, a few at a time."""
    for at in range(0, len(rows), batch):
        boundary, performance, episode = zip(*rows[at : at + batch], strict=True)
        state = record(state, SMALL, boundary, np.zeros(len(boundary)), performance, episode)
    return state


@settings(max_examples=60, deadline=None)
@given(st.lists(report, max_size=60, unique_by=lambda row: row[2]), st.data())
def test_shuffled_delayed_and_duplicated_reports_change_nothing(rows, data) -> None:  # type: ignore[no-untyped-def]
    again = data.draw(st.lists(st.sampled_from(rows), max_size=30)) if rows else []
    shuffled = data.draw(st.permutations(rows + again))
    plain = feed(initial(TABLE), rows, 1)
    messy = feed(initial(TABLE), shuffled, data.draw(st.integers(1, 9)))
    assert [sorted(b) for b in messy.buffers] == [sorted(b) for b in plain.buffers]
    assert sum(map(len, plain.buffers)) == sum(boundary >= 0 for boundary, _, _ in rows)
    assert messy.seen == plain.seen
    assert messy.duplicates == len(again)
    assert update(messy, SMALL, 1)[1] == update(plain, SMALL, 1)[1]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 3), st.sampled_from(["always", "on_change"]))
def test_every_episode_counts_once_whatever_its_way(seed, lag, clear) -> None:  # type: ignore[no-untyped-def]
    """Reports late, twice, in any order, while boundaries move: nothing is lost or doubled."""
    config = AdrConfig(buffer=3, max_lag=lag, clear=clear, threshold_low=2.0, threshold_high=4.0)
    rng, state = np.random.default_rng(seed), initial(TABLE)
    waiting: list[tuple[int, int, float, int]] = []
    boundary_episodes, used, sent = 0, 0, 0
    for step in range(1, 40):
        drawn = sample(state, config, rng, 4)
        for boundary, version in zip(drawn.boundary.tolist(), drawn.version.tolist(), strict=True):
            waiting.append((boundary, version, float(rng.integers(0, 7)), sent))
            boundary_episodes += boundary >= 0
            sent += 1
        rng.shuffle(waiting)
        now, waiting = waiting[::2], waiting[1::2]
        waiting += [row for row in now if rng.random() < 0.3]  # these will come again
        state = record(state, config, *zip(*now, strict=True))
        before = state
        state, events = update(state, config, step)
        if clear == "always":
            used += sum(event.episodes for event in events)
        else:  # what was not among the latest was dropped when its buffer moved on or overflowed
            used += sum(map(len, before.buffers)) - sum(map(len, state.buffers))
    state = record(state, config, *zip(*waiting, strict=True))
    assert used + sum(map(len, state.buffers)) + state.stale == boundary_episodes
    assert state.seen == ((0, sent),)


def test_the_mean_does_not_depend_on_the_order_of_arrival() -> None:
    rows = [(1, 0.1, 0), (1, 0.2, 1), (1, 0.3, 2)]  # 0.1 + 0.2 + 0.3 != 0.3 + 0.2 + 0.1 in floats
    forward, backward = feed(initial(TABLE), rows, 1), feed(initial(TABLE), rows[::-1], 1)
    assert update(forward, SMALL, 1)[1] == update(backward, SMALL, 1)[1]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 40), max_size=40))
def test_seen_spans_hold_exactly_the_reported_ids(ids: list[int]) -> None:
    state = feed(initial(TABLE), [(-1, 0.0, episode) for episode in ids], 5)
    inside = [episode for first, end in state.seen for episode in range(first, end)]
    assert inside == sorted(set(ids))
    edges = [edge for span in state.seen for edge in span]
    assert edges == sorted(set(edges))  # no span is empty or touches the next


def test_consecutive_ids_take_one_span() -> None:
    order = np.random.default_rng(0).permutation(1000).tolist()
    assert feed(initial(TABLE), [(-1, 0.0, i) for i in order], 50).seen == ((0, 1000),)


def test_without_ids_every_report_counts() -> None:
    state = record(initial(TABLE), SMALL, [0, 0, -1], [0, 0, -1], [5.0, 5.0, 9.0])
    assert state.buffers == ((5.0, 5.0), (), (), ())
    assert state.duplicates == 0


@pytest.mark.parametrize(("lag", "counted"), [(0, 1), (1, 2), (2, 3)])
def test_reports_of_a_boundary_that_moved_on_are_refused(lag: int, counted: int) -> None:
    moved = replace(initial(TABLE), versions=(3, 0, 0, 0))
    state = record(moved, AdrConfig(max_lag=lag), [0] * 4, [1, 2, 3, 4], [1.0, 2.0, 3.0, 4.0])
    assert len(state.buffers[0]) == counted
    assert state.stale == 4 - counted  # the version 4 is of no state that this one came from


def test_a_refused_report_stays_refused() -> None:
    moved = replace(initial(TABLE), versions=(5, 0, 0, 0))
    state = record(moved, SMALL, [0], [0], [1.0], [7])
    again = record(state, SMALL, [0], [5], [1.0], [7])
    assert again.buffers[0] == ()
    assert (again.stale, again.duplicates) == (1, 1)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (([0, 2], [0, 0], [1.0, 1.0]), "boundary: got 2; allowed: [-1, 0, 1, 3]"),
        (([9], [0], [1.0]), "boundary: got 9"),
        (([0, 1], [0, 0], [1.0, float("nan")]), "performance: got nan at boundary 1"),
        (([0, 1], [0, 0], [1.0]), "columns of [2, 2, 1, 2]"),
        (([0, 1], [0, 0], [1.0, 2.0], [5]), "columns of [2, 2, 2, 1]"),
    ],
)
def test_an_impossible_report_is_an_error(columns: tuple[list[float], ...], words: str) -> None:
    with pytest.raises(DataError) as caught:
        record(initial(TABLE), SMALL, *columns)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
