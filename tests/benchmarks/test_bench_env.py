"""The throughput benchmark: raw stepping replays the environment to the last bit."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from sleight.envs.config import EnvConfig, ResetConfig

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "speed" / "env.py"


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("bench_env", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for their module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


SMALL = EnvConfig(num_worlds=8, threads=1, resets=ResetConfig(cache=32))


def test_every_way_of_stepping_is_measured(benchmark, monkeypatch):
    monkeypatch.setattr(benchmark, "WARM_UP", 2)
    results = benchmark.bench(SMALL, steps=8, repetitions=2, everything=True)
    names = [row.name for row in results]
    assert names == [
        f"{form}, {label}"
        for label in ("nominal", "randomized", "everything")
        for form in ("raw, one pass", "raw, kept", "environment")
    ]
    for row in results:
        assert len(row.rates) == len(row.ratios) == 2 and min(row.rates) > 0
        assert min(row.ratios) > 0
    for at in range(0, len(results), 3):  # of the raw forms one is the measure of all
        assert any(row.ratios == [1.0, 1.0] for row in results[at : at + 2])
    page = benchmark.table(results).splitlines()
    assert len(page) == 10 and "environment, everything" in page[-1]


def test_resets_and_falls_are_in_what_is_timed(benchmark):
    actions = benchmark.correlated_actions(8, 40, 0)
    env = benchmark.make_env(SMALL, 0)
    recording = benchmark.record(env, actions, 0)
    assert len(recording.controls) == len(recording.resets) == 40
    assert len(recording.resets[0].worlds) == 8
    assert sum(len(reset.worlds) for reset in recording.resets[1:]) > 0


def test_other_physics_is_noticed(benchmark):
    env = benchmark.make_env(SMALL, 0)
    recording = benchmark.record(env, benchmark.correlated_actions(8, 25, 0), 0)
    recording.controls[5][3, 4] += 1e-6
    with pytest.raises(RuntimeError, match="other states"):
        list(benchmark.step_raw(env, recording, "kept"))


def test_the_command_writes_its_figures(benchmark, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(
        benchmark, "bench", lambda *_, **__: [benchmark.Result("x", 4, [10.0], [0.9])]
    )
    objects = ["--objects"]  # none: the next test times them
    assert benchmark.main(["--worlds", "4", *objects, "--json", str(tmp_path / "out.json")]) == 0
    assert "load average" in capsys.readouterr().out
    written = json.loads((tmp_path / "out.json").read_text())
    assert written["results"] == [{"name": "x", "worlds": 4, "rates": [10.0], "ratios": [0.9]}]


def test_the_physics_of_each_object_is_timed(benchmark):
    costs = [benchmark.object_cost(name, worlds=4, steps=2) for name in ("block", "cube")]
    block, cube = costs
    assert (block.dofs, cube.dofs) == (30, 96) and (block.iterations, cube.iterations) == (6, 10)
    assert cube.rest_us > 2.0 * block.rest_us > 0.0 and cube.rows > 66 > block.rows
    rest, moving = block.rates
    assert rest == pytest.approx(1e5 / block.rest_us) and moving == pytest.approx(
        1e5 / block.moving_us
    )
    assert len(benchmark.cost_table(costs).splitlines()) == 3
