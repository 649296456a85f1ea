"""Maps of object coordinates: each pixel holds the point of the box that its ray meets."""

import numpy as np
import torch

from sleight.envs.objects.block import BLOCK
from sleight.vision.object_map import ObjectMap
from sleight.vision.windows import Windows

from .keypoint_cases import CAMERAS, STILL, a_pose, shown

MODEL = BLOCK.keypoint_model(BLOCK.size_m)
HALF_M = 0.5 * BLOCK.size_m
MAP = ObjectMap(MODEL, CAMERAS.pinhole)


def maps_at(points, seed):
    """What one-pixel windows at the pixels of `points` (P, 3), object's frame, show in each view,
    (V, P, 3), and the camera's place in the object's frame (V, 3)."""
    rng = np.random.default_rng(seed)
    pose = a_pose(rng)
    cameras, pixels = shown(pose, points, STILL, rng)
    poses = [camera.inverse().after(pose) for camera in cameras]
    estimate = np.array([np.c_[one.rotation, one.position] for one in poses], np.float32)
    count = len(points)
    centre = torch.from_numpy(pixels[None, :, :count]).float()
    windows = Windows.upright(centre.flatten(1, 2), torch.full((1, 3 * count), 0.01))
    repeated = torch.from_numpy(estimate[None]).repeat_interleave(count, dim=1)
    drawn = MAP(windows, repeated, 1).reshape(3, count, 3).numpy()
    return drawn, np.array([pose.from_palm(camera.position) for camera in cameras])


def test_a_pixel_of_a_face_that_is_seen_holds_its_point():
    rng = np.random.default_rng(0)
    seen = 0
    for seed in range(10):
        points = rng.uniform(-0.9, 0.9, (30, 3))
        sides = rng.integers(3, size=30)
        points[np.arange(30), sides] = rng.choice((-1.0, 1.0), 30)
        drawn, eyes = maps_at(HALF_M * points, seed)
        for view, eye in zip(drawn, eyes, strict=True):
            side = points[np.arange(30), sides]
            facing = eye[sides] * side > HALF_M
            np.testing.assert_allclose(view[facing], points[facing], atol=2e-3)
            # A point on the far side is behind a face: another point of the box is there.
            assert (np.abs(view[~facing]).max(axis=-1) > 1.0 - 1e-3).all()
            assert (np.abs(view[~facing] - points[~facing]).max(axis=-1) > 0.02).all()
            seen += facing.sum()
    assert 300 < seen < 600


def test_nothing_is_drawn_beside_the_box_without_an_estimate_and_behind_a_camera():
    windows = Windows.upright(torch.full((2, 3, 2), 64.0), torch.full((2, 3), 128.0))
    nothing = torch.zeros(2, 3, 3, 4)
    assert not MAP(windows, nothing, 16).any()
    nothing[..., :3] = torch.eye(3)
    nothing[..., 2, 3] = 0.4
    before = MAP(windows, nothing, 16)
    assert 0.05 < before.abs().amax(dim=1).gt(0).float().mean() < 0.5
    nothing[..., 2, 3] = -0.4
    assert not MAP(windows, nothing, 16).any()
