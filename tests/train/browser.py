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
    return [...document.querySelectorAll('svg.chart')].map(svg => {
        const box = svg.viewBox.baseVal, inside = b =>
            b.x >= -1 && b.y >= -1 && b.x + b.width <= box.width + 1
            && b.y + b.height <= box.height + 1;
        return {
            name: svg.getAttribute('aria-label'),
            ink: [...svg.querySelectorAll('path, rect, circle')]
                .filter(e => e.getBBox().width > 0).length,
            out: [...svg.querySelectorAll('text, path, rect, circle')]
                .filter(e => !inside(e.getBBox())).map(e => e.outerHTML.slice(0, 200)),
            wide: svg.getBoundingClientRect().width,
        };
    });"""


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

    def go(self, page: Path) -> None:
        self._send("POST", f"{self._session}/url", {"url": page.as_uri()})

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
