"""A policy that reads pictures on a rig: from the cameras of a simulated one to its targets."""

import json

import numpy as np
import pytest

from sleight.cli import main
from sleight.contract.bundle import load_bundle
from sleight.deploy.cameras.camera_threads import CameraGone, Frame, StaleFrame
from sleight.deploy.cameras.eyes import Eye
from sleight.deploy.cameras.pictures import NewestPictures
from sleight.deploy.cameras.pose_checks import CameraPosesConfig
from sleight.deploy.hand.hand import DriverGone
from sleight.deploy.logs.log_read import read_log
from sleight.deploy.logs.replay import replay
from sleight.deploy.rig_file import RigConfig
from sleight.deploy.runtime.rig_connect import connected_pictures
from sleight.errors import ConfigError, DataError
from sleight.vision.geometry import Pinhole, Placement
from tests.deploy.camera_rig import calibrated, camera_flags, ports
from tests.deploy.conftest import cleared
from tests.deploy.image_bundle import image_bundle

SLOW = ("--poses.frame_max_age_s", "30", "--poses.skew_max_s", "30")
"""For cameras that share a core with the test."""


def test_pictures_of_a_rigs_cameras_reach_the_policy(new_rig, tmp_path, capsys):
    bundle = image_bundle(tmp_path / "bundle")
    rig = new_rig("--cameras.port", "0", "--cameras.fps", "5", "--seed", "3")
    cameras = calibrated(tmp_path, ports(rig), seed=3)
    words = [str(bundle), *rig.flags(), *camera_flags(cameras), *SLOW, "--yes-sim",
             "--log.dir", str(tmp_path / "runs"), "--duration_s", "8"]  # fmt: skip
    cleared(words)
    main(["rig", "run", *words])
    said = capsys.readouterr()
    (folder,) = (tmp_path / "runs").glob("rig-swing-*")
    turns = [turn for turn in read_log(folder).turns if turn["action"] is not None]
    assert len(turns) > 10, said.err
    seen = np.array([turn["action"] for turn in turns])
    assert np.ptp(seen, axis=1).max() == 0.0
    # Renders of a lit hand and block are neither black nor white, and the block was placed.
    assert 0.1 < seen.min() < seen.max() < 0.9 and len(np.unique(seen[:, 0])) > 1
    assert json.loads((folder / "result.json").read_text())["end"]
    with pytest.raises(DataError, match="got the run of a policy that reads pictures, which the"):
        replay(folder)


class Source:
    """A camera that has one frame."""

    def __init__(self, value, time_s=0.0, gone=False):
        self.value, self.time_s, self.gone, self.name = value, time_s, gone, "left"

    def newest(self, max_age_s):
        if self.gone:
            raise CameraGone("camera left: unplugged")
        if self.time_s < -max_age_s:
            raise StaleFrame("camera left: got an age of 1 s")
        return Frame(np.full((4, 4, 3), self.value, np.uint8), self.time_s, 1)


def pictures(*sources):
    here = Placement(np.zeros(3), np.eye(3))
    eyes = [Eye(source, lambda picture: picture[:2, :2], here) for source in sources]
    pinhole = Pinhole.of_fov(2, 2, 90.0)
    return NewestPictures(eyes, pinhole, CameraPosesConfig(frame_max_age_s=0.05, skew_max_s=0.02))


def test_pictures_come_in_order_and_not_when_they_are_old_or_apart():
    seen = pictures(Source(1), Source(2, 0.01), Source(3))()
    assert seen["camera_matrices"].shape == (3, 3, 4)
    np.testing.assert_allclose(seen["camera_matrices"][0], np.eye(3, 4), atol=1e-12)
    found = seen["camera_images"]
    assert found.shape == (3, 2, 2, 3) and found[:, 0, 0, 0].tolist() == [1, 2, 3]
    with pytest.raises(StaleFrame, match="camera left: got an age"):
        pictures(Source(1), Source(2, -1.0))()
    with pytest.raises(StaleFrame, match=r"cameras: got frames 0.030 s apart, allowed: 0.02 s"):
        pictures(Source(1), Source(2, 0.03))()
    with pytest.raises(DriverGone, match="camera left: unplugged"):
        pictures(Source(1), Source(2, gone=True))()


def test_a_rig_without_the_cameras_is_one_line(tmp_path, capsys):
    bundle = image_bundle(tmp_path / "bundle")
    loaded = load_bundle(bundle)
    with pytest.raises(ConfigError, match="cameras: got none, allowed: left, right, top, the"):
        connected_pictures(RigConfig(), loaded, {})
    two = tuple(calibrated(tmp_path, 1, seed=3)[:2])
    with pytest.raises(ConfigError, match="cameras: got left, right, allowed: left, right, top"):
        connected_pictures(RigConfig(cameras=two), loaded, {})


def test_check_tells_whether_the_policy_has_its_pictures(new_rig, tmp_path, capsys):
    bundle = image_bundle(tmp_path / "bundle")
    rig = new_rig("--cameras.port", "0", "--cameras.fps", "5", "--seed", "3")
    cameras = calibrated(tmp_path, ports(rig), seed=3)
    words = [str(bundle), *rig.flags(), *SLOW, "--log.dir", str(tmp_path)]
    main(["rig", "check", *words, *camera_flags(cameras)])
    assert "3 of 16 px, for the policy" in capsys.readouterr().out
    assert main(["rig", "check", *words]) == 2
    assert "pictures" in (said := capsys.readouterr().out) and "cameras: got none" in said
    # A run says so before it makes its folder.
    cleared([*words, "--yes-sim"])
    assert main(["rig", "run", *words, "--yes-sim"]) == 2
    assert "cameras: got none" in capsys.readouterr().err
    assert not list(tmp_path.glob("rig-swing-*"))
