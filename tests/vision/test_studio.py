"""What is where in the pictures, and what changes from one to the next."""

import numpy as np
import pytest

from sleight.vision.config import CameraJitter, CamerasConfig, LooksConfig
from sleight.vision.geometry import matrix_of, wxyz_of
from sleight.vision.renders.random_looks import draw_views
from sleight.vision.renders.studio import Studio
from tests.vision.conftest import home_states

CAMERAS = CamerasConfig(image_px=96)
COLOURS = {0: (211, 63, 63), 2: (44, 150, 93), 4: (242, 196, 48)}
"""Of the faces +x, +y and +z."""


@pytest.fixture(scope="module")
def studio(can_render):
    with Studio(CAMERAS) as opened:
        yield opened


@pytest.fixture
def nominal(studio):
    """The studio in its nominal light."""
    rng = np.random.default_rng(0)
    studio.dress(LooksConfig(shadow_share=0.0).scaled(0.0), rng)
    studio.stand(draw_views(CAMERAS, CameraJitter().scaled(0.0), rng))
    return studio


def _qpos(position, wxyz=(1.0, 0.0, 0.0, 0.0)):
    qpos = home_states(1)[0]
    qpos[24:27], qpos[27:] = position, wxyz
    return qpos


def _centre(picture, colour, tolerance=0.12):
    """(column, row) of the middle of the pixels whose hue is `colour`'s."""
    light = picture / np.maximum(picture.sum(axis=-1, keepdims=True), 1)
    wanted = np.array(colour) / sum(colour)
    rows, columns = np.nonzero(np.abs(light - wanted).sum(axis=-1) < tolerance)
    assert len(rows) > 10, "the face is not seen"
    return np.array([columns.mean() + 0.5, rows.mean() + 0.5])


def test_faces_appear_where_a_pinhole_puts_them(nominal):
    """High above the hand, so that nothing covers the block: one face straight at each camera."""
    position = np.array([0.01, -0.04, 0.06])
    for view, config in enumerate(CAMERAS.views.values()):
        at = config.placement()
        for face, colour in COLOURS.items():
            # The face's axis to the camera, the others anyhow, but right-handed.
            axis = -at.rotation[:, 2]
            side = at.rotation @ [np.cos(0.3), np.sin(0.3), 0.0]
            columns = np.roll([axis, side, np.cross(axis, side)], face // 2, axis=0).T
            wxyz = wxyz_of(columns)
            np.testing.assert_allclose(matrix_of(wxyz)[:, face // 2], axis, atol=1e-6)
            picture = nominal.shoot(_qpos(position, wxyz))[view]
            expected = CAMERAS.pinhole.project(at, position + 0.0285 * axis)
            np.testing.assert_allclose(_centre(picture, colour), expected, atol=1.5)


def test_strength_zero_is_one_look_and_strength_one_is_many(studio):
    qpos = _qpos((0.0, -0.05, 0.045))

    def shot(strength, seed):
        rng = np.random.default_rng(seed)
        studio.dress(LooksConfig(shadow_share=0.0).scaled(strength), rng)
        studio.stand(draw_views(CAMERAS, CameraJitter().scaled(strength), rng))
        return studio.shoot(qpos).astype(int)

    assert np.abs(shot(0.0, 1) - shot(0.0, 2)).mean() < 3.0
    assert np.abs(shot(1.0, 1) - shot(1.0, 2)).mean() > 20.0
    np.testing.assert_array_equal(shot(1.0, 3), shot(1.0, 3))


def test_what_a_calibration_tells_is_near_the_truth():
    jitter = CameraJitter()
    for seed in range(50):
        views = draw_views(CAMERAS, jitter, np.random.default_rng(seed))
        for view, calibrated, true in zip(
            CAMERAS.views.values(), views.calibrated, views.true, strict=True
        ):
            away, angle = calibrated.distances(view.placement())
            assert away <= jitter.placement_m * 3**0.5
            assert angle <= np.radians(jitter.placement_deg) + 1e-9
            away, angle = true.distances(calibrated)
            assert 0.0 < away <= jitter.error_m * 3**0.5
            assert angle <= np.radians(jitter.error_deg) + 1e-9


def test_the_blocks_colours_stay_near_their_calibrated_ones(studio):
    looks = LooksConfig()
    nominal = studio.stage.paint.faces.reshape(6, -1, 3).mean(axis=1)
    for seed in range(20):
        studio.dress(looks, np.random.default_rng(seed))
        faces = studio.stage.texture("block").reshape(6, -1, 3).mean(axis=1)
        ratio = faces.sum(axis=1) / nominal.sum(axis=1)
        assert (abs(ratio - 1) < looks.block_value + 0.02).all()
