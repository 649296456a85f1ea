"""Calibration against boards drawn where they are known to be."""

import numpy as np
import pytest

from sleight.config import load
from sleight.deploy.calibration.board import Board
from sleight.deploy.calibration.board_config import BoardConfig
from sleight.deploy.calibration.camera_calibration import (
    agreements,
    board_in_camera,
    estimate_extrinsics,
    estimate_intrinsics,
    mean_placement,
)
from sleight.deploy.cameras.camera_config import Extrinsics, Intrinsics
from sleight.deploy.sim.sim_cameras import RigCamerasConfig, hidden_cameras, moved_board
from sleight.errors import ConfigError, DataError
from sleight.vision.geometry import Pinhole, Placement, turn

SIZE = (640, 480)
CONFIG = BoardConfig()
BOARD = Board(CONFIG)


def camera(name="left", fovy_deg=32.0):
    """An ideal camera that is not in the middle of its picture."""
    hole = Pinhole.of_fov(*SIZE, fovy_deg)
    centre = (SIZE[0] / 2 + 4.3, SIZE[1] / 2 - 3.1)
    return Intrinsics(name, SIZE, hole.focal_px, centre, (0.0, 0.0, 0.0, 0.0, 0.0))


def shot(inside, board_to_camera, rng):
    """The board in a picture with noise."""
    image = BOARD.draw(inside, board_to_camera).astype(float) + 3 * rng.standard_normal(
        (SIZE[1], SIZE[0], 1)
    )
    return BOARD.find(np.clip(image, 0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def calibrated():
    """Three cameras, calibrated from pictures alone, and the truth."""
    rig = RigCamerasConfig(fovy_deg=32.0)
    truth = hidden_cameras(rig, seed=5)
    insides, standings, true_insides = {}, {}, {}
    for index, name in enumerate(rig.rig.views):
        rng = np.random.default_rng(index)
        true = camera(name, float(truth.fovy_deg[index]))
        level = Placement(np.zeros(3), np.eye(3))
        boards = [moved_board(CONFIG, level, rng) for _ in range(25)]
        seen = [found for at in boards if (found := shot(true, at, rng)) is not None]
        insides[name], _ = estimate_intrinsics(name, SIZE, seen)
        seat = truth.placements[index].inverse().after(CONFIG.seat)
        corners = [shot(true, seat, rng) for _ in range(3)]
        standings[name] = estimate_extrinsics(insides[name], CONFIG, corners)
        true_insides[name] = true
    return truth, true_insides, insides, standings


def test_three_cameras_within_a_millimetre_and_a_third_of_a_degree(calibrated):
    truth, true_insides, insides, standings = calibrated
    for index, (name, standing) in enumerate(standings.items()):
        away_m, away_rad = standing.extrinsics.placement.distances(truth.placements[index])
        assert away_m < 1e-3, (name, away_m)
        assert np.degrees(away_rad) < 0.3, (name, np.degrees(away_rad))
        assert standing.extrinsics.rms_px < 0.3 and standing.spread_m < 1e-3
        ratio = insides[name].focal_px[0] / true_insides[name].focal_px[0]
        assert ratio == pytest.approx(1.0, abs=5e-3)
        np.testing.assert_allclose(insides[name].centre_px, true_insides[name].centre_px, atol=3.0)


def test_cameras_agree_on_a_board_that_lies_elsewhere(calibrated):
    truth, true_insides, insides, standings = calibrated
    elsewhere = CONFIG.seat.moved(np.array([0.01, 0.02, 0.015]), np.array([0.1, -0.1, 0.2]))
    rng = np.random.default_rng(9)
    seen = {
        name: shot(inside, truth.placements[i].inverse().after(elsewhere), rng)
        for i, (name, inside) in enumerate(true_insides.items())
    }
    places = {name: standing.extrinsics.placement for name, standing in standings.items()}
    pairs = agreements(insides, places, seen)
    assert [(p.first, p.second) for p in pairs] == [
        ("left", "right"), ("left", "top"), ("right", "top")
    ]  # fmt: skip
    assert all(p.away_m < 2e-3 and p.away_deg < 0.6 and p.reprojected_px < 2.0 for p in pairs)
    # One that was bumped by a centimetre shows.
    places["top"] = places["top"].moved(np.array([0.01, 0.0, 0.0]), np.zeros(3))
    bumped = agreements(insides, places, seen)
    assert bumped[0].away_m < 2e-3 and min(bumped[1].away_m, bumped[2].away_m) > 8e-3


def test_one_picture_tells_where_the_board_is():
    inside, rng = camera(), np.random.default_rng(0)
    at = Placement(np.array([-0.05, -0.04, 0.35]), turn(np.array([0.3, -0.2, 0.1])))
    found, residual = board_in_camera(shot(inside, at, rng), inside)
    away_m, away_rad = found.distances(at)
    assert away_m < 5e-4 and np.degrees(away_rad) < 0.3 and residual < 0.3


def test_a_mean_of_placements_is_between_them():
    shift, rotvec = np.array([0.02, 0.0, 0.0]), np.array([0.0, 0.2, 0.0])
    level = Placement(np.zeros(3), np.eye(3))
    mean = mean_placement([level, level.moved(shift, rotvec)])
    half = level.moved(shift / 2, rotvec / 2)
    assert mean.distances(half) == pytest.approx((0.0, 0.0), abs=1e-7)


def test_pictures_that_do_not_suffice_are_refused():
    inside, rng = camera(), np.random.default_rng(1)
    flat = [
        shot(inside, Placement(np.array([-0.07, -0.05, 0.3 + 0.01 * i]), np.eye(3)), rng)
        for i in range(12)
    ]
    with pytest.raises(DataError, match=r"got 3 images with a board, allowed: 12"):
        estimate_intrinsics("left", SIZE, flat[:3])
    with pytest.raises(DataError, match=r"focal length: got \S+ image widths"):
        estimate_intrinsics("left", SIZE, flat)
    with pytest.raises(DataError, match="got no image of the board in its seat"):
        estimate_extrinsics(inside, CONFIG, [])
    assert BOARD.find(np.full((100, 100, 3), 128, np.uint8)) is None


@pytest.mark.parametrize(
    ("kind", "text", "line"),
    [
        (Extrinsics, "camera: left\nposition_m: [0, 0, 1]\nwxyz: [1, 1, 0, 0]\n", "length 1.4142"),
        (Extrinsics, "camera: left\nposition_m: [0, 0, 400]\nwxyz: [1, 0, 0, 0]\n", "position_m"),
        (Intrinsics, "camera: left\nsize: [640, 480]\nfocal: [1, 1]\n", "focal"),
    ],
)
def test_files_are_read_strictly(tmp_path, kind, text, line):
    path = tmp_path / "left.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=line) as found:
        load(kind, path)
    assert str(path) in str(found.value) and "\n" not in str(found.value)
