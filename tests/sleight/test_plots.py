"""Charts: where points land, by hand arithmetic; and what must not break a drawing."""

import json
import math
import re
from html import unescape
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleight.pages.axes import Frame, Mark, short, ticks
from sleight.pages.plots import Line, bar_chart, column_chart, line_chart, thin

SVG = "{http://www.w3.org/2000/svg}"


def _tree(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def _lines(svg: str) -> list[list[tuple[float, float]]]:
    """Points of every stroked path, pixels."""
    paths = [p for p in _tree(svg).iter(f"{SVG}path") if p.get("fill") == "none"]
    pairs = [re.findall(r"(-?[\d.]+) (-?[\d.]+)", path.get("d", "")) for path in paths]
    return [[(float(x), float(y)) for x, y in path] for path in pairs]


def _words(svg: str) -> list[str]:
    return ["".join(element.itertext()) for element in _tree(svg).iter(f"{SVG}text")]


def test_points_land_where_they_should() -> None:
    """x from 0 to 10 fills 46..324 of 338 pixels, y from 0 to 4 fills 146..30 of 168."""
    (points,) = _lines(line_chart(Frame("t"), [Line("a", [0, 5, 10], [0, 4, 1])]))
    assert points == [(46.0, 146.0), (185.0, 30.0), (324.0, 117.0)]


def test_steps_hold_until_the_next_value() -> None:
    (points,) = _lines(line_chart(Frame("t"), [Line("a", [0, 10], [0, 4], steps=True)]))
    assert points == [(46.0, 146.0), (324.0, 146.0), (324.0, 30.0)]


def test_a_logarithmic_axis_spaces_powers_evenly() -> None:
    line = Line("a", [0, 1, 2, 3], [1e-4, 1e-3, 1e-2, -1.0])
    (points,) = _lines(line_chart(Frame("t", log=True), [line]))
    assert [y for _, y in points] == [146.0, 88.0, 30.0], "the negative value is left out"


def test_values_that_are_not_finite_are_skipped() -> None:
    line = Line("a", [0, 1, 2, 3], [0.0, math.nan, math.inf, 4.0])
    (points,) = _lines(line_chart(Frame("t"), [line]))
    assert len(points) == 2


def test_neighbouring_ticks_never_read_the_same() -> None:
    svg = line_chart(Frame("t"), [Line("a", [0, 1], [47.93, 47.95])])
    numbers = [word for word in _words(svg) if word.startswith("47.")]
    assert len(numbers) >= 4 and len(set(numbers)) == len(numbers)


def test_a_constant_on_a_logarithmic_axis_lies_between_two_powers() -> None:
    svg = line_chart(Frame("t", log=True), [Line("a", [0, 1], [5e-4, 5e-4])])
    assert {"0.0001", "0.001"} <= set(_words(svg))
    ((_, y), _) = _lines(svg)[0]
    assert y == pytest.approx(146 - 116 * math.log10(5), abs=0.1)


@pytest.mark.parametrize("y", [[], [math.nan], [-1.0]])
def test_a_chart_without_points_says_so(y: list[float]) -> None:
    svg = line_chart(Frame("t", log=True), [Line("a", [0.0] * len(y), y)])
    assert "no data yet" in _words(svg)
    assert "data-chart" not in svg


def test_one_point_can_be_seen() -> None:
    svg = line_chart(Frame("t"), [Line("a", [8192], [0.5])])
    assert len(list(_tree(svg).iter(f"{SVG}circle"))) == 1


def test_the_script_gets_the_values_of_the_points() -> None:
    line = Line("band", [0, 10], [2, 4], low=[1, 0], colour="#123456")
    data = json.loads(
        unescape(_tree(line_chart(Frame("t", "steps"), [line])).get("data-chart", ""))
    )
    assert data["x"] == [0.0, 10] and data["xLabel"] == "steps"
    (sent,) = data["lines"]
    assert [point[:2] for point in sent["points"]] == [[0, 2], [10, 4]]
    assert (sent["below"], sent["colour"]) == ([1, 0], "#123456")


def test_bars_are_as_high_as_their_numbers() -> None:
    svg = bar_chart(Frame("t"), [0, 1, 2, 3], [2, 0, 4], "ms")
    heights = [float(r.get("height", "")) for r in _tree(svg).iter(f"{SVG}rect")]
    assert heights == [58.0, 116.0]
    tips = [r.get("data-tip") for r in _tree(svg).iter(f"{SVG}rect")]
    assert tips == ["0 to 1 ms: 2", "2 to 3 ms: 4"]


def test_columns_stand_over_their_number() -> None:
    svg = column_chart(Frame("t", marks=(Mark(1.0, "mean"),)), [4, 0, 2], ["a", "b", "c"])
    bars = [(float(r.get("x", "")), r.get("data-tip")) for r in _tree(svg).iter(f"{SVG}rect")]
    assert [tip for _, tip in bars] == ["a", "c"]
    # Three columns share 46..324; the third one's middle is 5/6 of the way.
    assert bars[1][0] == pytest.approx(46 + 278 * (2.5 - 0.42) / 3, abs=0.1)
    assert "mean" in _words(svg)


def test_words_cannot_break_out_of_the_drawing() -> None:
    evil = "</text><script>alert(1)</script>\"'&"
    svg = line_chart(Frame(evil, evil, evil), [Line(evil, [0, 1], [0, 1])])
    assert not list(_tree(svg).iter(f"{SVG}script"))
    assert _words(svg)[0].startswith(evil)


@given(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=500), st.integers(3, 50))
def test_thinning_keeps_the_ends_the_order_and_the_bounds(ys: list[float], most: int) -> None:
    points = [(float(i), y) for i, y in enumerate(ys)]
    few = thin(points, most)
    assert len(few) == min(len(points), most)
    assert (few[0], few[-1]) == (points[0], points[-1])
    assert all(a[0] < b[0] for a, b in pairwise(few))
    slack = 1e-9 * max(1.0, *map(abs, ys))
    assert all(min(ys) - slack <= y <= max(ys) + slack for _, y in few)


@given(st.floats(-1e5, 1e5), st.floats(1e-3, 1e5), st.integers(2, 8))
def test_ticks_are_even_inside_and_few(low: float, width: float, count: int) -> None:
    found = ticks(low, low + width, count)
    steps = [b - a for a, b in pairwise(found)]
    assert 0 <= len(found) <= count + 1
    assert all(low - 1e-6 * width <= tick <= low + width * (1 + 1e-6) for tick in found)
    assert all(step == pytest.approx(steps[0], rel=1e-3) for step in steps)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (12_500_000, "12.5M"), (8192, "8.19k"), (999.9, "1k"), (-1500, "-1.5k"),
     (0.031, "0.031"), (5e-5, "5e-05"), (3.14159, "3.14")],
)  # fmt: skip
def test_numbers_in_few_characters(value: float, text: str) -> None:
    assert short(value) == text
