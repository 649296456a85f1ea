"""Weights & Biases beside a run: what is sent, and that its failures cost nothing but a moment."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sleight.train.config import TrainConfig
from sleight.train.export.bundle_export import export
from sleight.train.runs import wandb_tracker as track
from sleight.train.runs.metrics import read_metrics
from sleight.train.runs.session import resume, start

ROOT = Path(__file__).parents[3]
PATIENCE_S = 150.0
CLOCKS = {"seconds", "steps_per_second", "sim_share", "learn_share"}


def _curve(run: Path) -> list[dict[str, Any]]:
    rows = read_metrics(run / "metrics.jsonl")
    return [{k: v for k, v in row.items() if k not in CLOCKS} for row in rows]


@pytest.fixture(autouse=True)
def _nobody_is_logged_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))


@pytest.fixture(params=["dead", "silent"])
def bad_server(request: pytest.FixtureRequest) -> Iterator[str]:
    """A port where nobody listens, or somebody who never says a word."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        stop = threading.Event()
        held: list[socket.socket] = []
        if request.param == "silent":
            server.listen(64)
            server.settimeout(0.1)

            def accept() -> None:
                while not stop.is_set():
                    with contextlib.suppress(TimeoutError):
                        held.append(server.accept()[0])

            thread = threading.Thread(target=accept)
            thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        stop.set()
        if request.param == "silent":
            thread.join()
        for connection in held:
            connection.close()


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "nothing happens"
        time.sleep(0.1)


@pytest.mark.slow
def test_a_bad_server_costs_a_moment_and_no_data(
    bad_server: str, reach_config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(reach_config, runs=str(tmp_path))
    plain = start(replace(config, name="plain"))
    monkeypatch.setenv("WANDB_BASE_URL", bad_server)
    monkeypatch.setenv("WANDB_API_KEY", "a" * 40)
    began = time.monotonic()
    tracked = start(replace(config, name="tracked", wandb="auto"))
    took = time.monotonic() - began
    rows = read_metrics(tracked / "metrics.jsonl")
    assert took < rows[-1]["seconds"] + track.CLOSE_S + 10
    assert _curve(tracked) == _curve(plain) != []
    # Its process goes on alone, gives the server up, and keeps everything for `wandb sync`.
    _wait(lambda: any(_kept(tracked)))
    assert (tracked / "wandb" / "error.txt").read_text().startswith("online: ")


def _kept(run: Path) -> Iterator[Path]:
    for path in run.glob("wandb/offline-run-*/run-*.wandb"):
        if b"successes_mean" in path.read_bytes():
            yield path


@pytest.mark.slow
def test_nobody_logged_in_is_offline_and_resuming_is_the_same_run(
    reach_config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(track, "CLOSE_S", PATIENCE_S)
    monkeypatch.delenv("WANDB_MODE", raising=False)
    (tmp_path / "run" / "videos").mkdir(parents=True)
    (tmp_path / "run" / "videos" / "000000000128.mp4").write_bytes(b"a film")
    (tmp_path / "run" / "eval.json").write_text('{"trials": [3, 5], "mean": 4.0}')
    folder = start(replace(reach_config, runs=str(tmp_path), name="run", wandb="auto"))
    (first,) = _kept(folder)
    for what in (b"media/videos/video_", b"eval/trials", b"eval/mean"):
        assert what in first.read_bytes(), what
    (film,) = folder.glob("wandb/offline-run-*/files/media/videos/*.mp4")
    assert film.read_bytes() == b"a film"
    assert b"checkpoint-run" in first.read_bytes(), "the last checkpoint goes along"
    resume(folder, ["--steps", str(reach_config.steps + 256)])
    assert len({path.name for path in folder.glob("wandb/offline-run-*/run-*.wandb")}) == 1
    assert not (folder / "wandb" / "error.txt").exists()


@pytest.mark.slow
def test_bundle_and_evaluation_name_what_they_come_from(
    block_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(track, "CLOSE_S", PATIENCE_S)
    bundle = export(block_run, tmp_path / "mine")
    job = {"kind": "export", "uses": str(block_run), "bundle": str(bundle)}
    track.record("offline", tmp_path / "exported", job)
    result = {"trials": [1, 2], "mean": 1.5, "standard_error": None}
    job = {"kind": "eval", "uses": str(bundle), "result": result}
    track.record("offline", tmp_path / "evaluated", job)
    kept = {}
    for name in ("exported", "evaluated"):
        (path,) = (tmp_path / name).glob("wandb/offline-run-*/run-*.wandb")
        kept[name] = path.read_bytes()
    assert b"checkpoint-block" in kept["exported"] and b"bundle-mine" in kept["exported"]
    assert b"bundle-mine" in kept["evaluated"] and b"evaluation-bundle-mine" in kept["evaluated"]
    assert not (tmp_path / "evaluated" / "wandb" / "error.txt").exists()


def test_modes_follow_the_config_and_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [track.resolved(mode) for mode in ("auto", "offline", "off")] == [
        "offline", "offline", "off"]  # fmt: skip
    monkeypatch.setenv("WANDB_API_KEY", "a" * 40)
    assert track.resolved("auto") == "online"
    assert track.resolved("offline") == "offline"
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert track.resolved("auto") == "offline"
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert track.resolved("auto") == "off"


def test_a_login_is_found_in_netrc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machine api.wandb.ai login user password x\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert track.resolved("auto") == "online"


def test_a_tracker_that_hangs_is_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(track, "CLOSE_S", 0.3)
    hang = [sys.executable, "-c", "import time; time.sleep(60)"]
    started = subprocess.Popen
    made = []

    def popen(words: list[str], **rest: Any) -> subprocess.Popen[bytes]:
        made.append(started(hang, **rest))
        return made[-1]

    monkeypatch.setattr(track.subprocess, "Popen", popen)
    tracker = track.Tracker("offline", tmp_path)
    began = time.monotonic()
    tracker.close()
    assert time.monotonic() - began < 5
    assert made[0].poll() is None
    made[0].kill()
    made[0].wait()


def test_a_tracker_that_cannot_start_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wandb").write_text("a file where a folder should be")
    track.Tracker("offline", tmp_path).close()
    monkeypatch.setattr(track.sys, "executable", str(tmp_path / "no-python"))
    track.Tracker("offline", tmp_path / "other").close()


def test_what_is_sent(reach_run: Path) -> None:
    follower = pytest.importorskip("sleight.train.runs.wandb_follower")
    row = {"steps": 5, "stage": "near", "kl": 0.1, "range/gravity": [-10.0, -9.0]}
    ends = {"range/gravity/low": -10.0, "range/gravity/high": -9.0}
    assert follower.curves(row) == {"stage": "near", "kl": 0.1, **ends}
    found = follower.tables({"trials": [3, 0], "mean": 1.5, "standard_error": None})
    assert found["eval/trials"].data == [[0, 3], [1, 0]] and found["eval/mean"] == 1.5
    assert "eval/standard_error" not in found
    one, two = follower.artifact_of(reach_run), follower.artifact_of(reach_run)
    assert one.digest == two.digest and one.name.startswith("checkpoint-reach")
    assert json.dumps(one.metadata) == '{"steps": 512}'
