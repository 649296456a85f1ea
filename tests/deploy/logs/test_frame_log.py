"""Pictures of the cameras in a run's log: real renders, and never in the loop's way."""

import io
import json
import math
import os
import signal
import time

import numpy as np
import pytest
from PIL import Image

from sleight.cli import main
from sleight.deploy.cameras.frame_sources import open_camera
from sleight.deploy.logs.log_read import read_log
from sleight.deploy.logs.replay import replay
from sleight.deploy.logs.run_log import DEPTH, LogError, RunLog
from sleight.envs.hands.shadow import SHADOW_RIGHT as HAND
from tests.deploy.camera_rig import COLOURFUL, calibrated, camera_flags, ports
from tests.deploy.runtime.test_rig_run import finish, in_a_trial, only_run


def pixels(picture):
    return np.asarray(Image.open(io.BytesIO(picture.jpeg))).astype(int)


def test_a_run_logs_what_its_cameras_saw(new_rig, policy_run, tmp_path):
    """Also where the referee tells the pose; the log still replays, and the page shows them."""
    rig = new_rig("--cameras.port", "0", "--cameras.fps", "5", "--seed", "3")
    cameras = calibrated(tmp_path, ports(rig), seed=3)
    began = time.monotonic()
    run = policy_run(rig, *camera_flags(cameras), "--trials", "50", "--log.images_hz", "5")
    rig.wait_for(in_a_trial(began))
    with open_camera(cameras[0], 60.0) as watcher:
        watcher.after(watcher.newest(math.inf).seq + 2, 60.0)
    run.send_signal(signal.SIGINT)
    finish(run, 130)
    folder = only_run(tmp_path)
    log = read_log(folder, pictures=True)
    kept = {camera.name: [p for p in log.pictures if p.camera == camera.name] for camera in cameras}
    last = {name: pixels(found[-1]) for name, found in kept.items()}
    for name, image in last.items():
        assert image.shape == (200, 200, 3)
        colour = image.max(axis=2) - image.min(axis=2) > COLOURFUL
        assert colour.mean() > 0.005, name  # the block, placed by then
    assert np.abs(last["left"] - last["right"]).mean() > 5
    assert replay(folder).steps == sum(turn["action"] is not None for turn in log.turns) > 0
    assert json.loads((folder / "timing.json").read_text())["look_ms"] is None
    assert main(["rig", "report", str(folder)]) == 0
    page = (folder / "report.html").read_text()
    moments = min(4, *map(len, kept.values()))
    assert page.count("data:image/jpeg") == 3 * moments


def test_no_pictures_where_none_are_asked_for(new_rig, policy_run, tmp_path):
    """And then a camera that is not there, and that nothing reads, is not in the way."""
    rig = new_rig()
    flags = camera_flags(calibrated(tmp_path, 1, seed=3))
    finish(policy_run(rig, *flags, "--duration_s", "1", "--log.images_hz", "0"), 0)
    assert read_log(only_run(tmp_path), pictures=True).pictures == []
    _, lines = finish(policy_run(rig, *flags, "--duration_s", "1"), 3)
    assert lines == ["error: camera left: 127.0.0.1:1: cannot connect: Connection refused"]


def test_a_disk_that_is_full_at_the_very_end_is_one_line(tmp_path):
    """Little was written, so that nothing fails before the log is closed."""
    path = tmp_path / "run.mcap"
    path.symlink_to("/dev/full")
    log = RunLog(path, HAND, 0.08)
    log.write("start")
    log.close()
    with pytest.raises(LogError, match="No space left on device; the log ends here"):
        log.check()


def test_a_slow_disk_costs_pictures_before_it_costs_turns(tmp_path):
    path = tmp_path / "run.mcap"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # and nobody reads
    log = RunLog(path, HAND, 0.08)
    noise = np.random.default_rng(0).bytes(100_000)
    for _ in range(4):  # a chunk and more: what is written next waits for a reader
        log.image("left", noise, 0.0)
    for k in range(DEPTH - 100):
        log.write("goal", k=k)
    waiting = log._waiting.qsize()
    assert waiting > DEPTH // 2
    log.image("left", noise, 0.0)
    assert log._waiting.qsize() <= waiting
    log.write("goal", k=-1)  # a record is still taken
    os.close(reader)
    log.close()
    with pytest.raises(LogError, match="Broken pipe; the log ends here"):
        log.check()
