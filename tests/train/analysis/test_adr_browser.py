"""The pages of the analysis in a real browser: all is drawn, tables sort, nothing complains."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from sleight.adr.recovery import Trial
from sleight.files import write_text
from sleight.train.analysis import perturb_page, probe_page, strata
from sleight.train.analysis.adr_report import report
from sleight.train.analysis.adr_runs import read_runs
from sleight.train.analysis.perturb import Arm, Study
from tests.train.analysis.test_adr_probe import fabricated
from tests.train.analysis.test_adr_report import adr_run
from tests.train.analysis.test_strata import planted
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


def disturbed() -> Study:
    """Three arms with trials of ten goals, one of which is slow after the fifth."""
    rng = np.random.default_rng(0)

    def trials(slow: float) -> list[Trial]:
        found = []
        for _ in range(30):
            times = rng.uniform(1, 3, 10) + slow * (np.arange(10) == 5)
            reached = int(rng.choice([3, 6, 10, 10, 10]))
            found.append(Trial(tuple(np.cumsum(times)[:reached].tolist()), reached < 10))
        return found

    names = (Arm("nothing", 0), Arm("joint", 0), Arm("memory", 5))
    return Study("runs/a", 10, dict(zip(names, map(trials, (0, 1, 4)), strict=True)), {})


def pages(folder: Path) -> dict[str, Path]:
    """One of each kind."""
    runs = [adr_run(folder / "first"), adr_run(folder / "second", rounds=3, heavy=3.0)]
    evaluation, config = planted()
    strata_page = strata.page(strata.strata(evaluation, config), evaluation)
    write_text(folder / "strata.html", strata_page)
    probes = [fabricated("runs/a", -2.0, 60), fabricated("runs/b", 0.1, 80)]
    write_text(folder / "probe.html", probe_page.page(probes))
    write_text(folder / "perturb.html", perturb_page.page(disturbed(), 3))
    write_text(folder / "adr.html", report(read_runs(runs)))
    return {name: folder / f"{name}.html" for name in ("adr", "strata", "probe", "perturb")}


def test_every_page_is_drawn_and_nothing_complains(browser: Browser, tmp_path: Path) -> None:
    least = {"adr": 10, "strata": 4, "probe": 2, "perturb": 2}
    for name, page in pages(tmp_path).items():
        browser.go(page)
        charts = browser.charts()
        drawn = [chart for chart in charts if chart["ink"]]
        assert len(drawn) >= least[name], name
        assert [chart["out"] for chart in charts if chart["out"]] == [], name
        assert browser.run("return document.documentElement.scrollWidth <= innerWidth"), name
        asked = browser.asked(page.name)
        assert asked and all(url.startswith(("file:", "data:")) for url in asked), asked
        assert browser.log("browser") == [], name
        assert browser.faults() == [], name
        if name == "perturb":
            shown = browser.point(".nsewdrag")
            assert shown[0].startswith("goal ") and len(shown) == 1 + 3, "a line for each arm"
        else:
            (tip,) = browser.point(".points .point")
            assert re.search(r"\[-?\d+\.\d+, ?-?\d+\.\d+\]", tip), "the interval"
        cards = "[...document.querySelectorAll('.card b')]"
        assert browser.run(f"return {cards}.every(e => e.scrollWidth <= e.clientWidth)"), name


def test_a_click_sorts_the_table_by_number(browser: Browser, tmp_path: Path) -> None:
    browser.go(write_text(tmp_path / "adr.html", report(read_runs([adr_run(tmp_path / "run")]))))
    columns = browser.run("""
        const tables = [...document.querySelectorAll('table.sortable')];
        const table = tables.find(t => t.innerText.includes('width of lambda'));
        const heads = [...table.querySelectorAll('th')];
        const at = heads.findIndex(h => h.innerText.startsWith('width of lambda'));
        const column = () => [...table.rows].slice(1).map(r => r.cells[at].innerText);
        const found = [];
        for (const _ of [1, 2]) {
            heads[at].click();
            found.push(column(), heads[at].getAttribute('aria-sort'));
        }
        return [...found, table.rows[0].cells[0].tagName];""")
    up, first, down, second, head = columns
    assert (first, second, head) == ("ascending", "descending", "TH")
    assert len(up) == 3 and [float(cell) for cell in up] == sorted(map(float, up))
    assert down == up[::-1] and up[0] != up[-1]
