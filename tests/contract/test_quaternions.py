"""Rotations in numpy by their laws, and against those of training."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sleight.contract import quaternions as r
from sleight.envs.mdp import rotations as envs_rotations

QUATERNION = (
    arrays(np.float64, 4, elements=st.floats(-1, 1))
    .filter(lambda q: np.linalg.norm(q) > 0.1)
    .map(r.canonical)
)
VECTOR = arrays(np.float64, 3, elements=st.floats(-1, 1))


@given(QUATERNION, QUATERNION, VECTOR)
def test_group_laws(p, q, v):
    one = np.array([1.0, 0.0, 0.0, 0.0])
    np.testing.assert_allclose(r.multiply(p, r.conjugate(p)), one, atol=1e-12)
    np.testing.assert_allclose(
        r.rotate(r.multiply(p, q), v), r.rotate(p, r.rotate(q, v)), atol=1e-12
    )
    assert r.distance(p, q) == pytest.approx(r.distance(q, p), abs=1e-7)
    ours, theirs = r.distance(p, q), envs_rotations.distance(*map(torch.tensor, (p, q)))
    assert ours == pytest.approx(float(theirs), abs=1e-6)


@pytest.mark.parametrize("face", range(6))
def test_each_face_comes_up(face):
    normal = np.zeros(3)
    normal[face // 2] = 1.0 - 2.0 * (face % 2)
    np.testing.assert_allclose(r.rotate(r.FACE_TO_UP[face], normal), [0, 0, 1], atol=1e-12)
    assert r.face_up(r.FACE_TO_UP[face]) == face
