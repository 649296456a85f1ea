"""`sleight bench train`: where the time goes, on a run of a few milliseconds."""

import json
import runpy
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from sleight.config import save as save_config
from sleight.train.algorithms.precision import is_low
from sleight.train.config import TrainConfig

ROOT = Path(__file__).parents[2]
PRECISIONS = ["float32"] + ["bfloat16"] * is_low("auto", torch.device("cpu"))
NAMES = [
    f"{memory}, {precision}" for memory in ("LSTM", "feed-forward") for precision in PRECISIONS
]


def test_shares_are_of_the_whole(reach_config: TrainConfig) -> None:
    script = runpy.run_path(str(ROOT / "benchmarks" / "speed" / "train.py"))
    results = script["bench"](reach_config, iterations=3)
    for result in results:
        assert len(result.iterations) == 3
        for iteration in result.iterations:
            assert iteration.steps == 128
            assert sum(iteration.parts.values()) == pytest.approx(iteration.seconds, rel=0.3)
            assert sum(iteration.parts.values()) <= iteration.seconds
            assert min(iteration.parts.values()) > 0
            assert 0 < iteration.cpu_parts["simulation"] < iteration.cpu_s
            assert sum(iteration.cpu_parts.values()) <= iteration.cpu_s
        assert 0 < result.share("simulation") < 1
    assert [result.name for result in results] == NAMES


def test_the_command_prints_a_table_and_writes_the_figures(
    reach_config: TrainConfig, tmp_path: Path, cli: Callable[..., tuple[int, str, str]]
) -> None:
    save_config(reach_config, tmp_path / "reach.yaml")
    words = ("--iterations", 2, "--threads", 1, "--json", tmp_path / "bench.json")
    code, out, _ = cli("bench", "train", "--config", tmp_path / "reach.yaml", *words)
    assert code == 0
    assert "reach, 8 worlds x 16 steps" in out and "threads: 1 of simulation, 1 of torch" in out
    assert [line[:24].strip() for line in out.splitlines()[-len(NAMES) :]] == NAMES
    data = json.loads((tmp_path / "bench.json").read_text())
    assert [len(result["iterations"]) for result in data["results"]] == [2] * len(NAMES)


def test_bad_words_are_one_line(refused: Callable[..., str]) -> None:
    assert "--ppo.horizn: unknown field" in refused("bench", "train", "--ppo.horizn", "3")
    assert "bench: got trian, did you mean 'train'? available: " in refused("bench", "trian")
