"""Cameras by their laws: rotations, placements, projection."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sleight.vision.config import CamerasConfig
from sleight.vision.geometry import (
    Pinhole,
    Placement,
    angle_between,
    cube_rotations,
    looking_at,
    matrix_of,
    turn,
    wxyz_of,
)

vectors = st.tuples(*[st.floats(-3, 3)] * 3).map(np.array)


@given(vectors)
def test_quaternions_and_matrices_are_the_same_rotations(rotvec):
    matrix = turn(rotvec)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-12)
    wxyz = wxyz_of(matrix)
    assert wxyz[0] >= 0
    np.testing.assert_allclose(matrix_of(wxyz), matrix, atol=1e-7)


def test_a_quarter_turn_about_z_takes_x_to_y():
    quarter = turn(np.array([0.0, 0.0, np.pi / 2]))
    np.testing.assert_allclose(quarter @ [1, 0, 0], [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(wxyz_of(quarter), [0.5**0.5, 0, 0, 0.5**0.5], atol=1e-9)


@given(vectors, vectors)
def test_angles_between_rotations(a, b):
    first, second = turn(a), turn(b)
    trace = np.clip((np.trace(first.T @ second) - 1) / 2, -1, 1)
    assert angle_between(first, second) == pytest.approx(np.arccos(trace), abs=1e-6)


@given(vectors, vectors, vectors)
def test_placements_compose_and_invert(shift, rotvec, point):
    outer = Placement(shift, turn(rotvec))
    inner = Placement(point, turn(shift))
    through = outer.to_palm(inner.to_palm(point))
    np.testing.assert_allclose(outer.after(inner).to_palm(point), through, atol=1e-9)
    np.testing.assert_allclose(outer.inverse().to_palm(outer.to_palm(point)), point, atol=1e-9)
    np.testing.assert_allclose(outer.from_palm(outer.to_palm(point)), point, atol=1e-9)


def test_a_camera_sees_its_target_in_the_middle_and_up_above():
    cameras = CamerasConfig()
    pinhole = cameras.pinhole
    for view in cameras.views.values():
        at, target = view.placement(), np.array(view.target_m)
        np.testing.assert_allclose(pinhole.project(at, target), pinhole.centre_px, atol=1e-9)
        above = pinhole.project(at, target + 0.01 * np.array(view.up))
        assert above[1] < pinhole.centre_px[1] and abs(above[0] - pinhole.centre_px[0]) < 1e-6
        assert np.linalg.det(at.rotation) == pytest.approx(1.0)


def test_the_field_of_view_spans_the_picture():
    pinhole = Pinhole.of_fov(100, 60, 40.0)
    at = looking_at((0.0, -1.0, 0.0), (0.0, 0.0, 0.0))
    # 1 m away, half of 40 degrees up: tan(20 deg) m.
    np.testing.assert_allclose(
        pinhole.project(at, np.array([0.0, 0.0, np.tan(np.radians(20))])), [50, 0], atol=1e-9
    )
    # OpenCV counts from the middle of the first pixel.
    assert pinhole.matrix[0, 2] == 49.5


def test_the_matrix_of_a_camera_projects_to_halves_of_the_picture():
    pinhole = Pinhole(100, 60, (90.0, 95.0), (48.0, 33.0))
    at = looking_at((0.1, -0.4, 0.3), (0.02, 0.0, 0.05))
    points = np.random.default_rng(0).normal(0.0, 0.1, (7, 3))
    seen = np.c_[points, np.ones(7)] @ pinhole.camera_matrix(at).T
    pixels = (seen[:, :2] / seen[:, 2:] + 1.0) * np.array([50.0, 30.0])
    np.testing.assert_allclose(pixels, pinhole.project(at, points), atol=1e-9)


def test_the_cube_has_24_rotations_closed_under_products():
    group = cube_rotations()
    assert len(group) == 24
    keys = {tuple(matrix.ravel().round().astype(int)) for matrix in group}
    products = {tuple((a @ b).ravel().round().astype(int)) for a in group for b in group}
    assert len(keys) == 24 and products == keys
