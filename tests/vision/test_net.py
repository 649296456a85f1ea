"""Windows, the keypoint network and its loss by their laws, the camera's noise, and the scores."""

import math

import numpy as np
import pytest
import torch

from sleight.envs.mdp.rotations import CUBE_GROUP, from_rotvec, multiply, random_rotation
from sleight.envs.sim.draws import Draws
from sleight.errors import ConfigError
from sleight.vision.keypoint_net import KeypointNet, KeypointNetConfig, Sighting, keypoint_loss
from sleight.vision.photo import Photo, PhotoConfig
from sleight.vision.scores import pose_errors
from sleight.vision.windows import AugmentConfig, Windows, augmented

TINY = KeypointNetConfig(input_px=16, channels=(4, 8), head_channels=(8,))


def test_a_window_of_the_whole_view_is_the_picture():
    images = torch.randint(0, 256, (2, 3, 16, 16, 3), dtype=torch.uint8)
    whole = Windows.upright(torch.full((2, 3, 2), 8.0), torch.full((2, 3), 16.0))
    cut = whole.cut(images, 16).unflatten(0, (2, 3)).permute(0, 1, 3, 4, 2)
    torch.testing.assert_close(cut, images / 255.0, atol=1e-5, rtol=0)


def test_what_a_window_shows_is_where_its_geometry_says():
    """Smooth pictures with one bright spot each, in windows turned, scaled and shifted."""
    rng = torch.Generator().manual_seed(0)
    spot = 20.0 + 24.0 * torch.rand((4, 2, 1, 2), generator=rng)
    axis = torch.arange(64) + 0.5
    x, y = axis.expand(64, 64), axis.unsqueeze(1).expand(64, 64)
    away = (x - spot[..., 0, None]) ** 2 + (y - spot[..., 1, None]) ** 2
    images = (
        (255 * torch.exp(-away / 18.0))
        .round()
        .to(torch.uint8)
        .unsqueeze(-1)
        .expand(-1, -1, -1, -1, 3)
    )
    windows = augmented(
        Windows.upright(spot.squeeze(2) + 4.0, torch.full((4, 2), 40.0)),
        AugmentConfig(turn_deg=180.0, zoom=0.2), rng,
    )  # fmt: skip
    cut = windows.cut(images, 40)[:, 0]
    own = (torch.arange(40) + 0.5) / 20.0 - 1.0
    total = cut.sum(dim=(1, 2))
    found = torch.stack(((cut.sum(dim=1) @ own) / total, (cut.sum(dim=2) @ own) / total), dim=-1)
    expected = windows.own(spot).flatten(0, 2)
    torch.testing.assert_close(found, expected, atol=0.02, rtol=0)
    torch.testing.assert_close(windows.pixels(windows.own(spot)), spot)


def test_augmentation_stays_in_its_ranges_and_none_changes_nothing():
    windows = Windows.upright(torch.zeros(50, 3, 2), torch.full((50, 3), 2.0))
    same = augmented(windows, AugmentConfig(0.0, 0.0), torch.Generator().manual_seed(0))
    torch.testing.assert_close(same.matrix, windows.matrix)
    turned = augmented(windows, AugmentConfig(20.0, 0.1), torch.Generator().manual_seed(0)).matrix
    scale = torch.linalg.det(turned).sqrt()
    angle = torch.atan2(turned[..., 1, 0], turned[..., 0, 0])
    assert 1 / 1.1 <= scale.min() < 0.95 and 1.05 < scale.max() <= 1.1 + 1e-6
    assert math.radians(15) < angle.abs().max() <= math.radians(20)


def test_a_keypoint_is_the_expectation_of_its_heatmap_in_the_windows_own_coordinates():
    net = KeypointNet(TINY, 2).eval()
    assert net(torch.rand(3, 3, 16, 16)).logits.shape == (3, 2, 8, 8)
    truth = torch.tensor([[[-0.6, 0.3], [0.7, -0.7]]])
    logits = torch.zeros(1, 2, 8, 8, requires_grad=True)
    places = (torch.arange(8) + 0.5) / 4.0 - 1.0
    optimizer = torch.optim.Adam([logits], 0.3)
    for _ in range(200):
        share = logits.flatten(2).softmax(-1).unflatten(-1, (8, 8))
        points = torch.stack((share.sum(2) @ places, share.sum(3) @ places), -1)
        loss = keypoint_loss(Sighting(points, torch.zeros(1, 2), logits), truth, torch.ones(2))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    torch.testing.assert_close(points, truth, atol=0.05, rtol=0)
    assert logits[0, 0].argmax() == 5 * 8 + 1  # row 5, column 1


def test_the_best_scale_is_the_error_and_points_outside_the_window_have_one_too():
    seen = torch.tensor([[[0.1, -0.2], [0.9, 0.9]]])
    truth = torch.tensor([[[0.3, -0.1], [1.9, 0.4]]])  # the second is outside
    log_scale = torch.zeros(1, 2, requires_grad=True)
    optimizer = torch.optim.Adam([log_scale], 0.1)
    for _ in range(300):
        loss = keypoint_loss(
            Sighting(seen, log_scale, torch.zeros(1, 2, 8, 8)), truth, torch.ones(2)
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    mean = (seen - truth).abs().mean(dim=-1)  # of both axes: the most likely scale
    torch.testing.assert_close(log_scale.exp(), mean, atol=5e-3, rtol=0)


def test_a_heavier_point_pulls_in_proportion():
    truth, log_scale = torch.zeros(1, 2, 2), torch.zeros(1, 2)
    pulls = []
    for weights in ([1.0, 1.0], [1.5, 0.5]):
        logits = torch.linspace(0.0, 1.0, 128).reshape(1, 2, 8, 8).requires_grad_()
        seen = Sighting(truth + 0.1, log_scale, logits)
        keypoint_loss(seen, truth, torch.tensor(weights)).backward()
        pulls.append(logits.grad.abs().sum(dim=(0, 2, 3)))
    torch.testing.assert_close(pulls[1] / pulls[0], torch.tensor([1.5, 0.5]))


def test_more_levels_of_the_head_than_of_the_tower_are_one_line():
    with pytest.raises(ConfigError, match="head_channels: got 2 levels, allowed: 1 to 1, fewer"):
        KeypointNetConfig(channels=(4, 8), head_channels=(8, 8))


def test_a_camera_without_faults_changes_nothing_and_one_with_does():
    images = torch.rand((12, 3, 8, 8), generator=torch.Generator().manual_seed(3))
    still = PhotoConfig((1, 1), (1, 1), (1, 1), 0.0, 0.0, 0.0)
    same = Photo(still)(images, torch.Generator().manual_seed(0))
    torch.testing.assert_close(same, images, atol=2e-4, rtol=0)
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


@pytest.mark.parametrize("channels", [4, 6, 12])
def test_gradients_do_not_depend_on_the_layout_of_pictures(channels):
    torch.manual_seed(0)
    net = KeypointNet(KeypointNetConfig(16, (channels, 8), (8,)), 2)
    pictures, truth = torch.rand(32, 3, 16, 16), 0.5 * torch.randn(32, 2, 2)

    def gradients(layout):
        net.zero_grad()
        loss = keypoint_loss(net(pictures.contiguous(memory_format=layout)), truth, torch.ones(2))
        loss.backward()
        return torch.cat([value.grad.flatten() for value in net.parameters()])

    planes, last = gradients(torch.contiguous_format), gradients(torch.channels_last)
    torch.testing.assert_close(last, planes, rtol=1e-3, atol=1e-5 * float(planes.abs().max()))
