"""The page of a run on a hand in a real browser."""

import json

from sleight.deploy.logs.rig_report import read_run, write_report
from tests.deploy.logs.test_rig_report import folder  # noqa: F401 (a fixture)
from tests.train.reports.test_report_browser import Browser, pytestmark  # noqa: F401


def test_it_asks_for_nothing_complains_of_nothing_and_draws(folder, tmp_path):  # noqa: F811
    page = write_report(read_run(folder))
    browser = Browser(tmp_path / "profile")
    try:
        browser.go(page)
        drawn = browser.run("""
            return [...document.querySelectorAll('.chart')].map(chart =>
                chart.querySelectorAll('.bars .point path').length)""")
        tip = browser.point(".bars .point path", down=0.005)  # a long bar, cut by its axis
        pictures = browser.run("return [...document.images].map(image => image.naturalWidth)")
        wide = browser.run("return document.documentElement.scrollWidth <= innerWidth")
        events = [json.loads(entry["message"])["message"] for entry in browser.log("performance")]
        complaints = browser.log("browser")
    finally:
        browser.close()
    sent = [e["params"] for e in events if e["method"] == "Network.requestWillBeSent"]
    asked = [e["request"]["url"] for e in sent if e["documentURL"].endswith("report.html")]
    assert asked and all(url.startswith(("file:", "data:")) for url in asked)
    assert complaints == []
    assert tip[0].endswith(" ms: 200")  # turns at rest, all 1 ms late
    assert len(drawn) == 5 and min(drawn) > 0  # what a log alone tells: no policy, no whole turn
    assert pictures == [8]
    assert wide
