"""Boards of the old pattern, and time-outs that say what the images show instead of the board."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from sleight.deploy.calibration.board import Board
from sleight.deploy.calibration.board_config import BoardConfig
from sleight.deploy.calibration.board_hints import why_no_board
from sleight.deploy.calibration.calibration_commands import _collect
from sleight.deploy.calibration.camera_calibration import board_in_camera, estimate_extrinsics
from sleight.deploy.cameras.camera_config import Intrinsics
from sleight.errors import DataError
from sleight.vision.geometry import Placement, turn

CAMERA = Intrinsics("left", (640, 480), (700.0, 700.0), (320.0, 240.0), (0.0,) * 5)
ODD = BoardConfig()
EVEN = BoardConfig(columns=8, rows=6)


def picture(config, seed=0):
    """The board of `config` before the camera, with a little noise."""
    rng = np.random.default_rng(seed)
    rotation = turn(np.array([0.3, -0.2, 0.1 + 0.3 * seed]))
    at = Placement(np.array([0.0, 0.0, 0.34]) - rotation @ config.middle, rotation)
    image = Board(config).draw(CAMERA, at) + rng.normal(0, 3, (480, 640, 3))
    return np.clip(image, 0, 255).astype(np.uint8), at


@pytest.mark.parametrize("printed", ["new", "legacy"])
@pytest.mark.parametrize("size", [(8, 6), (7, 5), (6, 4)])
def test_both_patterns_are_found_and_stand_where_they_are(printed, size):
    told = replace(ODD, columns=size[0], rows=size[1])
    image, at = picture(replace(told, pattern=printed))
    corners = Board(told).find(image)
    assert corners is not None and len(corners.ids) == (size[0] - 1) * (size[1] - 1)
    found, residual_px = board_in_camera(corners, CAMERA)
    away_m, away_rad = found.distances(at)
    assert away_m < 1e-3 and np.degrees(away_rad) < 0.3 and residual_px < 0.3
    seat = told.seat.after(at.inverse())
    placed = estimate_extrinsics(CAMERA, told, [corners]).extrinsics.placement
    assert placed.distances(seat)[0] < 1e-3


def test_a_pattern_that_is_told_is_the_only_one():
    image, _ = picture(replace(EVEN, pattern="legacy"))
    assert Board(replace(EVEN, pattern="legacy")).find(image) is not None
    assert Board(replace(EVEN, pattern="new")).find(image) is None


HINTS = {
    "another pattern": (
        replace(EVEN, pattern="legacy"),
        replace(EVEN, pattern="new"),
        "a board with pattern legacy fits",
    ),
    "another dictionary": (
        replace(ODD, dictionary="5x5_100"),
        ODD,
        "its markers are of the dictionary 5x5_100, the file says 4x4_50",
    ),
    "columns and rows exchanged": (
        EVEN,
        replace(EVEN, columns=6, rows=8),
        "a board with columns 8 and rows 6 fits",
    ),
}


@pytest.mark.parametrize("name", HINTS)
def test_what_is_printed_is_said_where_it_can_be(name):
    printed, told, line = HINTS[name]
    image, _ = picture(printed)
    assert Board(told).find(image) is None
    assert line in why_no_board(image, told)


def test_a_mirrored_image_and_an_empty_one_are_named():
    image, _ = picture(ODD)
    assert "mirrored" in why_no_board(np.ascontiguousarray(image[:, ::-1]), ODD)
    assert "no markers are visible" in why_no_board(np.full_like(image, 128), ODD)


class Film:
    """A camera that shows the given images over and over, one a second."""

    name = "left"

    def __init__(self, images):
        self._images = images

    def after(self, seq, timeout_s):
        image = self._images[seq % len(self._images)]
        return SimpleNamespace(image=image, seq=seq + 1, time_s=float(seq))


@pytest.mark.parametrize(
    ("images", "told", "moved_px", "line"),
    [
        ([picture(replace(ODD, dictionary="5x5_100"))[0]], ODD, 8.0, "of the dictionary 5x5_100"),
        ([picture(ODD)[0]], ODD, 8.0, "a board was seen in 12 of 12 images: move it more"),
    ],
)
def test_a_time_out_says_what_it_saw(images, told, moved_px, line):
    with pytest.raises(DataError, match="images with a board in 10 s, allowed: 12; ") as caught:
        _collect(Film(images), Board(told), 12, 10.0, moved_px, lambda text: None)
    assert line in str(caught.value)
