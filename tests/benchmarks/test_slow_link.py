"""`sleight bench slow_link`: what the link does to packets, and a cluster that trains across it."""

import json
import os
import runpy
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sleight.cli import main
from sleight.errors import ConfigError

BENCH = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "cluster" / "slow_link.py"))
Quality, FAR = BENCH["Quality"], BENCH["FAR"]
PORT = 5301
SERVER = f"""
import socket
server = socket.create_server(("{FAR}", {PORT}))
print("ready", flush=True)
while True:
    connection, _ = server.accept()
    connection.recv(1)
    connection.sendall(b"x")
"""
needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or not Path("/dev/net/tun").exists(), reason="needs root and /dev/net/tun"
)


@pytest.fixture
def link() -> Iterator[object]:
    with BENCH["slow_link"]() as link:
        yield link


def _answer_s() -> float:
    """A connection and an answer over it: two round trips."""
    began = time.perf_counter()
    with socket.create_connection((FAR, PORT), timeout=10) as connection:
        connection.sendall(b"x")
        assert connection.recv(1) == b"x"
    return time.perf_counter() - began


@needs_root
def test_packets_wait_or_are_lost(link) -> None:
    server = subprocess.Popen(link.far(sys.executable, "-c", SERVER), stdout=subprocess.PIPE)
    try:
        assert server.stdout.readline() == b"ready\n"
        link.set(Quality(delay_ms=50.0))
        time.sleep(0.2)
        assert _answer_s() > 0.2  # two round trips of twice 50 ms
        link.set(Quality(loss=1.0))
        time.sleep(0.2)
        with pytest.raises(TimeoutError):
            socket.create_connection((FAR, PORT), timeout=0.5)
    finally:
        server.kill()
        server.communicate()


@needs_root
@pytest.mark.slow
def test_a_cluster_trains_across_the_link_and_outlives_a_cut(tmp_path: Path) -> None:
    out = tmp_path / "link.json"
    words = ["--env.task", "reach", "--env.num_worlds", "8", "--rounds", "1", "--iterations", "1",
             "--links", "0:0,20:0.01", "--cut_s", "3", "--json", str(out)]  # fmt: skip
    assert main(["bench", "slow_link", *words]) == 0
    found = json.loads(out.read_text())
    assert [row["link"]["delay_ms"] for row in found["links"]] == [0, 20]
    assert all(row["turns"][0]["steps_per_second"] > 0 for row in found["links"])
    assert found["pause_s"] > 0
    assert f"sleight-{os.getpid()}" not in subprocess.check_output(["ip", "netns"], text=True)


@pytest.mark.parametrize("text", ["", "20", "20:1", "-1:0", "a:b", "0:0:0"])
def test_links_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"--links: got .*, allowed: DELAY_MS:LOSS"):
        BENCH["qualities"](text)
