"""The `pose` entry of a bundle: keypoints of a graph, and what is wrong with it in one line."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from sleight.contract.bundle import load_bundle
from sleight.contract.pose_entry import KeypointsEntry, pose_tensors
from sleight.envs.hands.shadow import SHADOW_RIGHT
from sleight.errors import BundleError, ConfigError
from sleight.train.pose.config import PoseTrainConfig
from sleight.train.pose.pose_export import write_pose
from sleight.train.pose.pose_learner import build_decoder
from sleight.vision.config import CamerasConfig, RenderConfig
from sleight.vision.geometry import Pinhole, Placement, matrix_of
from sleight.vision.keypoint_decoder import KeypointConfig
from sleight.vision.keypoint_net import KeypointNetConfig
from sleight.vision.onnx_pose import OnnxPose
from tests.deploy.camera_rig import add_pose, with_entry
from tests.deploy.conftest import make_bundle

RENDERS = RenderConfig(cameras=CamerasConfig(image_px=32))
NET = KeypointNetConfig(input_px=16, channels=(4, 8), head_channels=(8,))


@pytest.fixture
def bundle(tmp_path):
    """With an untrained keypoint network."""
    folder = make_bundle(tmp_path / "bundle")
    torch.manual_seed(0)
    config = PoseTrainConfig(data=tmp_path, keypoints=KeypointConfig(net=NET))
    entry = write_pose(build_decoder(config, RENDERS), RENDERS, folder, (0.01, 0.1), {})
    with_entry(folder, entry)
    return folder


def test_the_graph_says_what_the_entry_says_and_the_pose_is_a_pose(bundle):
    loaded = load_bundle(bundle)
    entry = loaded.manifest.pose
    assert entry.keypoints.landmarks == SHADOW_RIGHT.landmarks
    assert len(entry.keypoints.points_m) == 14
    assert pose_tensors(entry)[1]["pixels"] == ((1, 3, 22, 2), "tensor(float)")
    network = OnnxPose(loaded.pose_graph, entry)
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    cameras = [view.placement() for view in RENDERS.cameras.views.values()]
    for wrist in (None, np.array([0.1, -0.2])):
        seen = network.see(images, cameras, wrist)
        assert np.linalg.norm(seen.wxyz) == pytest.approx(1.0)
        assert np.isfinite(seen.position).all() and seen.doubt > 0.0
        limits = (seen.error_rad / np.radians(entry.spread_limit_deg), seen.error_m / 0.01)
        assert seen.doubt == pytest.approx(max(limits))


def test_a_network_that_sees_the_keypoints_gives_the_pose(bundle, monkeypatch):
    loaded = load_bundle(bundle)
    entry = loaded.manifest.pose
    network = OnnxPose(loaded.pose_graph, entry)
    pose = Placement(np.array([0.01, -0.06, 0.05]), np.eye(3)[[1, 2, 0]])
    wrist = np.array([0.2, -0.3])
    points = np.concatenate([pose.to_palm(np.array(entry.keypoints.points_m)),
                             entry.keypoints.landmarks.places(wrist)])  # fmt: skip
    cameras = [view.placement() for view in RENDERS.cameras.views.values()]
    hole = Pinhole.of_fov(32, 32, entry.fovy_deg)
    pixels = np.array([hole.project(at, points) for at in cameras])[None]
    scales = np.full(pixels.shape[:3], 0.1)
    monkeypatch.setattr(network._session, "run", lambda names, feed: [pixels, scales])
    seen = network.see(np.zeros((3, 32, 32, 3), np.uint8), cameras, wrist)
    np.testing.assert_allclose(seen.position, pose.position, atol=1e-6)
    np.testing.assert_allclose(matrix_of(seen.wxyz), pose.rotation, atol=1e-5)
    assert seen.error_m < 0.002 and seen.error_rad < 0.02


def test_a_graph_with_other_keypoints_is_one_line(bundle):
    loaded = load_bundle(bundle)
    entry = loaded.manifest.pose
    fewer = dataclasses.replace(entry.keypoints, points_m=entry.keypoints.points_m[:8])
    with pytest.raises(BundleError, match=r"outputs: pixels: got .*22.*, allowed: .*16"):
        OnnxPose(loaded.pose_graph, dataclasses.replace(entry, keypoints=fewer))
    with pytest.raises(BundleError, match="inputs: camera_position: got nothing"):
        OnnxPose(loaded.pose_graph, dataclasses.replace(entry, keypoints=None))


def test_a_graph_that_gives_the_pose_itself_still_works(tmp_path):
    folder = make_bundle(tmp_path / "direct")
    add_pose(folder, spread_rad=np.radians(5.0))
    loaded = load_bundle(folder)
    network = OnnxPose(loaded.pose_graph, loaded.manifest.pose)
    cameras = [view.placement() for view in RENDERS.cameras.views.values()]
    seen = network.see(np.zeros((3, 32, 32, 3), np.uint8), cameras, np.zeros(2))
    assert seen.doubt == pytest.approx(0.5)


def test_layers_of_a_cube_are_in_the_entry_and_their_angles_in_what_is_seen(tmp_path, monkeypatch):
    folder, renders = make_bundle(tmp_path / "cube"), dataclasses.replace(RENDERS, object="cube")
    config = PoseTrainConfig(data=tmp_path, keypoints=KeypointConfig(net=NET))
    decoder = build_decoder(config, renders)
    with_entry(folder, write_pose(decoder, renders, folder, (0.01, 0.1), {}))
    loaded = load_bundle(folder)
    entry = loaded.manifest.pose
    assert entry.keypoints.model == decoder.scene.keypoints and len(entry.keypoints.hinges) == 6
    network = OnnxPose(loaded.pose_graph, entry)
    pose, angles = Placement(np.array([0.0, -0.05, 0.05]), np.eye(3)), np.radians(
        [100.0, -90.0, 0.0, 180.0, 90.0, 0.0]
    )  # fmt: skip
    wrist = np.zeros(2)
    points = np.concatenate([pose.to_palm(entry.keypoints.model.places(angles)),
                             entry.keypoints.landmarks.places(wrist)])  # fmt: skip
    cameras = [view.placement() for view in renders.cameras.views.values()]
    hole = Pinhole.of_fov(32, 32, entry.fovy_deg)
    pixels = np.array([hole.project(at, points) for at in cameras])[None]
    scales = np.full(pixels.shape[:3], 0.1)
    monkeypatch.setattr(network._session, "run", lambda names, feed: [pixels, scales])
    seen = network.see(np.zeros((3, 32, 32, 3), np.uint8), cameras, wrist)
    away = np.degrees((seen.angles - angles + np.pi) % (2 * np.pi) - np.pi)
    assert np.abs(away).max() < 1.0


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"axis": [0.0, 0.0, 0.0]}, r"hinges.0: axis: got length 0, allowed: 1"),
        ({"points_m": []}, r"hinges.0: points_m: got none, allowed: one or more"),
        ({"period_deg": 0}, r"period_deg: got 0, allowed: "),
    ],
)
def test_a_damaged_layer_is_one_line(bundle, change, line):
    path = bundle / "bundle.json"
    data = json.loads(path.read_text())
    whole = {"axis": [0, 0, 1], "points_m": [[0.1, 0, 0]], "mark_m": [0, 0.1, 0], "period_deg": 90}
    data["pose"]["keypoints"]["hinges"] = [whole | change]
    path.write_text(json.dumps(data))
    with pytest.raises(BundleError, match=line) as caught:
        load_bundle(bundle)
    assert "\n" not in str(caught.value)


def test_too_few_points_are_one_line(bundle):
    with pytest.raises(ConfigError, match="points_m: got 3 points, allowed: 4 or more"):
        KeypointsEntry(((0.0, 0.0, 0.0),) * 3, 0.5, 0.01)
    path = bundle / "bundle.json"
    data = json.loads(path.read_text())
    data["pose"]["keypoints"]["points_m"] = data["pose"]["keypoints"]["points_m"][:3]
    path.write_text(json.dumps(data))
    with pytest.raises(BundleError, match="bundle.json.*points_m: got 3 points") as caught:
        load_bundle(bundle)
    assert "\n" not in str(caught.value)
