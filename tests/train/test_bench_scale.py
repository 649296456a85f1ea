"""`sleight bench scale` on a run of a few milliseconds."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sleight.config import save as save_config
from sleight.train.config import TrainConfig


@pytest.mark.slow
def test_the_command_compares_workers_with_one_process(
    reach_config: TrainConfig, tmp_path: Path, cli: Callable[..., tuple[int, str, str]]
) -> None:
    save_config(reach_config, tmp_path / "reach.yaml")
    words = (
        "--rounds",
        2,
        "--iterations",
        2,
        "--workers",
        "1,2",
        "--json",
        tmp_path / "scale.json",
    )
    code, out, err = cli("bench", "scale", "--config", tmp_path / "reach.yaml", *words)
    assert code == 0, err
    rows = [line.split() for line in out.splitlines()[-3:]]
    assert [row[:2] for row in rows] == [["one", "process"], ["1", "worker"], ["2", "workers"]]
    results = json.loads((tmp_path / "scale.json").read_text())["results"]
    steps = [[turn["steps"] for turn in result["turns"]] for result in results]
    assert steps == [[2 * 128] * 2, [2 * 128] * 2, [2 * 256] * 2]
    assert all(turn["seconds"] > 0 for result in results for turn in result["turns"])
    assert rows[0][3] == "1.00"
    import ray

    assert not ray.is_initialized()


def test_bad_words_are_one_line(refused: Callable[..., str]) -> None:
    assert "--workers: got 1,x, allowed" in refused("bench", "scale", "--workers", "1,x")
    assert "--workers: got 0, allowed" in refused("bench", "scale", "--workers", "0")
