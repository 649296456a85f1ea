"""Charts: what is drawn of which data, by hand arithmetic; and what must not break a drawing."""

import json
import math
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import plotly.offline
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleight.pages import html
from sleight.pages.charts import Line, bar_chart, column_chart, line_chart, thin
from sleight.pages.figure import Frame, Mark
from sleight.pages.markup import source
from sleight.pages.show import short


class Chart(HTMLParser):
    """The text of a chart, its figure, and its tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[str] = []
        self.figure: dict[str, Any] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if figure := dict(attrs).get("data-figure"):
            self.figure = json.loads(figure)

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def traces(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.figure["data"]
        return found

    def axis(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.figure["layout"][f"{name}axis"]
        return found

    @property
    def notes(self) -> list[str]:
        return [note["text"] for note in self.figure["layout"]["annotations"]]


def test_points_are_drawn_as_they_are_over_an_axis_from_zero() -> None:
    chart = Chart(line_chart(Frame("t"), [Line("a", [5, 10], [4, 1])]))
    (line,) = chart.traces
    assert (line["x"], line["y"], line["line"]["shape"]) == ([5, 10], [4, 1], "linear")
    assert chart.axis("x")["range"] == [0, 10]
    # The values from 1 to 4, and 6 % of their span on either side.
    assert chart.axis("y")["range"] == pytest.approx([0.82, 4.18])


def test_an_axis_from_zero_begins_there() -> None:
    chart = Chart(line_chart(Frame("t", zero=True), [Line("a", [0, 1], [5, 10])]))
    assert chart.axis("y")["range"] == pytest.approx([0, 10.6])


def test_steps_hold_until_the_next_value() -> None:
    chart = Chart(line_chart(Frame("t"), [Line("a", [0, 10], [0, 4], steps=True)]))
    assert chart.traces[0]["line"]["shape"] == "hv", "horizontal, then vertical"


def test_a_logarithmic_axis_goes_from_power_to_power() -> None:
    line = Line("a", [0, 1, 2, 3], [1e-4, 1e-3, 1e-2, -1.0])
    chart = Chart(line_chart(Frame("t", log=True), [line]))
    assert chart.traces[0]["y"] == [1e-4, 1e-3, 1e-2], "the negative value is left out"
    axis = chart.axis("y")
    assert (axis["type"], axis["range"], axis["dtick"]) == ("log", [-4, -2], 1)


def test_values_that_are_not_finite_are_skipped() -> None:
    line = Line("a", [0, 1, 2, 3], [0.0, math.nan, math.inf, 4.0])
    assert Chart(line_chart(Frame("t"), [line])).traces[0]["x"] == [0, 3]


def test_a_constant_on_a_logarithmic_axis_lies_between_two_powers() -> None:
    chart = Chart(line_chart(Frame("t", log=True), [Line("a", [0, 1], [5e-4, 5e-4])]))
    assert chart.axis("y")["range"] == [-4, -3]


@pytest.mark.parametrize("y", [[], [math.nan], [-1.0]])
def test_a_chart_without_points_says_so(y: list[float]) -> None:
    chart = Chart(line_chart(Frame("t", log=True), [Line("a", [0.0] * len(y), y)]))
    assert "no data yet" in chart.words
    assert not chart.figure


def test_one_point_can_be_seen() -> None:
    chart = Chart(line_chart(Frame("t"), [Line("a", [8192], [0.5])]))
    assert chart.traces[0]["mode"] == "markers"


def test_a_band_goes_from_low_to_high_and_says_both() -> None:
    line = Line("band", [0, 10], [2, 4], low=[1, 0], colour="#123456")
    below, line_above = Chart(line_chart(Frame("t", "steps"), [line])).traces
    assert (below["y"], line_above["y"]) == ([1, 0], [2, 4])
    assert line_above["fill"] == "tonexty" and line_above["fillcolor"] == "rgba(18,52,86,0.2)"
    assert line_above["customdata"] == [1, 0] and below["hoverinfo"] == "skip"


def test_marks_are_lines_with_a_name() -> None:
    frame = Frame("t", marks=(Mark(3.0, "floor"), Mark(0.5)))
    chart = Chart(line_chart(frame, [Line("a", [0, 1], [1, 2])]))
    assert [shape["y0"] for shape in chart.figure["layout"]["shapes"]] == [3.0, 0.5]
    assert chart.notes == ["floor"]
    low, high = chart.axis("y")["range"]
    assert low < 0.5 and high > 3.0, "both marks are inside"


def test_a_mark_on_a_logarithmic_axis_stands_at_its_value() -> None:
    """A line is placed by its value, text by its logarithm."""
    frame = Frame("t", log=True, marks=(Mark(0.01, "limit"), Mark(-1.0, "nowhere")))
    layout = Chart(line_chart(frame, [Line("a", [0, 1], [1, 2])])).figure["layout"]
    assert [shape["y0"] for shape in layout["shapes"]] == [0.01]
    assert [(note["text"], note["y"]) for note in layout["annotations"]] == [("limit", -2.0)]


def test_bars_are_as_high_as_their_numbers() -> None:
    chart = Chart(bar_chart(Frame("t"), [0, 1, 2, 3], [2, 0, 4], "ms"))
    (bars,) = chart.traces
    assert (bars["x"], bars["width"], bars["y"]) == ([0.5, 2.5], [1, 1], [2, 4])
    assert bars["hovertext"] == ["0 to 1 ms: 2", "2 to 3 ms: 4"]


def test_a_bar_of_one_is_seen_on_a_logarithmic_axis() -> None:
    low, high = Chart(bar_chart(Frame("t", log=True), [0, 1], [1], "ms")).axis("y")["range"]
    assert low < 0.0 < high, "ten to the zero is one"


def test_columns_stand_over_their_number() -> None:
    frame = Frame("t", marks=(Mark(1.0, "mean"),))
    chart = Chart(column_chart(frame, [4, 0, 2], ["a", "b", "c"]))
    (bars,) = chart.traces
    assert (bars["x"], bars["y"], bars["hovertext"]) == ([0, 2], [4, 2], ["a", "c"])
    assert chart.axis("x")["range"] == [-0.5, 2.5] and chart.notes == ["mean"]


def test_words_cannot_break_out_of_the_drawing() -> None:
    evil = "</div><script>alert(1)</script>\"'&"
    chart = Chart(line_chart(Frame(evil, evil, evil), [Line(evil, [0, 1], [0, 1])]))
    assert set(chart.tags) == {"figure", "figcaption", "small", "div"}
    assert chart.words[1].strip() == evil
    # What Plotly would read as a tag or an entity.
    assert chart.traces[0]["name"] == "&lt;/div&gt;&lt;script&gt;alert(1)&lt;/script&gt;\"'&amp;"


def test_a_page_has_the_library_once_and_only_for_charts() -> None:
    library = "plotly.js (basic - minified)"
    chart = line_chart(Frame("t"), [Line("a", [0, 1], [0, 1])])
    with_charts = html.page("t", [html.section("s", [html.charts([chart, chart])])])
    assert with_charts.count(library) == 1 and len(with_charts) < 1_500_000
    without = html.page("t", [html.section("s", [html.table(("a",), [("data-figure",)])])])
    assert library not in without and len(without) < 10_000


def test_the_library_in_the_page_is_the_one_that_makes_the_figures() -> None:
    """Same major version of the schema."""
    head = str(source("plotly-basic.min.js"))[:100]
    major = plotly.offline.get_plotlyjs_version().split(".")[0]
    assert f"minified) v{major}." in head


@given(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=500), st.integers(3, 50))
def test_thinning_keeps_the_ends_the_order_and_the_bounds(ys: list[float], most: int) -> None:
    points = [(float(i), y) for i, y in enumerate(ys)]
    few = thin(points, most)
    assert len(few) == min(len(points), most)
    assert (few[0], few[-1]) == (points[0], points[-1])
    assert all(a[0] < b[0] for a, b in pairwise(few))
    slack = 1e-9 * max(1.0, *map(abs, ys))
    assert all(min(ys) - slack <= y <= max(ys) + slack for _, y in few)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (12_500_000, "12.5M"), (8192, "8.19k"), (999.9, "1k"), (-1500, "-1.5k"),
     (0.031, "0.031"), (5e-5, "5e-05"), (3.14159, "3.14")],
)  # fmt: skip
def test_numbers_in_few_characters(value: float, text: str) -> None:
    assert short(value) == text
