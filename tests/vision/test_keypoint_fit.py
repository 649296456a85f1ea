"""The fit by its laws: exact for perfect keypoints, and as good as it says under noise."""

import numpy as np
import pytest

from sleight.contract.pose_entry import FitConfig
from sleight.envs.objects.block import BLOCK
from sleight.vision.config import CameraJitter
from sleight.vision.geometry import Placement, cube_rotations
from sleight.vision.keypoint_fit import KeypointFit, rigid_fit, triangulate
from sleight.vision.keypoint_reader import KeypointReader
from sleight.vision.renders.random_looks import draw_views

from .keypoint_cases import CAMERAS, FIT, PLACES, STILL, a_pose, errors, shown

MODEL = BLOCK.keypoint_model(BLOCK.size_m)
POINTS = MODEL.places(np.zeros(0))


def test_a_rigid_fit_finds_the_pose_and_never_a_mirror_image():
    rng = np.random.default_rng(0)
    for _ in range(20):
        pose = a_pose(rng)
        found = rigid_fit(POINTS, pose.to_palm(POINTS), rng.uniform(0.1, 10.0, len(POINTS)))
        assert max(errors(_Fitted(found), pose)) < 1e-5
        noisy = pose.to_palm(POINTS) + 0.03 * rng.standard_normal(POINTS.shape)
        rotation = rigid_fit(POINTS, noisy, np.ones(len(POINTS))).rotation
        assert np.linalg.det(rotation) == pytest.approx(1.0)


class _Fitted:
    def __init__(self, pose):
        self.pose = pose


def test_rays_of_true_pixels_meet_in_the_points():
    rng = np.random.default_rng(1)
    pose = a_pose(rng)
    cameras, pixels = shown(pose, POINTS, STILL, rng)
    weights = rng.uniform(0.1, 10.0, (3, len(POINTS)))
    points = triangulate(pixels[:, : len(POINTS)], weights, CAMERAS.pinhole, cameras)
    np.testing.assert_allclose(points, pose.to_palm(POINTS), atol=2e-6)


def test_perfect_keypoints_give_the_pose():
    rng = np.random.default_rng(2)
    fit = KeypointFit(FIT, CAMERAS.pinhole, MODEL)
    for _ in range(20):
        pose = a_pose(rng)
        cameras, pixels = shown(pose, POINTS, STILL, rng)
        for landmarks in (None, PLACES):
            found = fit(pixels, np.full(pixels.shape[:2], 0.5), cameras, landmarks)
            assert max(errors(found, pose)) < 1e-3
            np.testing.assert_allclose(found.pixels, pixels[:, : len(POINTS)], atol=1e-3)
            assert found.misfit < 1e-3


def test_landmarks_take_out_the_error_of_the_cameras():
    """What docs/vision.md says of the floor: perfect pixels, cameras that are off."""
    rng = np.random.default_rng(3)
    fit = KeypointFit(FIT, CAMERAS.pinhole, MODEL)
    told, corrected = [], []
    for _ in range(100):
        pose = a_pose(rng)
        cameras, pixels = shown(pose, POINTS, CameraJitter(), rng)
        scales = np.full(pixels.shape[:2], 0.2)
        told.append(errors(fit(pixels, scales, cameras), pose)[0])
        corrected.append(errors(fit(pixels, scales, cameras, PLACES), pose)[0])
    assert 1.0 < np.median(told) < 2.2
    assert np.median(corrected) < 0.4


def test_the_predicted_error_is_the_error():
    """Of poses whose keypoints have the noise that their scales say."""
    rng = np.random.default_rng(4)
    fit = KeypointFit(FIT, CAMERAS.pinhole, MODEL)
    missed, said = [], []
    for size in np.repeat([0.4, 1.2], 150):
        pose = a_pose(rng)
        cameras, pixels = shown(pose, POINTS, CameraJitter(), rng)
        scales = size * rng.uniform(0.5, 2.0, pixels.shape[:2])
        found = fit(pixels + scales[..., None] * rng.laplace(size=pixels.shape), scales, cameras,
                    PLACES)  # fmt: skip
        missed.append(errors(found, pose))
        said.append((1e3 * found.error_m, np.degrees(found.error_rad)))
    for half in (slice(0, 150), slice(150, 300)):
        real, predicted = (np.sqrt(np.square(x[half]).mean(axis=0)) for x in (missed, said))
        assert (predicted / real > 0.7).all() and (predicted / real < 1.6).all(), predicted / real


def test_a_wrong_keypoint_and_a_hidden_one_do_little_and_doubt_grows_with_a_wrong_camera():
    rng = np.random.default_rng(5)
    fit = KeypointFit(FIT, CAMERAS.pinhole, MODEL)
    pose = a_pose(rng)
    cameras, pixels = shown(pose, POINTS, STILL, rng)
    scales = np.full(pixels.shape[:2], 0.5)
    wrong = pixels.copy()
    wrong[0, 3] += 15.0
    millimetres, degrees = errors(fit(wrong, scales, cameras, PLACES), pose)
    assert millimetres < 1.0 and degrees < 2.0
    scales[0, 3] = 15.0  # now the network says so
    assert errors(fit(wrong, scales, cameras, PLACES), pose)[1] < 0.2
    good = fit(pixels, scales, cameras)
    swapped = fit(pixels[[1, 0, 2]], scales, cameras)
    assert swapped.error_rad > 5 * good.error_rad and swapped.error_m > 5 * good.error_m


def test_keypoints_of_turned_cubes_are_the_same_points_in_another_order():
    """So that the letters, and nothing else, say which corner is which."""
    pose = a_pose(np.random.default_rng(6))
    usual = pose.to_palm(POINTS)
    orders = set()
    for turned in cube_rotations():
        points = Placement(pose.position, pose.rotation @ turned).to_palm(POINTS)
        apart = np.linalg.norm(points[:, None] - usual[None], axis=-1)
        orders.add(tuple(apart.argmin(axis=1)))
        assert apart.min(axis=1).max() < 1e-9
    assert len(orders) == 24


def test_the_second_look_is_about_the_object_and_brings_the_surer_keypoints():
    rng = np.random.default_rng(7)
    pose = a_pose(rng)
    cameras, pixels = shown(pose, POINTS, STILL, rng)
    calls = []

    def network(images, centre, side, estimate):
        calls.append((centre, side))
        noise = 3.0 if len(calls) % 2 else 0.01
        seen = pixels + noise * rng.standard_normal(pixels.shape)
        scales = np.full(pixels.shape[:2], noise)
        scales[:, -1] = 0.02  # a landmark that the first look sees well
        seen[:, -1] = pixels[:, -1] if len(calls) % 2 else pixels[:, -1] + 50.0
        scales[:, -1] *= 1.0 if len(calls) % 2 else 100.0
        return seen[None].astype(np.float32), scales[None].astype(np.float32)

    read = KeypointReader(network, FitConfig(), CAMERAS.pinhole, MODEL, crop=0.65)
    images = np.zeros((1, 3, 128, 128, 3), np.uint8)
    (found,) = read(images, [cameras], PLACES[None])
    (first, whole), (second, crop) = calls
    np.testing.assert_allclose(first, 64.0)
    np.testing.assert_allclose(whole, 128.0)
    np.testing.assert_allclose(crop, 0.65 * 128)
    np.testing.assert_allclose(second[0], pixels[:, : len(POINTS)].mean(axis=1), atol=6.0)
    assert max(errors(found, pose)) < 0.1


def test_later_looks_receive_the_pose_so_far_in_each_camera():
    rng = np.random.default_rng(9)
    pose = a_pose(rng)
    cameras, pixels = shown(pose, POINTS, STILL, rng)
    noises = iter((3.0, 2.0, 1.0, 0.01))
    estimates = []

    def network(images, centre, side, estimate):
        estimates.append(estimate[0])
        noise = next(noises)
        seen = pixels + noise * rng.standard_normal(pixels.shape)
        scales = np.full(pixels.shape[:2], noise)
        return seen[None].astype(np.float32), scales[None].astype(np.float32)

    read = KeypointReader(network, FIT, CAMERAS.pinhole, MODEL, crop=0.65, refinements=2)
    (found,) = read(np.zeros((1, 3, 128, 128, 3), np.uint8), [cameras], PLACES[None])
    assert max(errors(found, pose)) < 0.1
    assert not np.any(estimates[:2])
    for estimate, limit in zip(estimates[2:], (3.0, 1.5), strict=True):
        for camera, view in zip(cameras, estimate, strict=True):
            true = camera.inverse().after(pose)
            metres, radians = true.distances(Placement(view[:, 3], view[:, :3]))
            assert 0.0 < 1e3 * metres < limit and 0.0 < np.degrees(radians) < 2.0 * limit


def test_nonsense_of_a_network_is_no_pose():
    def network(images, centre, side, estimate):
        assert np.isfinite(estimate).all()
        return np.full((1, 3, 22, 2), np.nan, np.float32), np.ones((1, 3, 22), np.float32)

    read = KeypointReader(network, FitConfig(), CAMERAS.pinhole, MODEL, crop=0.65, refinements=1)
    cameras = draw_views(CAMERAS, STILL, np.random.default_rng(8)).calibrated
    (found,) = read(np.zeros((1, 3, 128, 128, 3), np.uint8), [cameras], PLACES[None])
    assert np.isnan(found.pose.position).all() and found.error_m == np.inf
