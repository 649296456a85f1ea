"""The benchmark of the cube's models: what it prints and writes."""

import json
import runpy
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "parts" / "cube.py"


@pytest.fixture(scope="module")
def bench():
    return runpy.run_path(str(SCRIPT))


def test_the_limit_is_before_the_first_that_fails(bench):
    degrees = np.arange(0, 12, 3)
    for passed, last in (([1, 1, 0, 1], 3.0), ([0, 1, 1, 1], -1.0), ([1, 1, 1, 1], 9.0)):
        assert bench["_last"](degrees, np.array(passed, dtype=bool)) == last


def test_differences_are_from_the_last_model(bench):
    rows = [{"model": name, "angles_deg": angles} for name, angles in
            (("a", [1.0, 4.0, 9.0, 16.0]), ("b", [1.0, 4.5, 8.0]))]  # fmt: skip
    assert list(bench["differences"](rows).values()) == [1.0]


@pytest.mark.slow
def test_the_command_measures_writes_and_draws(bench, tmp_path, capsys):
    out, page = tmp_path / "cube.json", tmp_path / "cube.html"
    words = ["--models", "cube", "--turns", "4", "--worlds", "2", "--json", str(out)]
    assert bench["main"]([*words, "--page", str(page)]) == 0
    head, row = capsys.readouterr().out.splitlines()[:2]
    assert head.split()[:3] == ["turns", "lost", "jams"] and row.split()[:4] == [
        "cube",
        "4",
        "0",
        "0",
    ]
    (written,) = json.loads(out.read_text())["models"]
    assert written["turns"] == 4 and len(written["cutting"]) == 8
    text = page.read_text()
    assert "forward" in text and "reverse" in text and "data-figure=" in text
