"""Charts in a real browser: where points land, what axes say, and what the pointer shows."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from sleight.files import write_text
from sleight.pages import html
from sleight.pages.charts import Line, bar_chart, line_chart
from sleight.pages.figure import Frame
from tests.train.browser import BROWSER, DRIVER, Browser

pytestmark = pytest.mark.skipif(
    not (BROWSER and DRIVER), reason="needs the system packages chromium and chromium-driver"
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    opened = Browser(tmp_path_factory.mktemp("profile"))
    try:
        yield opened
    finally:
        opened.close()


def _open(browser: Browser, folder: Path, *charts: str) -> None:
    page = html.page("charts", [html.section("Charts", [html.charts(charts)])])
    browser.go(write_text(folder / "charts.html", page))
    assert browser.faults() == [] and browser.log("browser") == []


def _line(browser: Browser) -> list[tuple[float, float]]:
    """Points of the first line, pixels from the upper left corner of its axes."""
    path = browser.run("return document.querySelector('.js-line').getAttribute('d')")
    corners: list[tuple[float, float]] = []
    for command, numbers in re.findall(r"([MLHV])([^MLHV]*)", path):
        for number in re.findall(r"-?[\d.]+,-?[\d.]+|-?[\d.]+", numbers):
            if command in "ML":
                x, y = map(float, number.split(","))
            elif command == "H":
                x, y = float(number), corners[-1][1]
            else:
                x, y = corners[-1][0], float(number)
            corners.append((x, y))
    return corners


def _ticks(browser: Browser, axis: str) -> list[str]:
    return browser.run(f"return [...document.querySelectorAll('.{axis}tick text')]"
                       ".map(e => e.textContent)")  # fmt: skip


def test_points_land_where_they_should(browser: Browser, tmp_path: Path) -> None:
    """Half of the width is x = 5; from 4 down to 1 is three quarters of the way to 0."""
    _open(browser, tmp_path, line_chart(Frame("t"), [Line("a", [0, 5, 10], [0, 4, 1])]))
    (x0, y0), (x1, y1), (x2, y2) = _line(browser)
    assert x0 == 0 and x1 == pytest.approx(x2 / 2, abs=0.1)
    assert y0 > y2 > y1
    assert (y2 - y1) / (y0 - y1) == pytest.approx(3 / 4, abs=0.01)


def test_steps_hold_until_the_next_value(browser: Browser, tmp_path: Path) -> None:
    _open(browser, tmp_path, line_chart(Frame("t"), [Line("a", [0, 10], [0, 4], steps=True)]))
    first, corner, last = _line(browser)
    assert first[1] == corner[1] and corner[0] == last[0]


def test_a_logarithmic_axis_spaces_powers_evenly(browser: Browser, tmp_path: Path) -> None:
    line = Line("a", [0, 1, 2], [1e-4, 1e-2, 1e-3])
    _open(browser, tmp_path, line_chart(Frame("t", log=True), [line]))
    (_, y0), (_, y1), (_, y2) = _line(browser)
    assert y0 - y2 == pytest.approx(y2 - y1, abs=0.1) and y0 > y2
    assert _ticks(browser, "y") == ["0.0001", "0.001", "0.01"]


def test_neighbouring_ticks_never_read_the_same(browser: Browser, tmp_path: Path) -> None:
    _open(browser, tmp_path, line_chart(Frame("t"), [Line("a", [0, 1], [47.93, 47.95])]))
    numbers = _ticks(browser, "y")
    assert len(numbers) >= 4 and len(set(numbers)) == len(numbers)


def test_the_pointer_shows_every_value_at_one_x(browser: Browser, tmp_path: Path) -> None:
    lines = [Line("noise", [0, 100_000, 200_000], [2, 4, 8], low=[1, 0.5, 0.00025]),
             Line("<b>50 %</b> %{y}", [0, 100_000, 200_000], [3, 3, 3])]  # fmt: skip
    _open(browser, tmp_path, line_chart(Frame("t", "control steps"), lines))
    shown = browser.point(".nsewdrag", 0.55)
    assert shown[0] == "control steps 100,000"
    assert sorted(shown[1:]) == ["<b>50 %</b> %{y} : 3", "noise : 0.5 to 4"]
    shown = browser.point(".nsewdrag", 0.98)
    assert shown[0] == "control steps 200,000" and "noise : 0.00025 to 8" in shown


def test_a_single_line_says_its_name(browser: Browser, tmp_path: Path) -> None:
    _open(browser, tmp_path, line_chart(Frame("t"), [Line("this run", [0, 10], [0.25, 0.75])]))
    assert browser.point(".nsewdrag", 0.05) == ["x 0", "this run : 0.25"]


def test_a_bar_says_what_it_counts(browser: Browser, tmp_path: Path) -> None:
    _open(browser, tmp_path, bar_chart(Frame("t"), [0, 1, 2, 3], [2, 0, 4], "ms"))
    heights = browser.run("return [...document.querySelectorAll('.bars path')]"
                          ".map(e => e.getBBox().height)")  # fmt: skip
    assert heights[1] == pytest.approx(2 * heights[0], rel=0.02)
    assert browser.point(".bars .point path") == ["0 to 1 ms: 2"]


def test_names_are_shown_as_they_are(browser: Browser, tmp_path: Path) -> None:
    evil = "<a href='javascript:alert(1)'>x</a><img src=x onerror=alert(2)> &lt;"
    lines = [Line(evil, [0, 1], [0, 1]), Line("b", [0, 1], [1, 0])]
    _open(browser, tmp_path, line_chart(Frame(evil, evil, evil, 516, 270, legend=True), lines))
    words = browser.run("""
        const words = selector => document.querySelector(selector).textContent;
        return [words('.legendtext'), words('.xtitle'), words('figcaption'),
                document.querySelectorAll('.chart a, .chart img').length];""")
    assert words[:2] == [evil, evil] and words[2].split() == [*evil.split(), *evil.split()]
    assert words[3] == 0
