"""`sleight bench growth`: points of real training processes, as a table and a figure."""

import argparse
import runpy
from pathlib import Path

import pytest

from sleight.cli import main
from sleight.errors import SleightError

ROOT = Path(__file__).parents[2]
BENCH = runpy.run_path(str(ROOT / "benchmarks" / "speed" / "growth.py"))
REACH = ROOT / "configs" / "reach.yaml"
FLAGS = ("--env.num_worlds", "4", "--rollout.horizon", "16")


def test_points_of_an_axis_are_measured_and_drawn(tmp_path, monkeypatch):
    monkeypatch.setitem(BENCH["AXES"], "lstm", ("policy.hidden_size", ("8", "512")))
    args = argparse.Namespace(config=REACH, iterations=1, rounds=1, axes=["lstm"])
    small, large = BENCH["points"](args, (*FLAGS, "--policy.memory", "lstm"))
    assert (small.value, large.value) == ("8", "512")
    assert small.bodies == large.bodies > 20
    assert min(min(p.cpu_s_per_step.values()) for p in (small, large)) > 0
    assert large.cpu_s_per_step["learner"] > small.cpu_s_per_step["learner"]
    assert large.memory_mb > small.memory_mb > 50
    heads, first, second = BENCH["table"]([small, large]).splitlines()
    assert heads.split()[-6:] == ["environment", "policy", "learner", "all", "memory", "MB"]
    assert first.startswith("lstm 8 ") and second.startswith("lstm 512 ")
    BENCH["draw"]([small, large], tmp_path / "growth.png")
    assert (tmp_path / "growth.png").read_bytes().startswith(b"\x89PNG")


def test_a_point_that_fails_says_why():
    with pytest.raises(SleightError, match="--env.tusk reach: exit code 1: .*env.tusk"):
        BENCH["measure"](REACH, 1, ("--env.tusk", "reach"))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--axes", "words"], "--axes: got words, did you mean 'worlds'?"),
        (["--rounds", "0"], "--rounds: got 0, allowed: an integer >= 1"),
        (["--ppo.epoch", "1"], "--ppo.epoch: unknown field"),
    ],
)
def test_bad_words_are_one_line(words, says, capsys):
    assert main(["bench", "growth", *words]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(f"error: {says}") and captured.out == ""
