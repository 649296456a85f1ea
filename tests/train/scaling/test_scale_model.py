"""The model of the loop against hand arithmetic, and what is foretold from a measurement file."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sleight.config import to_dict
from sleight.train.scaling.forecast import (
    FORMAT,
    Cluster,
    Measurement,
    Result,
    Turn,
    check,
    constants,
    foretell,
    read,
    saturation,
)
from sleight.train.scaling.loop_model import System, simulate

APART = System(workers=1, steps=100, collect_s=3.0, copy_s=0.5, publish_s=0.5, learn_s=2.0)


def test_without_lag_everything_comes_one_after_the_other() -> None:
    out = simulate(replace(APART, max_lag=0))
    assert out.steps_per_second == pytest.approx(100 / (0.5 + 3.0 + 0.5 + 2.0))
    assert (out.lag_mean, out.waiting) == (0.0, pytest.approx(0.5))
    assert (out.learning, out.copying) == (pytest.approx(1 / 3), pytest.approx(1 / 6))


def test_with_lag_the_longer_of_both_decides() -> None:
    # The worker begins before learning; 2.0 + 0.5 of its 3.0 pass in learning and publishing, and
    # 0.5 are waited for; then its batch is copied before it begins the next.
    slow = simulate(APART)
    assert slow.steps_per_second == pytest.approx(100 / 3.5)
    assert slow.lag_mean == 1.0 and slow.waiting == pytest.approx(0.5 / 3.5)
    # A worker that needs less waits itself: 0.5 + 0.5 + 2.0 in the middle.
    fast = simulate(replace(APART, collect_s=1.0))
    assert fast.steps_per_second == pytest.approx(100 / 3.0)
    assert fast.waiting == pytest.approx(0.0) and fast.busy == pytest.approx(1 / 3)


def test_more_workers_bring_more_until_the_middle_is_full() -> None:
    def rate(workers: int) -> float:
        # Each batch costs 0.1 in the middle, wherever it comes from.
        system = replace(APART, workers=workers, copy_s=0.04, publish_s=0.0, learn_s=0.06 * workers)
        return simulate(system).steps_per_second

    assert rate(2) == pytest.approx(2 * rate(1), rel=0.05)
    assert rate(16) < 15 * rate(1)
    assert rate(100) == pytest.approx(100 / 0.1, rel=0.01)
    assert rate(200) == pytest.approx(rate(100), rel=0.01)


def test_on_one_machine_work_is_conserved() -> None:
    """Two cores: collecting takes both for 3 s, learning both for 2 s; overlap changes nothing."""
    system = replace(APART, copy_s=0.0, publish_s=0.0, worker_cores=2, learn_cores=2, cores=2)
    assert simulate(system).steps_per_second == pytest.approx(100 / 5.0)
    assert simulate(replace(system, max_lag=0)).steps_per_second == pytest.approx(100 / 5.0)
    # A learner on one of three cores slows nobody down.
    spare = replace(system, learn_cores=1, cores=3)
    assert simulate(spare).steps_per_second == pytest.approx(100 / 3.0)


def _turn(**known: float) -> Turn:
    rest = {"collect_s": 0.0, "wait_s": 0.0, "transfer_s": 0.0, "learn_s": 0.0, "share_s": 0.0}
    rest |= {"learner_s": 0.0, "lag": 0.0, "moved_mb": 3.0, "batch_mb": 2.0, "cpu_s": 1.0}
    return Turn(**{"iterations": 1, **rest, **known})  # type: ignore[arg-type]  # plain numbers


@pytest.fixture
def found() -> Measurement:
    """Two cores; 1 s of collecting and 0.5 s of learning for 2 x 100 steps."""
    times = {"collect_s": 1.0, "transfer_s": 0.1, "learn_s": 0.5}
    apart = {**times, "learner_s": 0.4, "share_s": 0.1}
    results = (
        Result("one process", 0, 0, 0, (_turn(steps=100, seconds=0.8),)),
        Result("2 workers", 2, 0, 1, (_turn(steps=200, seconds=1.6, lag=1.0, **times),)),
        Result("2 workers, waited for", 2, 0, 0, (_turn(steps=200, seconds=1.6, **times),)),
        Result("1 learner", 2, 1, 0, (_turn(steps=200, seconds=1.6, **apart),)),
        Result(
            "2 learners", 2, 2, 0, (_turn(steps=200, seconds=1.6, **apart | {"learner_s": 0.5}),)
        ),
    )
    return Measurement("a machine", 2, 100, results)


def test_constants_are_core_seconds_a_step(found: Measurement) -> None:
    known = constants(found)
    assert known.simulate_s == pytest.approx(1.0 * 1 / 100)  # one core each
    assert known.copy_s == pytest.approx(0.1 / 200)
    assert known.learn_s == pytest.approx(0.5 * 2 / 200)  # on both cores
    assert known.learners_s == pytest.approx(0.4 * 2 / 200)
    assert known.share_s == pytest.approx(0.1 / 200)
    assert known.meet_s == pytest.approx(0.1)
    assert known.step_bytes == pytest.approx(1e4) and known.weights_bytes == pytest.approx(1e6)


def test_the_check_foretells_the_turns_that_overlap(found: Measurement) -> None:
    (point,) = check(found)
    assert point.result.name == "2 workers"
    # Both cores for 1.0 + 0.5; copying keeps one of them busy and takes its time from collecting.
    assert 200 / 1.6 <= point.modelled.steps_per_second <= 200 / 1.5
    assert point.modelled.lag_mean == 1.0


def test_beyond_saturation_more_cores_give_nothing(found: Measurement) -> None:
    alone = Cluster(cores=64)
    cores, cause = saturation(found, alone)
    # A step takes 0.01 of a core to simulate, and 0.0005 + 0.005 in the middle, on one core.
    assert (cores, cause) == (pytest.approx(0.01 / 0.0055), "learning")
    most = 1 / 0.0055
    assert simulate(foretell(found, alone)).steps_per_second == pytest.approx(most, rel=0.01)
    # Learners that cost nothing leave the copying and handing over.
    several = replace(alone, cores=1024, learners=8, learner_speed=1e6)
    cores, cause = saturation(found, several)
    assert cause == "learning" and 5 < cores < 0.01 / 0.001
    faster = replace(several, core_rate=1e4)
    assert saturation(found, faster)[0] == pytest.approx(cores / 100, rel=1e-3)


def test_the_file_is_read_back(found: Measurement, tmp_path: Path) -> None:
    path = tmp_path / "scale.json"
    path.write_text(json.dumps({"format": FORMAT, **to_dict(found)}))
    assert read(path) == found


def test_the_command_foretells_and_draws(
    found: Measurement, tmp_path: Path, cli: Callable[..., tuple[int, str, str]]
) -> None:
    path, plot = tmp_path / "scale.json", tmp_path / "scale.png"
    path.write_text(json.dumps({"format": FORMAT, **to_dict(found)}))
    words = ["--simulate", path, "--cores", 64, "--learners", "0,2", "--plot", plot]
    code, out, err = cli("bench", "scale", *words)
    assert (code, err) == (0, "")
    assert "64 cores, one learning process" in out and "64 cores, 2 learners" in out
    assert "by learning" in out and "simulate_s" in out
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_bad_files_are_one_line(
    found: Measurement, tmp_path: Path, refused: Callable[..., str]
) -> None:
    path = tmp_path / "scale.json"
    assert "scale.json: no such file" in refused("bench", "scale", "--simulate", path)
    path.write_text("[]")
    assert f"format: got list, allowed: {FORMAT}" in refused("bench", "scale", "--simulate", path)
    path.write_text(json.dumps({"format": FORMAT, "about": "x", "cores": 2, "stepz": 3}))
    assert "scale.json: " in refused("bench", "scale", "--simulate", path)
    path.write_text(json.dumps({"format": FORMAT, **to_dict(replace(found, results=()))}))
    line = "results: got no setup with max_lag 0 and workers"
    assert line in refused("bench", "scale", "--simulate", path)
    path.write_text(
        json.dumps({"format": FORMAT, **to_dict(replace(found, results=found.results[:3]))})
    )
    words = ["--simulate", path, "--learners", "2"]
    assert "--learners: got a measurement without learners" in refused("bench", "scale", *words)
