"""Charts of a rig run's timing, whose file may hold anything."""

import pytest

from sleight.pages.trials import SPANS, histogram

SPAN = next(iter(SPANS))


def _timing(edges: object, counts: object) -> dict[str, object]:
    return {"histograms_ms": {SPAN: {"edges": edges, "counts": counts}}}


def test_a_histogram_is_drawn() -> None:
    assert histogram(_timing([0, 1, 2], [5, 7]), SPAN)


@pytest.mark.parametrize(
    "edges", [[0, -5, 2], [2, 1, 0], [0, 0, 1], [0, "x", 1], None, [1e400] * 3]
)
def test_edges_that_do_not_rise_are_no_histogram(edges: object) -> None:
    assert histogram(_timing(edges, [5, 7]), SPAN) == ""
