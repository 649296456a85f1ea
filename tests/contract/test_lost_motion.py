"""Lost motion is one law: numpy and torch give the same bits, and the play operator's laws hold."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from sleight.contract.lost_motion import follow, in_deadband

SEEDS = st.integers(0, 2**32 - 1)


def _path(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(T, A) positions of motors that turn round often, and (A,) half the slack of each."""
    rng = np.random.default_rng(seed)
    return np.cumsum(0.05 * rng.standard_normal((40, 5)), axis=0), 0.1 * rng.random(5)


@given(SEEDS)
def test_numpy_and_torch_agree_to_the_last_bit(seed: int) -> None:
    for dtype in (np.float32, np.float64):
        motors, half = (values.astype(dtype) for values in _path(seed))
        tendon, other = motors[0], torch.from_numpy(motors[0])
        for motor in motors:
            tendon = follow(tendon, motor, half)
            other = follow(other, torch.from_numpy(motor), torch.from_numpy(half))
            assert np.array_equal(tendon, other.numpy())
            rests = in_deadband(torch.from_numpy(motor) - other, 0.03)
            assert np.array_equal(in_deadband(motor - tendon, 0.03), rests.numpy())


@given(SEEDS)
def test_a_tendon_moves_only_when_the_motor_has_left_its_slack(seed: int) -> None:
    motors, half = _path(seed)
    tendon = motors[0]
    for motor in motors:
        before, tendon = tendon, follow(tendon, motor, half)
        inside = abs(motor - before) <= half
        assert np.array_equal(tendon[inside], before[inside])
        np.testing.assert_allclose(abs(motor - tendon)[~inside], half[~inside], atol=1e-12)


def test_motors_rest_inside_the_deadband_and_not_on_its_edge() -> None:
    error = np.array([-0.5, -0.25, 0.0, 0.25, 0.5])
    assert in_deadband(error, 0.5).tolist() == [False, True, True, True, False]
    assert not in_deadband(error, 0.0).any()
