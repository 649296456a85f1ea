"""Labels from the true cameras, on real renders; and windows of the training."""

from dataclasses import replace

import numpy as np
import torch

from sleight.envs.hands.shadow import SHADOW_RIGHT
from sleight.envs.objects.block import BLOCK
from sleight.train.pose.config import PoseTrainConfig
from sleight.train.pose.pose_learner import build_decoder
from sleight.train.pose.render_batches import in_order
from sleight.vision.geometry import Pinhole, Placement, matrix_of
from sleight.vision.keypoint_decoder import KeypointConfig, rotations, told
from sleight.vision.keypoint_net import KeypointNetConfig
from sleight.vision.renders.render_job import averaged
from sleight.vision.windows import AugmentConfig

SMALL = KeypointConfig(net=KeypointNetConfig(input_px=16, channels=(4, 8), head_channels=(8,)))


def decoder_of(renders, **changes):
    config = PoseTrainConfig(data=renders.folder, **{"keypoints": SMALL} | changes)
    return build_decoder(config, renders.config)


def test_labels_are_projections_by_the_cameras_as_rendered(renders):
    decoder = decoder_of(renders)
    batch = next(in_order(renders, 6))
    pixels = decoder.true_pixels(batch).numpy()
    edge = renders.config.cameras.image_px
    true, calibrated = told(batch, "true"), told(batch, "camera")
    for n in range(6):
        pose = Placement(batch["position"][n].double().numpy(), matrix_of(batch["wxyz"][n]))
        places = SHADOW_RIGHT.landmarks.places(batch["joint_position"][n, :2].numpy())
        points = np.concatenate([pose.to_palm(BLOCK.size_m * np.array(BLOCK.keypoints)), places])
        for v, fovy in enumerate(batch["true_fovy_deg"][n].tolist()):
            hole = Pinhole.of_fov(edge, edge, fovy)
            np.testing.assert_allclose(pixels[n, v], hole.project(true[n][v], points), atol=1e-3)
            # What is told differs from it by an error, and by no more than its range.
            metres, radians = true[n][v].distances(calibrated[n][v])
            assert 0.0 < metres < 0.0015 * 3**0.5 and 0.0 < radians < np.radians(0.5)
            assert 0.0 < abs(fovy - renders.config.cameras.fovy_deg) <= 0.5


def test_the_object_is_where_the_labels_say(renders):
    """Most of the picture between the labels of the corners is as colourful as the block."""
    decoder = decoder_of(renders)
    colourful = []
    for batch in in_order(renders, 10):
        images = batch["images"].numpy().astype(float)
        centres = decoder.true_pixels(batch)[:, :, :8].mean(dim=2).numpy()
        for image, centre in zip(
            images.reshape(-1, 32, 32, 3), centres.reshape(-1, 2), strict=True
        ):
            column, row = np.clip(centre, 3, 28).astype(int)
            patch = image[row - 3 : row + 3, column - 3 : column + 3]
            colourful.append((patch.max(axis=-1) - patch.min(axis=-1)).mean())
    # The block's faces are vivid; of floors, hands and sky of any colour few are.
    assert np.median(colourful) > 60


def test_windows_of_crops_hold_the_object_and_whole_views_are_in_the_middle(renders):
    still = AugmentConfig(turn_deg=0.0, zoom=0.0, shift=0.0)
    decoder = decoder_of(renders, augment=still)
    truth = torch.full((400, 3, 22, 2), 13.0)
    whole = torch.rand(400, 3) < 0.3
    windows = decoder._windows(truth, whole, torch.Generator().manual_seed(0))
    side = 2.0 * windows.matrix[..., 0, 0]
    assert ((side == 32.0) == whole).all()
    torch.testing.assert_close(side[~whole], torch.full_like(side[~whole], 0.65 * 32))
    torch.testing.assert_close(windows.centre[whole], torch.full_like(windows.centre[whole], 16.0))
    away = (windows.centre[~whole] - 13.0).abs()
    assert 0.06 * 32 < away.max() <= 0.07 * 32


def test_guesses_are_the_pose_in_the_told_cameras_with_errors_within_their_range(renders):
    decoder = decoder_of(renders, keypoints=replace(SMALL, refine_share=0.5))
    batch = next(in_order(renders, 6))
    guesses = [decoder._guess(batch, torch.Generator().manual_seed(seed)) for seed in range(20)]
    turned = []
    for n, rig in enumerate(told(batch, "camera")):
        pose = Placement(batch["position"][n].double().numpy(), matrix_of(batch["wxyz"][n]))
        for v, camera in enumerate(rig):
            true = camera.inverse().after(pose)
            for guess in guesses:
                one = guess[n, v].double().numpy()
                metres, radians = true.distances(Placement(one[:, 3], one[:, :3]))
                assert metres < 0.03
                turned.append(np.degrees(radians))
    assert np.max(turned) < 25.1 and 10.0 < np.mean(turned) < 15.0


def test_rotations_of_quaternions_are_those_of_the_geometry():
    wxyz = torch.nn.functional.normalize(torch.randn(20, 4), dim=-1)
    np.testing.assert_allclose(rotations(wxyz).numpy(), matrix_of(wxyz.numpy()), atol=1e-6)


def test_a_pixel_is_the_mean_of_the_rendered_ones():
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)
    fine = images.repeat(2, axis=1).repeat(2, axis=2)
    np.testing.assert_array_equal(averaged(fine, 2), images)
    np.testing.assert_array_equal(averaged(images, 1), images)
    assert averaged(images, 4)[0, 0, 0, 0] == int(images[0, :4, :4, 0].mean() + 0.5)
