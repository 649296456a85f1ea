"""Cameras behind threads: films, streams of a simulated rig, and what happens when they end."""

import threading
import time

import imageio.v3 as imageio
import numpy as np
import pytest

from sleight.deploy.cameras.camera_config import CameraConfig, Extrinsics, Intrinsics
from sleight.deploy.cameras.camera_threads import (
    Camera,
    CameraError,
    CameraGone,
    FrameSource,
    StaleFrame,
)
from sleight.deploy.cameras.frame_sources import open_source
from sleight.errors import ConfigError

SIZE = (64, 48)


class Clicks(FrameSource):
    """A camera whose pictures the test takes."""

    def __init__(self, count, period_s=0.01):
        self._left, self._period_s = count, period_s

    def open(self, timeout_s):
        pass

    def grab(self):
        if not self._left:
            raise CameraGone("the film is over")
        self._left -= 1
        time.sleep(self._period_s)
        return np.full((2, 2, 3), self._left, np.uint8), time.monotonic()

    def close(self):
        pass


def test_the_newest_frame_has_its_age_and_a_dead_camera_says_why():
    with Camera("left", Clicks(5)) as camera:
        first = camera.after(0, 5.0)
        last = camera.after(4, 10.0)
        assert last.seq == 5 and last.time_s > first.time_s
        assert camera.newest(60.0).age_s >= 0.0
        with pytest.raises(ValueError, match="read-only"):
            last.image[:] = 0
        time.sleep(0.05)
        with pytest.raises(CameraGone, match="the film is over"):
            camera.newest(0.01)
        with pytest.raises(CameraGone):
            camera.after(5, 1.0)
        health = camera.health()
        assert health.frames == 5 and health.gone == "the film is over" and health.rate_hz > 0


def test_a_frame_grows_old():
    stuck = threading.Event()

    class Frozen(Clicks):
        def grab(self):
            if not self._left:
                stuck.wait(60)
            return super().grab()

    with Camera("left", Frozen(1)) as camera:
        try:
            assert camera.newest(60.0).seq == 1
            with pytest.raises(StaleFrame, match=r"camera left: got an age of"):
                camera.newest(0.0)
            with pytest.raises(StaleFrame, match="no image for"):
                camera.after(1, 0.05)
        finally:
            stuck.set()


@pytest.fixture
def film(tmp_path):
    """Ten pictures that brighten, in a file."""
    path = tmp_path / "film.mp4"
    pictures = [np.full((SIZE[1], SIZE[0], 3), (20 * i, 0, 0), np.uint8) for i in range(10)]
    imageio.imwrite(path, np.array(pictures), fps=20, macro_block_size=2)
    return path


def test_a_film_plays_at_its_own_speed_in_rgb(film):
    camera = CameraConfig("left", str(film), size=SIZE)
    with Camera("left", open_source(camera)) as opened:
        first = opened.after(0, 10.0)
        last = opened.after(9, 20.0)
        # Red, not blue; ten pictures at 20 a second.
        assert last.image.shape == (48, 64, 3)
        assert last.image[..., 0].mean() > 120 > 40 > last.image[..., 2].mean()
        assert last.seq == 10 and last.time_s - first.time_s > 0.3
        with pytest.raises(CameraGone, match="delivers no more images"):
            opened.after(10, 10.0)


@pytest.mark.parametrize(
    ("device", "size", "line"),
    [
        ("/dev/v4l/by-id/nothing", SIZE, "device: /dev/v4l/by-id/nothing does not exist"),
        ("FILM", (640, 480), r"size: got \(64, 48\) from .*, allowed: \(640, 480\)"),
        ("TEXT", SIZE, "is not a video"),
        ("rig:127.0.0.1:9", SIZE, "127.0.0.1:9: cannot connect: Connection refused"),
    ],
)
def test_what_is_not_there_is_one_line(film, tmp_path, device, size, line):
    text = tmp_path / "text.mp4"
    text.write_text("no film")
    device = {"FILM": str(film), "TEXT": str(text)}.get(device, device)
    camera = CameraConfig("left", device, size=size)
    with pytest.raises(CameraError, match=line) as found, Camera("left", open_source(camera), 30.0):
        pass
    assert found.value.exit_code == 3 and "camera left" in str(found.value)


def test_an_address_that_is_none_is_refused():
    with pytest.raises(ConfigError, match=r"got rig:nowhere, allowed: rig:HOST:PORT"):
        open_source(CameraConfig("left", "rig:nowhere"))


def test_a_calibration_of_another_camera_is_refused(tmp_path):
    from sleight.config import save
    from sleight.deploy.cameras.camera_config import extrinsics_of, intrinsics_of

    inside, outside = tmp_path / "i.yaml", tmp_path / "e.yaml"
    save(Intrinsics("left", SIZE, (50.0, 50.0), (32.0, 24.0), (0.0,) * 5), inside)
    save(Extrinsics("left", (0.0, 0.0, 0.4), (0.0, 1.0, 0.0, 0.0)), outside)
    good = CameraConfig("left", "x", SIZE, intrinsics=inside, extrinsics=outside)
    assert intrinsics_of(good).focal_px == (50.0, 50.0)
    assert extrinsics_of(good).placement.position[2] == 0.4
    other = CameraConfig("top", "x", SIZE, intrinsics=inside, extrinsics=outside)
    for read in (intrinsics_of, extrinsics_of):
        with pytest.raises(ConfigError, match="camera: got left, allowed: top"):
            read(other)
    with pytest.raises(ConfigError, match="size: got"):
        intrinsics_of(CameraConfig("left", "x", (640, 480), intrinsics=inside))
    with pytest.raises(ConfigError, match="run: sleight rig calibrate extrinsics"):
        extrinsics_of(CameraConfig("left", "x"))
