"""A headless browser for pages: just enough of the WebDriver protocol."""

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--window-size=1280,1000")  # fmt: skip

CHARTS = """
    return [...document.querySelectorAll('.chart')].map(chart => {
        const box = chart.getBoundingClientRect(), inside = element => {
            const b = element.getBoundingClientRect();
            // A bar on a logarithmic axis goes down for ever, and is clipped.
            return b.left >= box.left - 1 && b.top >= box.top - 1 && b.right <= box.right + 1
                && (b.bottom <= box.bottom + 1 || element.closest('.bars'));
        };
        const drawn = [...chart.querySelectorAll('.plot text, .trace path, .shapelayer path')];
        return {
            name: chart.querySelector('[role=img]').getAttribute('aria-label'),
            ink: [...chart.querySelectorAll('.trace path')]
                .filter(e => e.getBoundingClientRect().width > 0).length,
            out: drawn.filter(e => !inside(e)).map(e => e.outerHTML.slice(0, 200)),
            wide: box.width,
        };
    });"""
FIGURES = """
    return [...document.querySelectorAll('.plot')].flatMap(plot => {
        const figure = JSON.parse(plot.dataset.figure);
        // Also told: what is given beside the point, such as the width of a line's edge.
        return (Plotly.validate(figure.data, figure.layout) ?? [])
            .filter(error => !['unused', 'invisible'].includes(error.code))
            .map(error => error.msg);
    });"""
PLACE = """
    const element = document.querySelector(%s);
    (element.closest('.chart') ?? element).scrollIntoView({ block: 'center' });
    const box = element.getBoundingClientRect();
    return [box.x + %f * box.width, box.y + %f * box.height];"""
SHOWN = """
    return [...document.querySelectorAll('.hoverlayer text')].map(e => e.textContent);"""


class Browser:
    """Just enough of the WebDriver protocol."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self._url = f"http://127.0.0.1:{port}"
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
        self._driver = subprocess.Popen(
            [str(DRIVER), f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._session = ""
        try:
            self._wait_until_ready()
            options = {"binary": BROWSER, "args": [*FLAGS, f"--user-data-dir={folder}"]}
            wanted = {
                "goog:chromeOptions": options,
                "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
            }
            made = self._send("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        except BaseException:
            self.close()
            raise
        self._session = f"/session/{made['sessionId']}"

    def close(self) -> None:
        if self._session:
            self._send("DELETE", self._session)
        self._driver.terminate()
        self._driver.wait(10)

    def asked(self, name: str) -> list[str]:
        """What the page of this file name has requested."""
        events = [json.loads(entry["message"])["message"] for entry in self.log("performance")]
        sent = [e["params"] for e in events if e["method"] == "Network.requestWillBeSent"]
        # The browser's own start page asks for its parts too.
        return [e["request"]["url"] for e in sent if e["documentURL"].endswith(name)]

    def charts(self) -> list[dict[str, Any]]:
        """Of every chart: its name, how many shapes it has, what sticks out, its width."""
        found: list[dict[str, Any]] = self.run(CHARTS)
        return found

    def faults(self) -> list[str]:
        """What the charting library finds wrong in the figures of the page."""
        found: list[str] = self.run(FIGURES)
        return found

    def point(self, selector: str, across: float = 0.5, down: float = 0.5) -> list[str]:
        """Move the pointer over an element, to a share of its size; returns what is shown then."""
        x, y = self.run(PLACE % (json.dumps(selector), across, down))
        # From a little aside: only motion counts.
        moves = [{"type": "pointerMove", "duration": 0, "x": round(x) + aside, "y": round(y)}
                 for aside in (2, 0)]  # fmt: skip
        mouse = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}}
        self._send("POST", f"{self._session}/actions", {"actions": [{**mouse, "actions": moves}]})
        before: list[str] = []
        for _ in range(20):
            # Labels follow the pointer with a delay.
            time.sleep(0.1)
            shown: list[str] = self.run(SHOWN)
            if shown and shown == before:
                break
            before = shown
        return before

    def go(self, page: Path) -> None:
        """Open a page, and wait until its charts are drawn."""
        self._send("POST", f"{self._session}/url", {"url": page.as_uri()})
        for _ in range(600):
            if self.run("return !document.querySelector('.plot:not(.js-plotly-plot)')"):
                return
            time.sleep(0.05)
        pytest.fail(f"{page.name}: a chart is not drawn")

    def run(self, script: str) -> Any:
        body = {"script": script, "args": []}
        return self._send("POST", f"{self._session}/execute/sync", body)

    def log(self, kind: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._send("POST", f"{self._session}/se/log", {"type": kind})
        return found

    def _wait_until_ready(self) -> None:
        for _ in range(200):
            try:
                if self._send("GET", "/status")["ready"]:
                    return
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.05)
        pytest.fail("chromedriver did not start")

    def _send(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data, method=method)
        with self._open(request, timeout=60) as answer:
            return json.load(answer)["value"]
