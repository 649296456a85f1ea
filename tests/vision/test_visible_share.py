"""How much of the object the hand leaves visible."""

import numpy as np
import pytest

from sleight.vision.config import CameraJitter
from sleight.vision.geometry import Placement
from sleight.vision.renders.random_looks import Views, draw_views
from sleight.vision.renders.visible_share import VisibleShare
from tests.vision.conftest import home_states


@pytest.fixture(scope="module")
def share(renders):
    with VisibleShare(renders) as opened:
        yield opened


def nominal(share) -> Views:
    cameras = share._config.cameras
    return draw_views(cameras, CameraJitter().scaled(0.0), np.random.default_rng(0))


def state(height_m: float) -> np.ndarray:
    (qpos,) = home_states(1)
    qpos[24:27] = (0.0, -0.04, height_m)
    return qpos


def test_without_the_hand_in_front_all_of_it_is_visible(share):
    assert share.of_state(state(0.12), nominal(share)) == 1.0


def test_the_hand_in_front_hides_it(share):
    """Below the palm the camera above sees nothing of it: at most two of three views are left."""
    assert share.of_state(state(-0.06), nominal(share)) < 0.5
    held = share.of_state(state(0.03), nominal(share))
    assert 0.5 < held < 1.0


def test_a_picture_without_the_object_counts_as_none_of_it(share):
    views = nominal(share)
    away = Placement(views.true[0].position, views.true[0].rotation @ np.diag([-1.0, 1.0, -1.0]))
    turned = Views(views.calibrated, (away, *views.true[1:]), views.fovy_deg)
    assert share.of_state(state(0.12), turned) == pytest.approx(2 / 3)


def test_a_sample_has_the_state_and_the_cameras_of_its_picture(share, renders):
    number = 7  # in the second shard
    arrays = {name: x[number - renders.sizes[0]] for name, x in renders.shard(1).items()}
    qpos = np.concatenate([arrays[k] for k in ("joint_position", "position", "wxyz")])
    pairs = zip(arrays["true_position"], arrays["true_rotation"], strict=True)
    true = tuple(Placement(position, rotation) for position, rotation in pairs)
    expected = share.of_state(qpos, Views(true, true, arrays["true_fovy_deg"]))
    assert share.of_sample(number) == pytest.approx(expected, abs=0.01)
