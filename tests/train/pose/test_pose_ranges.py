"""Errors of a pose network as ranges for training, by hand."""

import numpy as np
import pytest

from sleight.config import load
from sleight.train.config import TrainConfig
from sleight.train.pose.pose_evaluation import Judgement
from sleight.train.pose.pose_ranges import pose_yaml
from sleight.vision.scores import PoseErrors


def judged(count):
    """Errors of 2 mm along each axis and of 0.05 rad, predicted half as large; looks of 8 ms."""
    moved, turned = np.full(count, 2.0 * 3**0.5), np.full(count, np.degrees(0.05))
    errors = PoseErrors(moved, turned, turned)
    halves = np.full(count, 0.5e-3 * moved[0]), np.full(count, 0.025)
    return Judgement(errors, errors, *halves, np.full(count, 0.008))


def test_training_takes_the_errors(tmp_path):
    path = tmp_path / "eyes.yaml"
    path.write_text(pose_yaml(judged(20), "block_cameras", 0.08))
    ranges = load(TrainConfig, path).env.randomization
    assert ranges["observation.noise"] == pytest.approx((0.5, 2.0))
    assert ranges["observation.delay"] == pytest.approx((0.1, 0.1))
    assert "# error of the position along an axis: 2 to 2 mm" in path.read_text()


def test_too_few_give_no_range(tmp_path):
    path = tmp_path / "eyes.yaml"
    path.write_text(pose_yaml(judged(5), "block_cameras", 0.08))
    assert load(TrainConfig, path).env.randomization == {}


def test_predicted_errors_are_corrected_and_the_most_doubtful_do_not_count():
    found = judged(200)
    assert found.factors == pytest.approx((2.0, 2.0))
    assert found.limits == pytest.approx((2e-3 * 3**0.5, 0.05))
    found.error_m[0], found.errors.position_mm[0] = 10.0, 1e4
    assert found.factors == pytest.approx((2.0, 2.0))
    found.error_m[0] = np.inf
    assert found.factors == pytest.approx((2.0, 2.0))
    found.errors.rotation_deg[:50] = 90.0  # another face is up: no matter of precision
    assert found.factors == pytest.approx((2.0, 2.0))
