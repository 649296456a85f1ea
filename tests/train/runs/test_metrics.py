"""What a run writes down about itself."""

import json
from pathlib import Path

import numpy as np

from sleight.envs.episode import Episode
from sleight.train.runs.metrics import RECENT, EpisodeWindow, MetricsFile, read_metrics


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
