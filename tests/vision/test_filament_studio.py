"""MuJoCo's Filament renderer shows what the classic one shows, in other light."""

from dataclasses import replace

import numpy as np
import pytest

from sleight.errors import SleightError
from sleight.vision.config import CamerasConfig
from sleight.vision.renders.render_job import render
from sleight.vision.renders.shards import open_renders
from tests.vision.conftest import SMALL, prepare

CONFIG = replace(SMALL, cameras=CamerasConfig(image_px=64), restarts=0)


def edges(image: np.ndarray) -> np.ndarray:
    rows, columns = np.gradient(image.astype(float).mean(axis=-1))
    return np.hypot(rows, columns)[4:-4, 4:-4]


def alike(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


@pytest.mark.slow
def test_same_shapes_textures_and_cameras(can_render, tmp_path):
    other = replace(CONFIG, renderer="filament")
    classic = open_renders(render(CONFIG, 4, prepare(tmp_path / "classic", CONFIG))).shard(0)
    try:
        folder = render(other, 4, prepare(tmp_path / "filament", other))
    except SleightError as error:
        pytest.skip(str(error))
    filament = open_renders(folder).shard(0)
    for name in set(classic) - {"images"}:
        assert np.array_equal(classic[name], filament[name]), name
    for one, two in zip(classic["images"].reshape(-1, 64, 64, 3),
                        filament["images"].reshape(-1, 64, 64, 3), strict=True):  # fmt: skip
        assert np.abs(one.astype(int) - two).mean() > 5.0
        # A picture that is shifted by one pixel, or mirrored, is less like it.
        here = alike(edges(one), edges(two))
        assert here > 0.5
        for axis in (0, 1):
            for shift in (-1, 1):
                assert alike(edges(one), edges(np.roll(two, shift, axis))) < here
            assert alike(edges(one), edges(np.flip(two, axis))) < here
