"""Renders of a scrambled cube: what they hold, and that labels and stickers agree."""

import numpy as np
import pytest

from sleight.cli import main
from sleight.envs.objects.cubes.stickers import STICKERS
from sleight.train.pose.config import PoseTrainConfig
from sleight.train.pose.pose_learner import build_decoder
from sleight.train.pose.render_batches import in_order
from sleight.vision.config import CamerasConfig, RenderConfig
from sleight.vision.geometry import matrix_of
from sleight.vision.renders.object_states import keypoints_in, shown_in
from sleight.vision.renders.render_job import shoot
from sleight.vision.renders.studio import Studio

from .conftest import home_states


def test_samples_hold_whole_angles_of_six_faces(cubes):
    arrays = [shard["object_joints"] for shard in cubes.shards()]
    angles = np.concatenate(arrays)
    assert angles.shape == (10, 6) and angles.dtype == np.float32
    assert (np.abs(angles) <= np.pi + 1e-6).all()
    rest = np.abs((angles + np.pi / 4) % (np.pi / 2) - np.pi / 4)
    partway = rest > np.radians(8.0)
    assert partway.any(axis=1).sum() >= 3, "some cubes are in the middle of a turn"
    assert (partway.sum(axis=1) <= 1).all()
    assert len(np.unique(np.rint(angles[~partway] / (np.pi / 2)))) >= 4


def test_centres_have_their_colours_where_the_labels_say(can_render):
    """At strength 0, of the centres that face a camera and that nothing hides."""
    config = RenderConfig(object="cube", strength=0.0, cameras=CamerasConfig(image_px=128))
    decoder = build_decoder(PoseTrainConfig(data="."), config)
    right = []
    fine_px = 2 * config.cameras.image_px
    with Studio(config.cameras, shown_in(config), (fine_px, fine_px)) as studio:
        for number in range(6):
            arrays, _ = shoot(studio, config, home_states(), number)
            batch = {key: _tensor(value) for key, value in arrays.items()}
            pixels = decoder.true_pixels(batch)[0].numpy()
            normals = matrix_of(arrays["wxyz"]) @ np.array(keypoints_in(config).points_m).T
            for view in range(3):
                towards = arrays["true_position"][view] - arrays["position"]
                facing = normals.T @ towards / np.linalg.norm(normals, axis=0)
                for centre in np.flatnonzero(facing > 0.8 * np.linalg.norm(towards)):
                    column, row = pixels[view, centre].astype(int)
                    seen = arrays["images"][view, row, column] / 255.0
                    right.append(_nearest(seen) == _COLOURS[centre])
    assert len(right) > 8 and np.mean(right) > 0.85


_COLOURS = ["+z", "+x", "-y", "-z", "-x", "+y"]
"""Of the centres U R F D L B."""


def _nearest(seen):
    scores = {}
    for face, colour in STICKERS.items():
        one, other = np.array(colour), seen + 1e-3
        scores[face] = np.linalg.norm(one / np.linalg.norm(one) - other / np.linalg.norm(other))
    return min(scores, key=scores.get)


def _tensor(value):
    import torch

    return torch.from_numpy(np.asarray(value)[None])


def test_a_look_changes_the_stickers_a_little_and_never_the_plastic(can_render):
    config = RenderConfig(object="cube", cameras=CamerasConfig(image_px=32))
    with Studio(config.cameras, shown_in(config)) as studio:
        model, paint = studio.stage.model, studio.stage.paint
        assert [len(ids) for ids in paint.geoms] == [9] * 6
        plastic = model.geom("object_URF").rgba.copy()
        before = paint.nominal.copy()
        studio.dress(config.looks, np.random.default_rng(0))
        after = np.array([model.geom_rgba[ids[0], :3] for ids in paint.geoms])
        assert 0.01 < np.abs(after - before).max() < 0.35
        for ids, colour in zip(paint.geoms, after, strict=True):
            np.testing.assert_allclose(model.geom_rgba[ids, :3], np.tile(colour, (9, 1)))
        np.testing.assert_array_equal(model.geom("object_URF").rgba, plastic)
        assert not set(np.concatenate(paint.geoms)) & set(studio.stage.skin)


def test_labels_follow_the_layers(cubes):
    decoder = build_decoder(PoseTrainConfig(data=cubes.folder), cubes.config)
    batch = next(in_order(cubes, 6))
    pixels = decoder.true_pixels(batch)
    assert pixels.shape == (6, 3, 36 + 8, 2)
    assert decoder.weights.shape == (44,) and decoder.weights.mean().item() == pytest.approx(1.0)
    assert decoder.weights[:6].tolist() == pytest.approx([6.0 * decoder.weights[-1].item()] * 6)
    straight = {**batch, "object_joints": 0 * batch["object_joints"]}
    moved = (pixels - decoder.true_pixels(straight)).norm(dim=-1)
    assert moved[:, :, :6].max() < 1e-3 and moved[:, :, 6:36].max() > 1.0


@pytest.mark.parametrize("name", ["egg", "cube-locked"])
def test_an_object_without_keypoints_is_one_line(name, tmp_path, capsys):
    words = ["vision", "render", "--count", "1", "--object", name, "--out", str(tmp_path / "out")]
    assert main(words) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith(f"error: object: got {name}, allowed: one with keypoints: block, cube")
    assert "\n" not in said and not (tmp_path / "out").exists()
