"""The line of a long job in a log: how far, how fast, how long."""

import pytest

from sleight.train.runs import progress
from sleight.train.runs.progress import ProgressBar


@pytest.mark.parametrize(
    ("done", "seconds", "says"),
    [
        (5000, 10.0, "job: 5,000 of 5,000 steps, 500 steps/s  better, 0:00:00 left"),
        (5000, 1000.0, "job: 5,000 of 5,000 steps, 5.0 steps/s  better, 0:00:00 left"),
        (0, 3600.0, "job: 0 of 5,000 steps, 0.0 steps/h  better"),
        (3, 3600.0, "job: 3 of 5,000 steps, 3.0 steps/h  better, 1665:40:00 left"),
    ],
)
def test_the_rate_is_in_a_unit_that_shows_it(
    done: int,
    seconds: float,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    bar = ProgressBar("job", 5000)
    bar.update(1)  # too soon to be worth a line
    now[0] += seconds
    bar.update(done, "better")
    assert capsys.readouterr().err == f"{says}\n"


def test_nothing_trails_without_a_note(capsys: pytest.CaptureFixture[str]) -> None:
    ProgressBar("job", 1, unit="trials").update(1)
    assert capsys.readouterr().err.endswith("/s, 0:00:00 left\n")
