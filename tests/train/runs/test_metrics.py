"""What a run writes down about itself."""

import json
import time
from pathlib import Path

import numpy as np
import pytest

from sleight.envs.episode import Episode
from sleight.train.runs.metrics import (
    RECENT,
    EpisodeWindow,
    MetricsFile,
    last_rows,
    read_metrics,
)
from sleight.train.runs.run_table import read


def _episode(successes: int, length: int = 10, dropped: bool = False) -> Episode:
    return Episode(0, successes, length, 2.0 * successes, dropped, -1, -1, np.zeros(0))


def test_means_over_finished_episodes_by_hand() -> None:
    window = EpisodeWindow()
    assert window.means() == {}
    window.add((_episode(1, 10), _episode(5, 30, dropped=True)))
    assert window.means() == {
        "successes_mean": 3.0,
        "successes_max": 5.0,
        "drop_rate": 0.5,
        "episode_length": 20.0,
        "episode_reward": 6.0,
    }


def test_old_episodes_leave() -> None:
    window = EpisodeWindow()
    window.add((_episode(1000),))
    window.add(tuple(_episode(2) for _ in range(RECENT)))
    assert window.means()["successes_mean"] == 2.0
    again = EpisodeWindow()
    again.load_state(json.loads(json.dumps(window.state())))
    again.add((_episode(4),))
    assert again.means()["successes_mean"] == 2.0 + 2.0 / RECENT
    assert len(again.episodes) == RECENT


def test_lines_that_are_no_rows_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    assert read_metrics(path) == []
    path.write_bytes(b'{"steps": 1}\n5\n\xff\xfe\n{"steps": 2, "kl": NaN}\n{"steps": 3, "k')
    assert [row["steps"] for row in read_metrics(path)] == [1, 2]


def test_a_file_is_cut_back_to_the_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    file = MetricsFile(path)
    for steps in (10, 20, 30):
        file.write({"steps": steps, "x": 1 / 3})
    MetricsFile(path, resume_at=20).write({"steps": 25})
    assert [row["steps"] for row in read_metrics(path)] == [10, 20, 25]
    assert read_metrics(path)[0]["x"] == 1 / 3


@pytest.mark.parametrize("size", [1, 40, 70_000])
def test_rows_from_the_last_to_the_first(tmp_path: Path, size: int) -> None:
    path = tmp_path / "metrics.jsonl"
    assert list(last_rows(path)) == []
    rows = [{"steps": steps, "x": "y" * (size * steps % (2 * size))} for steps in range(60)]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    assert list(last_rows(path)) == rows[::-1]
    with path.open("ab") as file:
        file.write(b'5\n\xff\xfe\n\n{"steps": 60, "k')  # no rows
    assert list(last_rows(path)) == rows[::-1]
    for steps in (59, 31, 0, -1):
        MetricsFile(path, resume_at=steps).write({"steps": 99})
        kept = read_metrics(path)
        assert kept == [*rows[: steps + 1], {"steps": 99}]
        assert path.read_bytes().count(b"\n") == len(kept)


def test_a_long_run_is_read_evenly_and_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text("".join(f'{{"steps": {n}}}\n' for n in range(10_001)))
    rows = [row["steps"] for row in read_metrics(path, most=100)]
    assert rows[0] == 0 and rows[-1] == 10_000 and 95 < len(rows) <= 102
    assert len(set(np.diff(rows[:-1]))) == 1
    assert len(read_metrics(path, most=20_000)) == 10_001


def test_the_end_of_a_long_run_costs_no_more_than_that_of_a_short_one(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    row = json.dumps({f"m{i}": 0.123456789 for i in range(60)} | {"steps": 5})
    path.write_text(f"{row}\n" * 100_000)
    began = time.process_time()
    assert next(last_rows(path))["steps"] == 5
    assert read(tmp_path).steps == 5
    assert time.process_time() - began < 1.0
