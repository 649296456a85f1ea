"""The run page in a real browser: nothing is asked for, nothing complains, everything is drawn."""

import importlib.util
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from sleight.train.reports.run_report import write_report
from sleight.train.reports.video import _encoder
from tests.train.browser import BROWSER, DRIVER, Browser

pytestmark = pytest.mark.skipif(
    not (BROWSER and DRIVER), reason="needs the system packages chromium and chromium-driver"
)


def _whole_run(root: Path) -> Path:
    """The run of `test_report`, with a film that a browser can play."""
    place = Path(__file__).with_name("test_report.py")
    spec = importlib.util.spec_from_file_location("run_for_the_browser", place)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    run: Path = module.whole_run(root)
    (film,) = (run / "videos").iterdir()
    with _encoder(film, (64, 48), 12.5) as encode:
        for shade in range(0, 250, 25):
            encode(np.full((48, 64, 3), shade, np.uint8))
    module.curve(root / "other" / "metrics.jsonl", count=60)
    return run


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    root = tmp_path_factory.mktemp("page")
    run = _whole_run(root)
    page = write_report(run, expected=root / "other" / "metrics.jsonl")
    opened = Browser(root / "profile")
    try:
        opened.go(page)
        yield opened
    finally:
        opened.close()


def test_it_asks_for_nothing_and_nothing_complains(browser: Browser) -> None:
    asked = browser.asked("report.html")
    assert any(url.endswith("report.html") for url in asked), "the log must show the page itself"
    assert all(url.startswith(("file:", "data:")) for url in asked), asked
    assert browser.log("browser") == [] and browser.faults() == []


def test_every_chart_is_drawn_and_nothing_sticks_out(browser: Browser) -> None:
    charts = browser.charts()
    assert len(charts) >= 2 + 5 + 4 + 2
    for chart in charts:
        assert chart["ink"] >= 1 and chart["wide"] > 300, chart["name"]
        assert chart["out"] == [], chart["name"]
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth")


def test_charts_stand_side_by_side(browser: Browser) -> None:
    tops = browser.run("""
        return [...document.querySelectorAll('.charts')].map(row => [...row.children]
            .map(e => Math.round(e.getBoundingClientRect().top)));""")
    learning, learner = tops[0], tops[1]
    assert learning[0] == learning[1], "over steps and over time, next to each other"
    assert learner[0] == learner[1] == learner[2], "three small charts in a row"


def test_the_pointer_shows_the_values(browser: Browser) -> None:
    where, *values = browser.point(".nsewdrag", 0.6)
    # Row 24 of 40: 24 * 8192 steps; the other run takes 60 rows to the same height.
    assert where == "control steps 196,608"
    assert sorted(values) == ["expected : 3.6", "this run : 5.4"]
    assert browser.point("h1") == [], "nothing is left when the pointer leaves"


def test_bars_say_what_they_count(browser: Browser) -> None:
    assert browser.point(".bars .point path") == ["0 successes: 2 trials"]


def test_the_film_plays(browser: Browser) -> None:
    for _ in range(100):
        state = browser.run("""
            const film = document.querySelector('video');
            return [film.readyState, film.error && film.error.message, film.videoWidth,
                    film.duration];""")
        if state[0] >= 1 or state[1]:
            break
        time.sleep(0.05)
    assert state[1] is None and state[2] == 64
    assert state[3] == pytest.approx(10 / 12.5)
