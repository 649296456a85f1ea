"""What `check` sees of cameras, on the simulated rig's streams: real renders, real swaps."""

import dataclasses
import math
import re
import time

import numpy as np
import pytest

from sleight.cli import main
from sleight.config import load, save
from sleight.deploy.calibration.board import Board
from sleight.deploy.calibration.board_config import BoardConfig
from sleight.deploy.cameras.camera_config import (
    Extrinsics,
    extrinsics_of,
    intrinsics_of,
)
from sleight.deploy.cameras.frame_sources import open_camera
from sleight.deploy.cameras.pose_sources import Referee
from sleight.deploy.checks.camera_places import find_swap, judge_board
from sleight.errors import ConfigError
from tests.deploy.camera_rig import add_triangulation, calibrated, camera_flags, ports
from tests.deploy.conftest import QUICK

SLOW = (
    "--poses.frame_max_age_s", "10", "--poses.skew_max_s", "10", "--poses.open_timeout_s", "60",
)  # fmt: skip


def looks(out):
    """Name -> mark and text of each finding."""
    return {name: (mark, text) for mark, name, text in re.findall(
        r"^  (ok|FAIL) +(\S.*?)  +(.*)$", out, re.M)}  # fmt: skip


def test_pictures_that_agree_only_when_exchanged_are_told():
    costs = {(0, 1, 2): 3.0, (1, 0, 2): 0.1}
    told = find_swap(("left", "right", "top"), lambda order: costs.get(tuple(order), 9.0), 1.0)
    assert told == (3.0, "left shows what right should, right shows what left should")
    # Not better enough, or good from the start: nothing is said.
    assert find_swap(("a", "b"), lambda order: 3.0 if order[0] == 0 else 2.0, 1.0) == (3.0, "")
    assert find_swap(("a", "b"), lambda order: 0.9 if order[0] == 0 else 0.0, 1.0) == (0.9, "")


def test_a_board_tells_a_swap_and_a_camera_that_moved(tmp_path):
    """Drawn boards, wherever they lie."""
    cameras = calibrated(tmp_path, 1, seed=3)
    insides = {c.name: dataclasses.replace(intrinsics_of(c), size=(640, 480),
               focal_px=(1000.0, 1000.0), centre_px=(320.0, 240.0)) for c in cameras}  # fmt: skip
    outsides = {c.name: extrinsics_of(c) for c in cameras}
    config = BoardConfig()
    board = Board(config)
    lies = config.seat.moved(np.array([0.01, 0.0, 0.01]), np.array([0.1, 0.0, 0.1]))
    seen = {
        name: board.find(board.draw(insides[name], at.placement.inverse().after(lies)))
        for name, at in outsides.items()
    }
    assert re.match(
        "left, right, top see one board, at most [0-9.]+ mm", judge_board(insides, outsides, seen)
    )
    swapped = {**seen, "left": seen["right"], "right": seen["left"]}
    with pytest.raises(ConfigError, match="swapped cameras: left shows what right should, right"):
        judge_board(insides, outsides, swapped)
    x, y, z = outsides["top"].position_m
    bumped = {**outsides, "top": dataclasses.replace(outsides["top"], position_m=(x + 0.03, y, z))}
    with pytest.raises(ConfigError, match=r"got \d\d mm between .* did one move since its calib"):
        judge_board(insides, bumped, seen)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch's exporter
def test_check_tells_rates_and_swapped_cameras(new_rig, bundle, tmp_path, capsys):
    """One rig whose block lies in the palm; three checks of it, the last in too great a hurry."""
    add_triangulation(bundle)
    rig = new_rig("--cameras.port", "0", "--cameras.fps", "5", "--seed", "3")
    port = ports(rig)
    cameras = calibrated(tmp_path, port, seed=3)
    place(rig, cameras[0])
    words = (str(bundle), *rig.flags(), "--log.dir", str(tmp_path / "runs"), *QUICK, *SLOW,
             "--loop.pose_max_age_s", "1")  # fmt: skip
    main(["rig", "check", *words, *camera_flags(cameras)])
    found = looks(capsys.readouterr().out)
    for name in ("left", "right", "top"):
        assert re.match(r"200 x 200, [0-9.]+ Hz, age \d+ ms", found[f"camera {name}"][1]), found
    assert found["camera places"][0] == "ok"
    assert "the views agree on the block" in found["camera places"][1]
    exchange = {"left": {"device": f"rig:127.0.0.1:{port}/right"},
                "right": {"device": f"rig:127.0.0.1:{port}/left"}}  # fmt: skip
    fast = ("--poses.frame_max_age_s", "0.01")
    assert main(["rig", "check", *words, *camera_flags(cameras, **exchange)]) == 2
    found = looks(capsys.readouterr().out)
    assert found["camera places"][0] == "FAIL"
    assert found["camera places"][1].endswith(
        "swapped cameras: left shows what right should, right shows what left should"
    )
    assert main(["rig", "check", *words, *camera_flags(cameras), *fast]) == 2
    found = looks(capsys.readouterr().out)
    mark, text = found["camera left"]
    assert mark == "FAIL"
    assert re.match(r"got [0-9.]+ images per second, allowed: 100.0 or more", text)
    assert found["object"] == (
        "FAIL",
        "got cameras that failed their check, see above, allowed: working ones",
    )


def place(rig, camera):
    """Let the block fall, and wait until a camera has seen it lie."""
    referee = Referee("127.0.0.1", rig.referee_port)
    referee.connect(30.0)
    referee.request_place()
    rig.wait_for(lambda events: any(e["event"] == "placed" for e in events))
    time.sleep(1.0)
    referee.close(1.0)
    with open_camera(camera, 60.0) as watcher:
        watcher.after(watcher.newest(math.inf).seq + 2, 60.0)


def test_calibrations_that_were_exchanged_are_refused(tmp_path):
    """Their files say which camera they are of; files renamed inside stand where others should."""
    cameras = calibrated(tmp_path, 1, seed=3)
    other = load(Extrinsics, cameras[1].extrinsics)
    save(other, cameras[0].extrinsics)
    with pytest.raises(ConfigError, match="camera: got right, allowed: left"):
        extrinsics_of(cameras[0])
