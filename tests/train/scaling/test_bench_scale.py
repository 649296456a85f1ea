"""`sleight bench scale` on a run of a few milliseconds, and what the model makes of its file."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sleight.config import save as save_config
from sleight.train.config import TrainConfig
from sleight.train.scaling.forecast import check, constants, read

NAMES = ["one process", "1 worker", "1 worker, waited for", "2 workers", "2 workers, waited for"]
NAMES += ["2 workers, 1 learner", "2 workers, 1 learner, waited for"]


@pytest.mark.slow
def test_the_command_compares_and_foretells(
    reach_config: TrainConfig, tmp_path: Path, cli: Callable[..., tuple[int, str, str]]
) -> None:
    save_config(reach_config, tmp_path / "reach.yaml")
    file = tmp_path / "scale.json"
    words = ["--rounds", 2, "--iterations", 2, "--workers", "1,2", "--learners", "1", "--kills", 1]
    flags = ["--ray.wait_s", 300, "--ray.hang_s", 300]
    code, out, err = cli(
        "bench", "scale", "--config", tmp_path / "reach.yaml", *words, "--json", file, *flags
    )
    assert code == 0, err
    *rows, _, killed = out.splitlines()[-len(NAMES) - 2 :]
    told, seconds, _ = killed.rsplit(maxsplit=2)
    assert told.startswith("from a worker's death until") and 0.0 < float(seconds) < 300.0
    assert [row[:36].strip() for row in rows] == NAMES
    assert rows[0][36:].split()[1] == "1.00"
    results = json.loads(file.read_text())["results"]
    steps = [[turn["steps"] for turn in result["turns"]] for result in results]
    assert steps == [[2 * 128] * 2] * 3 + [[2 * 256] * 2] * 4
    assert all(turn["seconds"] > 0 for result in results for turn in result["turns"])
    assert [{turn["lag"] for turn in r["turns"]} for r in results] == [
        {float(result["max_lag"])} for result in results
    ]
    import ray

    assert not ray.is_initialized()

    found = read(file)
    known = constants(found)
    assert min(known.simulate_s, known.copy_s, known.learn_s, known.learners_s, known.share_s) > 0
    assert 100 < known.step_bytes < 10_000 and 10_000 < known.weights_bytes < 1_000_000
    assert [point.result.name for point in check(found)] == NAMES[1::2]
    code, out, err = cli("bench", "scale", "--simulate", file, "--plot", tmp_path / "scale.png")
    assert (code, err) == (0, "")
    assert "6,144 cores, one learning process" in out
    assert (tmp_path / "scale.png").stat().st_size > 10_000


def test_bad_words_are_one_line(refused: Callable[..., str]) -> None:
    assert "--workers: got 1,x, allowed" in refused("bench", "scale", "--workers", "1,x")
    assert "--workers: got 0, allowed" in refused("bench", "scale", "--workers", "0")
    assert "--rounds: got 0, allowed" in refused("bench", "scale", "--rounds", "0")
    assert "--core_rate: got -1.0, allowed" in refused("bench", "scale", "--core_rate", "-1")
    assert "--learners: got 0, allowed" in refused("bench", "scale", "--learners", "0")
