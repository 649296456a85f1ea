"""benchmarks/cluster/soak.py: what is made of the looks. The benchmark takes half an hour."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from sleight.errors import ConfigError

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "cluster" / "soak.py"


@pytest.fixture(scope="module")
def soak():
    spec = importlib.util.spec_from_file_location("soak", SCRIPT)
    found = importlib.util.module_from_spec(spec)
    sys.modules["soak"] = found  # dataclasses look their module up
    spec.loader.exec_module(found)
    yield found
    del sys.modules["soak"]


def life(soak, pid, begin_s, minutes, mb_per_hour, kind="learner"):
    """A process whose memory fills in its first minute, and then grows evenly."""
    for second in range(0, 60 * minutes, 10):
        memory = 5.0 * min(second, 60) + mb_per_hour * second / 3600.0
        yield soak.Look(begin_s + second, pid, kind, memory)


@pytest.mark.parametrize("leak", [0.0, 120.0])
def test_a_leak_shows_over_several_lives(soak, leak):
    looks = [*life(soak, 1, 0.0, 6, leak), *life(soak, 2, 400.0, 4, leak)]
    looks += life(soak, 3, 0.0, 1, 9000.0, "RolloutWorker")  # died young
    assert soak.growth(looks) == {"learner": pytest.approx(leak, abs=1e-6)}


def test_the_picture_has_both_curves(soak, tmp_path):
    for name in ("alone", "disturbed"):
        rows = [{"steps": n * 1000, "successes_mean": n * 0.1} for n in range(5)]
        (tmp_path / name).mkdir()
        (tmp_path / name / "metrics.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    soak.draw(tmp_path, [soak.Kill(60.0, "learner")], list(life(soak, 1, 0.0, 3, 0.0)))
    assert (tmp_path / "soak.png").stat().st_size > 10_000
    assert soak.ending(tmp_path / "alone") == (4000, pytest.approx(0.4))


def test_a_run_without_an_iteration_is_one_line(soak, tmp_path):
    (tmp_path / "metrics.jsonl").touch()
    with pytest.raises(ConfigError, match="no iteration in that time; allowed: more --minutes"):
        soak.ending(tmp_path)
