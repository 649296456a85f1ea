"""Pictures of running worlds: each keeps its look, whoever renders it, and whoever dies."""

import os
import signal
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from sleight.errors import SleightError
from sleight.vision.config import CamerasConfig, LiveConfig, LooksConfig, ViewConfig
from sleight.vision.live.live_cameras import LiveCameras
from sleight.vision.live.wardrobe import LiveScene, Wardrobe

VIEW = ViewConfig((0.30, -0.22, 0.27))
PLAIN = LooksConfig(shadow_share=0.0)
SCENE = LiveScene(
    LiveConfig(looks=PLAIN, supersample=1, restarts=1),
    CamerasConfig(image_px=24, views={"one": VIEW}),
    0.057,
    seed=3,
)


@pytest.fixture(scope="module")
def cameras(can_render: None) -> Iterator[LiveCameras]:
    with LiveCameras(SCENE, 3, 31) as opened:
        yield opened


def _states() -> np.ndarray:
    states = np.zeros((3, 31))
    states[:, 24:27] = (0.0, -0.05, 0.045)
    states[:, 27] = 1.0
    states[1, 26] = 0.1
    return states


def _shown(cameras: LiveCameras, worlds: list[int], episodes: list[int]) -> np.ndarray:
    done = list(cameras.render(np.array(worlds), np.array(episodes), _states()[worlds]))
    assert sorted(done) == worlds
    return cameras.images[worlds].copy()


def test_a_world_looks_the_same_for_a_whole_episode(cameras: LiveCameras) -> None:
    first = _shown(cameras, [0, 1, 2], [0, 0, 0])
    # Others in between; then again, from what the process has kept.
    _shown(cameras, [1], [1])
    np.testing.assert_array_equal(_shown(cameras, [0, 2], [0, 0]), first[[0, 2]])
    other = _shown(cameras, [0], [1])
    assert (other != first[:1]).any()
    assert cameras.frames() == 7
    assert 0.0 < cameras.share_of_renderer() <= 1.0


def test_a_picture_is_that_of_a_studio_of_its_own(cameras: LiveCameras) -> None:
    found = _shown(cameras, [1], [5])[0]
    with SCENE.studio() as studio:
        wardrobe = Wardrobe(SCENE, studio)
        wardrobe.dress(2, 0)
        wardrobe.dress(1, 5)
        np.testing.assert_array_equal(found, studio.shoot(_states()[1]))
        # Camera and look are those of the numbers, not those of who came before.
        wardrobe.dress(2, 0)
        assert (studio.shoot(_states()[1]) != found).any()
        wardrobe.dress(1, 5)
        np.testing.assert_array_equal(found, studio.shoot(_states()[1]))


def test_a_process_that_dies_is_replaced_and_then_it_is_too_many(can_render: None) -> None:
    with LiveCameras(SCENE, 3, 31) as cameras:
        before = _shown(cameras, [0, 1, 2], [0, 0, 0])
        _kill(cameras)
        np.testing.assert_array_equal(_shown(cameras, [0, 1, 2], [0, 0, 0]), before)
        assert cameras.deaths == 1
        _kill(cameras)
        with pytest.raises(SleightError, match=r"rendering: .* 2 died, allowed: 1"):
            _shown(cameras, [0], [0])


def test_a_process_that_hangs_is_replaced(can_render: None) -> None:
    scene = replace(SCENE, config=replace(SCENE.config, timeout_s=4.0, restarts=9))
    with LiveCameras(scene, 3, 31) as cameras:
        before = _shown(cameras, [0, 1, 2], [0, 0, 0])
        (worker,) = cameras._workers
        assert worker.process.pid is not None
        os.kill(worker.process.pid, signal.SIGSTOP)
        np.testing.assert_array_equal(_shown(cameras, [0, 1, 2], [0, 0, 0]), before)
        assert cameras.deaths >= 1


def _kill(cameras: LiveCameras) -> None:
    (worker,) = cameras._workers
    assert worker.process.pid is not None
    os.kill(worker.process.pid, signal.SIGKILL)
    worker.process.join()
