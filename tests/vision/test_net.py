"""The pose network by its laws, the camera's noise, and the scores."""

import numpy as np
import pytest
import torch

from sleight.envs.mdp.rotations import CUBE_GROUP, from_rotvec, multiply, random_rotation
from sleight.envs.sim.draws import Draws
from sleight.vision.geometry import turn
from sleight.vision.photo import Photo, PhotoConfig
from sleight.vision.pose_net import NetConfig, PoseNet, _SpatialSoftmax, orthonormal
from sleight.vision.scores import pose_errors

TINY = NetConfig(channels=(4, 8), hidden_size=16)


@pytest.fixture
def seen():
    """Two samples of three random views."""
    rng = torch.Generator().manual_seed(0)
    images = torch.rand(2, 3, 16, 16, 3, generator=rng)
    position = torch.randn(2, 3, 3, generator=rng)
    rotation = orthonormal(torch.randn(2, 3, 3, 2, generator=rng))
    return images, position, rotation


@pytest.mark.parametrize("readout", ["flatten", "spatial_softmax"])
def test_views_move_with_their_cameras(seen, readout):
    """A rig that stands elsewhere and sees the same says the same pose, moved along."""
    images, position, rotation = seen
    torch.manual_seed(0)
    net = PoseNet(NetConfig((4, 8), readout, 16), 16, (0.4, 0.4, 0.5)).eval()
    before = net(images, position, rotation)
    away = torch.from_numpy(turn(np.array([0.3, -1.0, 0.4]))).float()
    shift = torch.tensor([0.1, 0.2, -0.3])
    after = net(images, position @ away.T + shift, away @ rotation)
    torch.testing.assert_close(after.view_position, before.view_position @ away.T + shift)
    torch.testing.assert_close(after.view_rotation, away @ before.view_rotation)
    # Before training nothing is added to what the views agree on, so that moves along too.
    torch.testing.assert_close(after.rotation, away @ before.rotation)
    torch.testing.assert_close(after.position, before.position @ away.T + shift)
    torch.testing.assert_close(after.spread_rad, before.spread_rad)


def test_two_columns_make_a_rotation():
    rotation = orthonormal(torch.randn(20, 3, 2, generator=torch.Generator().manual_seed(1)))
    eye = torch.eye(3).expand(20, 3, 3)
    torch.testing.assert_close(rotation @ rotation.mT, eye, atol=1e-5, rtol=0)
    torch.testing.assert_close(torch.linalg.det(rotation), torch.ones(20))
    torch.testing.assert_close(orthonormal(rotation[..., :2]), rotation)


def test_the_spatial_softmax_says_where_a_channel_is():
    maps = torch.zeros(1, 2, 5, 5)
    maps[0, 0, 1, 4] = 100.0  # row 1 of 5 is y = -0.5, column 4 is x = 1
    maps[0, 1, 2, 2] = 100.0
    torch.testing.assert_close(_SpatialSoftmax(5)(maps), torch.tensor([[1.0, -0.5, 0.0, 0.0]]))


def test_a_camera_without_faults_changes_nothing_and_one_with_does():
    images = torch.randint(0, 256, (4, 3, 8, 8, 3), dtype=torch.uint8)
    still = PhotoConfig((1, 1), (1, 1), (1, 1), 0.0, 0.0, 0.0)
    same = Photo(still)(images, torch.Generator().manual_seed(0))
    torch.testing.assert_close(same, images / 255.0, atol=2e-4, rtol=0)
    noisy = Photo(PhotoConfig())
    first = noisy(images, torch.Generator().manual_seed(0))
    assert (first - same).abs().mean() > 0.05 and first.min() >= 0 and first.max() <= 1
    again = noisy(images, torch.Generator().manual_seed(0))
    torch.testing.assert_close(first, again, rtol=0, atol=0)


def test_scores_tell_faces_apart_and_also_not():
    wxyz = random_rotation(24, Draws(3))
    place = torch.zeros(24, 3)
    group = multiply(wxyz, CUBE_GROUP)
    errors = pose_errors(place + torch.tensor([0.003, 0.0, 0.004]), group, place, wxyz)
    np.testing.assert_allclose(errors.position_mm, 5.0, rtol=1e-5)
    np.testing.assert_allclose(errors.symmetric_deg, 0.0, atol=0.05)
    # One of the 24 is the identity, six are quarter turns and no one is below 90 degrees.
    assert (errors.rotation_deg < 1).sum() == 1
    assert (abs(errors.rotation_deg - 90) < 0.1).sum() == 6
    tilt = from_rotvec(torch.tensor([[0.1, 0.0, 0.0]]))
    small = pose_errors(place[:1], multiply(tilt, wxyz[:1]), place[:1], wxyz[:1])
    assert small.rotation_deg[0] == pytest.approx(np.degrees(0.1), rel=1e-3)
    assert small.symmetric_deg[0] == pytest.approx(np.degrees(0.1), rel=1e-3)
    table = pose_errors(place, wxyz, place, wxyz).table()
    assert table["within_5mm_5deg"] == 1.0 and table["beyond_45deg"] == 0.0
