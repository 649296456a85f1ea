"""Evaluation in worlds that differ: what is drawn, what is said of it, what is refused."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sleight.adr.exposure import PER_COLUMN
from sleight.envs.config import EnvConfig
from sleight.envs.randomization.table import BY_NAME
from sleight.train.analysis.strata import page, strata
from sleight.train.rollout.evaluation import Evaluation, protocol

Cli = Callable[..., tuple[int, str, str]]
RANGES = {"object.mass": (0.5, 2.0), "hand.gain": (0.8, 1.25), "gravity": (-11.0, -8.0)}


def planted(trials: int = 400) -> tuple[Evaluation, EnvConfig]:
    """A policy that fails with heavy blocks, and minds nothing else."""
    rng = np.random.default_rng(0)
    worlds = {}
    for name, ends in RANGES.items():
        low, high = (BY_NAME[name].coordinate(end) for end in ends)
        worlds[name] = BY_NAME[name].value(rng.uniform(low, high, trials)).tolist()
    heavy = np.array(worlds["object.mass"]) > 1.4
    successes = rng.poisson(np.where(heavy, 1.0, 8.0)).tolist()
    config = protocol(EnvConfig(), trials, {}, None, RANGES)
    return Evaluation("someone", successes, 1, 2, 3.5, {}, {}, worlds), config


def test_a_planted_weakness_is_named_and_nothing_else() -> None:
    evaluation, config = planted()
    found = strata(evaluation, config)
    assert [e.parameter for e in found.effects if e.exposed] == ["object.mass"]
    assert found.effects[0].at_high.high < -2
    assert found.worst is not None and found.worst.parameter == "object.mass"
    assert found.worst.low > 1.3 and found.worst.successes.value == pytest.approx(1.0, abs=0.5)
    assert sum(s.trials for s in found.slices["gravity"]) == 400
    data = json.loads(json.dumps(found.data()))
    assert data["effects"]["object.mass"]["exposed"] is True
    assert data["effects"]["gravity"]["exposed"] is False
    assert len(data["slices"]["hand.gain"]) == 4
    table = found.table()
    assert table.count("exposed") == 1 and "worst stratum      object.mass" in table
    written = page(found, evaluation)
    assert "exposed to: object.mass" in written and written.count('class="chart"') == 1 + 3


def test_the_command_draws_worlds_and_says_where_it_fails(
    block_run: Path, tmp_path: Path, cli: Cli
) -> None:
    words = ("--trials", 12, "--range", "object.mass=0.5,1.5", "--goals.timeout_s", 0.4)
    out = tmp_path / "eval.json"
    code, said, err = cli("eval", block_run, *words, "--json", out, "--html", tmp_path / "e.html")
    assert code == 0, err
    data = json.loads(out.read_text())
    masses = data["worlds"]["object.mass"]
    assert len(set(masses)) == 12 and 0.5 <= min(masses) < 0.8 < 1.2 < max(masses) <= 1.5
    assert data["settings"]["randomization"]["object.mass"] == [0.5, 1.5]
    assert set(data["strata"]["effects"]) == {"object.mass"} == set(data["worlds"])
    assert "by stratum" in said and "object.mass" in said
    assert (tmp_path / "e.html").read_text().startswith("<!doctype html>")


def test_bad_input_is_one_line(block_run: Path, reach_run: Path, refused: Callable) -> None:
    few = refused("eval", block_run, "--trials", 11, "--range", "gravity=-10,-9")
    assert f"--trials: got 11, allowed with 1 parameters that vary: {2 * PER_COLUMN}" in few
    assert "low < high" in refused("eval", block_run, "--range", "gravity=-9,-10")
    assert "did you mean 'gravity'" in refused("eval", block_run, "--range", "gravty=-10,-9")
    assert "allowed: [0.2, 4] x" in refused("eval", block_run, "--range", "object.mass=0.5,9")
    assert "two numbers" in refused("eval", block_run, "--range", "object.mass=1")
    assert "trained in one world" in refused("eval", reach_run, "--trained")
    both = ("--set", "gravity=-9", "--range", "gravity=-10,-9")
    assert "got it in --set too" in refused("eval", block_run, *both)
    assert "--html: got no ranges" in refused("eval", block_run, "--html", "x.html")
