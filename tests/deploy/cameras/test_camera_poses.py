"""Poses from cameras: which are believed, and a rig's streams from end to end."""

import dataclasses
import time

import numpy as np
import pytest

from sleight.cli import main
from sleight.config import load, save
from sleight.contract.bundle import load_bundle
from sleight.contract.quaternions import about
from sleight.deploy.cameras.camera_config import Extrinsics, Intrinsics
from sleight.deploy.cameras.eyes import match_cameras
from sleight.deploy.cameras.pose_and_angles import PoseAndAngles
from sleight.deploy.cameras.pose_checks import (
    CameraPosesConfig,
    PoseCheckConfig,
    PoseChecks,
)
from sleight.deploy.cameras.pose_sources import Referee
from sleight.deploy.cameras.pose_thread import CameraPoses
from sleight.deploy.cameras.rectify import Rectifier
from sleight.deploy.rig_file import RefereeEntry, RigConfig
from sleight.deploy.runtime.rig_connect import connected_cameras, connected_poses
from sleight.deploy.sim.sim_cameras import RigCamerasConfig, hidden_cameras
from sleight.errors import BundleError, ConfigError
from sleight.vision.geometry import Pinhole
from tests.deploy.camera_rig import HERE, add_pose, add_triangulation, calibrated, ports
from tests.deploy.cube_rig import cube_bundle

LEVEL = np.array([1.0, 0.0, 0.0, 0.0])
Z = np.array([0.0, 0.0, 1.0])


def shifted(x, y, z):
    return HERE + np.array([x, y, z])


def test_poses_are_believed_for_a_reason():
    checks = PoseChecks(PoseCheckConfig())
    assert checks.judge(0.0, HERE, LEVEL) == ""
    assert checks.judge(0.03, HERE * np.nan, LEVEL) == "not finite"
    assert checks.judge(0.03, HERE, 1.1 * LEVEL) == "norm"
    assert checks.judge(0.03, HERE, LEVEL, doubt=1.2) == "confidence"
    assert checks.judge(0.03, HERE + 0.5, LEVEL) == "workspace"
    # 2 m/s for 30 ms and 2 cm of slack: 8 cm.
    assert checks.judge(0.03, shifted(0.0, 0.0, 0.079), LEVEL) == ""
    assert checks.judge(0.06, shifted(0.0, 0.0, -0.01), LEVEL) == "jump"
    assert checks.judge(0.06, shifted(0.0, 0.0, 0.07), about(Z, 1.2)) == ""
    assert checks.judge(0.09, shifted(0.0, 0.0, 0.07), about(Z, -1.2)) == "jump"
    assert sum(checks.refused.values()) == 6


def test_a_pose_elsewhere_is_believed_when_it_stays_there():
    checks = PoseChecks(PoseCheckConfig(again=3))
    there = shifted(0.1, 0.0, 0.05)
    assert checks.judge(0.0, HERE, LEVEL) == ""
    assert [checks.judge(0.01 * i, there, LEVEL) for i in (1, 2, 3, 4)] == ["jump", "jump", "", ""]
    # Strays that do not agree with each other are never believed.
    wild = [shifted(x, 0.0, 0.0) for x in (-0.1, 0.0, -0.1, 0.0, -0.1)]
    assert {checks.judge(1.0 + 1e-3 * i, at, LEVEL) for i, at in enumerate(wild[:1])} == {""}


def test_strays_that_disagree_are_not_believed():
    checks = PoseChecks(PoseCheckConfig(again=2))
    checks.judge(0.0, HERE, LEVEL)
    places = [shifted(x, 0.0, 0.0) for x in (0.1, -0.1, 0.1, -0.1)]
    assert {checks.judge(1e-3 * i, at, LEVEL) for i, at in enumerate(places)} == {"jump"}


def test_a_rectified_picture_is_the_networks_own():
    """A board-like pattern seen by a distorted camera comes to where the ideal one sees it."""
    hole = Pinhole.of_fov(640, 480, 45.0)
    inside = Intrinsics(
        "left", (640, 480), hole.focal_px, (330.0, 236.0), (-0.2, 0.05, 0.0, 0.0, 0.0)
    )
    rectify = Rectifier(inside, 64, 30.0)
    ideal = Pinhole.of_fov(64, 64, 30.0)
    for ray in ([0.0, 0.0], [0.15, -0.1], [-0.18, 0.2]):
        x, y = ray
        r2 = x * x + y * y
        bend = 1 - 0.2 * r2 + 0.05 * r2 * r2
        picture = np.zeros((480, 640, 3), np.uint8)
        column, row = hole.focal_px[0] * x * bend + 330.0, hole.focal_px[1] * y * bend + 236.0
        picture[round(row) - 6 : round(row) + 6, round(column) - 6 : round(column) + 6] = 255
        rows, columns = np.nonzero(rectify(picture)[..., 0] > 100)
        found = (columns.mean() + 0.5, rows.mean() + 0.5)
        expected = (ideal.focal_px[0] * x + 32, ideal.focal_px[1] * y + 32)
        np.testing.assert_allclose(found, expected, atol=0.6)


def test_cameras_that_are_swapped_or_missing_are_refused(bundle, tmp_path):
    entry = add_pose(bundle)
    cameras = calibrated(tmp_path, 1, seed=3)
    assert [camera.name for camera in match_cameras(cameras[::-1], entry)] == [
        "left",
        "right",
        "top",
    ]
    with pytest.raises(ConfigError, match="cameras: got left, right, allowed: left, right, top"):
        match_cameras(cameras[:2], entry)
    left = load(Extrinsics, cameras[0].extrinsics)
    save(dataclasses.replace(load(Extrinsics, cameras[1].extrinsics), camera="left"),
         cameras[0].extrinsics)  # fmt: skip
    assert left.camera == "left"
    with pytest.raises(ConfigError, match="stands where right should, are they swapped"):
        match_cameras(cameras, entry)


def test_a_bundle_without_a_pose_network_or_with_another_is_refused(bundle):
    with pytest.raises(BundleError, match="pose: got null, allowed: a pose network"):
        _ = load_bundle(bundle).pose_graph
    add_pose(bundle)
    assert load_bundle(bundle).pose_graph.name == "pose.onnx"
    (bundle / "pose.onnx").write_bytes(b"other")
    with pytest.raises(BundleError, match=r"pose.onnx: got sha256"):
        load_bundle(bundle)


def rig_config(rig, folder):
    """A rig file of a simulated rig with seed 3 whose cameras may be slow."""
    cameras = calibrated(folder, ports(rig), seed=3)
    slow = CameraPosesConfig(frame_max_age_s=30.0, skew_max_s=30.0, open_timeout_s=60.0)
    return RigConfig(
        referee=RefereeEntry(port=rig.referee_port), cameras=tuple(cameras), poses=slow
    )


def test_poses_from_a_simulated_rigs_cameras(new_rig, bundle, tmp_path):
    """Pixels arrive from another process, pass the calibration, and become poses with an age."""
    add_pose(bundle)
    rig = new_rig("--cameras.port", "0", "--cameras.fps", "10", "--seed", "3")
    config = rig_config(rig, tmp_path)
    loaded = load_bundle(bundle)
    with (
        connected_cameras(config, loaded) as opened,
        connected_poses(config, loaded, opened) as poses,
    ):
        assert isinstance(poses, CameraPoses)
        poses.request_place()
        rig.wait_for(lambda events: any(e["event"] == "placed" for e in events))
        eye = poses._eyes[0]
        before = eye.camera.newest(60.0)
        after = eye.camera.after(before.seq + 2, 60.0)
        # The placed block is colourful; what was there before was a grey hand.
        colour = (after.image.max(axis=2).astype(int) - after.image.min(axis=2)) > 60
        assert after.image.shape == (200, 200, 3) and colour.mean() > 0.005
        pose = poses.newest(60.0)
        np.testing.assert_allclose(pose.position, HERE, atol=1e-6)
        assert 0.0 <= pose.age_s < 60.0
        assert poses.placed()
    # The choice is the rig file's too.
    referee = dataclasses.replace(config, pose_from="referee")
    with connected_poses(referee, loaded, {}) as poses:
        assert isinstance(poses, Referee)


def test_a_cube_is_seen_by_cameras_and_reports_its_angles_itself(new_rig, tmp_path):
    bundle = cube_bundle(tmp_path / "cube")
    add_triangulation(bundle)
    rig = new_rig("--cameras.port", "0", "--cameras.fps", "10", "--seed", "3",
                  "--plant.object", "cube", "--plant.scramble", "R U")  # fmt: skip
    config = rig_config(rig, tmp_path)
    loaded = load_bundle(bundle)
    with (
        connected_cameras(config, loaded) as opened,
        connected_poses(config, loaded, opened) as poses,
    ):
        assert isinstance(poses, PoseAndAngles)
        poses.request_place()
        rig.wait_for(lambda events: any(e["event"] == "placed" for e in events))
        until, pose = time.monotonic() + 60.0, None
        while pose is None and time.monotonic() < until:
            time.sleep(0.1)
            pose = poses.newest(1.0)
        # Seen: the stickers, near the palm. Told: which faces are turned, by the cube.
        np.testing.assert_allclose(pose.position, HERE, atol=0.05)
        quarters = np.rint(pose.joints / (np.pi / 2)) % 4
        np.testing.assert_array_equal(np.minimum(quarters, 4 - quarters), [1, 1, 0, 0, 0, 0])
        assert poses.joint_reports()[-1].joints.shape == (6,)


def test_the_simulated_rigs_cameras_can_be_calibrated(new_rig, tmp_path):
    """From its own pictures of a board, by the program, within a millimetre and 0.3 degrees."""
    rig = new_rig("--cameras.port", "0", "--cameras.show", "board", "--cameras.size", "[640, 480]",
                  "--cameras.fps", "3", "--seed", "4")  # fmt: skip
    port = ports(rig)
    config = RigCamerasConfig(size=(640, 480))
    truth = hidden_cameras(config, 4)
    lines = ["cameras:"]
    for index, name in enumerate(config.rig.views):
        hole = Pinhole.of_fov(640, 480, float(truth.fovy_deg[index]))
        inside = tmp_path / f"{name}.i.yaml"
        save(Intrinsics(name, (640, 480), hole.focal_px, hole.centre_px, (0.0,) * 5), inside)
        lines.append(f"- {{name: {name}, device: 'rig:127.0.0.1:{port}', size: [640, 480],"
                     f" intrinsics: {inside}}}")  # fmt: skip
    file = tmp_path / "cameras.yaml"
    file.write_text("\n".join(lines))
    out = tmp_path / "out"
    assert (
        main(
            [
                "rig",
                "calibrate",
                "extrinsics",
                str(file),
                "--calibrate.frames",
                "3",
                "--calibrate.out",
                str(out),
            ]
        )
        == 0
    )
    for index, name in enumerate(config.rig.views):
        found = load(Extrinsics, out / f"{name}.extrinsics.yaml").placement
        away_m, away_rad = found.distances(truth.placements[index])
        assert away_m < 1e-3 and np.degrees(away_rad) < 0.3, (name, away_m, np.degrees(away_rad))
    page = (out / "extrinsics.html").read_text()
    assert page.count("data:image/png") == 3 and "left, right" in page


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["calibrate"], "got nothing, allowed: cameras, extrinsics"),
        (["calibrate", "hand"], "got hand, allowed: cameras, extrinsics"),
        (["calibrate", "cameras"], "cameras: got none"),
    ],
)
def test_bad_words_are_one_line(refused, words, line):
    assert line in refused(2, *words)


def test_frozen_cameras_go_on_sending_what_they_saw(new_rig, bundle, tmp_path):
    """Pictures go on arriving; their content, and the time that they carry, stand still."""
    rig = new_rig("--cameras.port", "0", "--cameras.fps", "10", "--cameras.noise", "0",
                  "--faults", "[{kind: camera_freeze, after_s: 0.0}]")  # fmt: skip
    config = RigConfig(cameras=tuple(calibrated(tmp_path, ports(rig), seed=0)))
    with connected_cameras(config, load_bundle(bundle)) as opened:
        camera = next(iter(opened.values()))
        moving = camera.newest(60.0)
        assert camera.after(moving.seq + 1, 60.0).time_s > moving.time_s
        driver = rig.driver()
        driver.arm()
        rig.wait_for(lambda events: any(e["event"] == "fault_on" for e in events))
        # What was on its way when it froze has passed by then.
        first = camera.after(camera.newest(60.0).seq + 3, 60.0)
        later = camera.after(first.seq + 5, 60.0)
        driver.close(5.0)
    assert later.time_s == first.time_s and later.age_s > 0.4
    np.testing.assert_array_equal(later.image, first.image)
