"""Rotations by their laws."""

import math

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from sleight.envs.mdp import rotations as R
from sleight.envs.sim.draws import Draws

EPS = 1e-6
# Rotations in float64, so that the laws can be held to tightly.
numbers = st.floats(-1.0, 1.0, allow_nan=False)


@st.composite
def quaternions(draw):
    values = torch.tensor([draw(numbers) for _ in range(4)], dtype=torch.float64)
    assume(values.norm() > 0.1)
    return R.normalize(values)


@st.composite
def vectors(draw):
    return torch.tensor([draw(numbers) for _ in range(3)], dtype=torch.float64)


def same(p, q):
    """The same rotation: equal, or opposite quaternions."""
    # The group's square roots are kept in float32.
    return bool(((p * q).sum(-1).abs() > 1 - 1e-7).all())


IDENTITY = torch.tensor([1.0, 0.0, 0.0, 0.0], dtype=torch.float64)
GROUP = R.CUBE_GROUP.double() / R.CUBE_GROUP.double().norm(dim=-1, keepdim=True)


@given(quaternions(), quaternions(), quaternions())
def test_the_product_is_associative_and_of_unit_length(p, q, r):
    torch.testing.assert_close(
        R.multiply(R.multiply(p, q), r), R.multiply(p, R.multiply(q, r)), atol=1e-12, rtol=0
    )
    assert R.multiply(p, q).norm().item() == pytest.approx(1.0)


@given(quaternions())
def test_identity_and_inverse(q):
    torch.testing.assert_close(R.multiply(q, IDENTITY), q)
    torch.testing.assert_close(R.multiply(IDENTITY, q), q)
    torch.testing.assert_close(R.multiply(q, R.conjugate(q)), IDENTITY, atol=1e-12, rtol=0)


def test_the_product_by_hand():
    # A quarter turn about z, then one about x: i j = k.
    half = math.sqrt(0.5)
    about_x, about_z = torch.tensor([half, half, 0, 0]), torch.tensor([half, 0, 0, half])
    torch.testing.assert_close(R.multiply(about_x, about_z), torch.tensor([0.5, 0.5, -0.5, 0.5]))
    i, j = torch.tensor([0.0, 1, 0, 0]), torch.tensor([0.0, 0, 1, 0])
    torch.testing.assert_close(R.multiply(i, j), torch.tensor([0.0, 0, 0, 1]))


@given(quaternions(), quaternions(), vectors())
def test_the_product_turns_by_one_after_the_other(p, q, v):
    torch.testing.assert_close(
        R.rotate(R.multiply(p, q), v), R.rotate(p, R.rotate(q, v)), atol=1e-12, rtol=0
    )


@given(quaternions(), vectors())
def test_turning_keeps_lengths(q, v):
    assert R.rotate(q, v).norm().item() == pytest.approx(v.norm().item(), abs=1e-12)


@given(vectors())
def test_rotation_vectors_and_back(rotvec):
    assume(rotvec.norm() < math.pi - 1e-3)
    torch.testing.assert_close(R.to_rotvec(R.from_rotvec(rotvec)), rotvec, atol=1e-9, rtol=0)


@given(quaternions())
def test_quaternions_and_back(q):
    assert same(R.from_rotvec(R.to_rotvec(q)), q)
    assert R.to_rotvec(q).norm().item() == pytest.approx(R.angle(q).item(), abs=1e-9)
    assert R.angle(q) <= math.pi + EPS


def test_no_rotation_has_the_zero_vector():
    zero = torch.zeros(3)
    assert torch.equal(R.to_rotvec(R.from_rotvec(zero)), zero)
    assert R.angle(R.from_rotvec(zero)) == 0.0


@given(quaternions())
def test_columns_are_the_turned_axes(q):
    axes = torch.eye(3, dtype=torch.float64)
    wanted = torch.cat((R.rotate(q, axes[0]), R.rotate(q, axes[1])))
    torch.testing.assert_close(R.to_columns(q), wanted, atol=1e-12, rtol=0)


@given(quaternions())
def test_a_rotation_is_read_from_its_columns(q):
    columns = R.to_columns(q)
    found = R.from_columns(columns)
    assert found[0] >= 0
    torch.testing.assert_close(R.to_columns(found), columns, atol=1e-12, rtol=0)
    assert R.distance(found, q) < 1e-9


@pytest.mark.parametrize("axis", range(3))
def test_half_turns_are_read_from_their_columns(axis):
    half = torch.zeros(4, dtype=torch.float64)
    half[1 + axis] = 1.0
    assert R.distance(R.from_columns(R.to_columns(half)), half) < 1e-12


@given(quaternions())
def test_positive_is_the_same_rotation(q):
    assert R.positive(q)[0] >= 0
    assert same(R.positive(q), q)


@given(quaternions(), quaternions())
def test_between_leads_from_start_to_end(start, end):
    turn = R.between(start, end)
    assert turn[0] >= 0
    assert same(R.multiply(turn, start), end)


@given(quaternions(), quaternions(), quaternions())
def test_distance_is_a_metric_that_turning_both_leaves_alone(p, q, r):
    pq = R.distance(p, q).item()
    assert R.distance(p, p).item() < EPS
    assert 0 <= pq <= math.pi + EPS
    assert pq == pytest.approx(R.distance(q, p).item(), abs=EPS)
    assert pq <= R.distance(p, r).item() + R.distance(r, q).item() + EPS
    for moved in (
        (R.multiply(r, p), R.multiply(r, q)),
        (R.multiply(p, r), R.multiply(q, r)),
        (-p, q),
    ):
        assert R.distance(*moved).item() == pytest.approx(pq, abs=EPS)


def test_distance_is_the_angle_turned_by():
    start = R.random_rotation(1, Draws(0)).squeeze(0)
    turned = R.multiply(R.from_rotvec(torch.tensor([0.0, 0.7, 0.0])), start)
    assert R.distance(start, turned).item() == pytest.approx(0.7, abs=1e-5)


@given(st.floats(-math.pi, math.pi))
def test_yaw(angle):
    turn = R.about_z(torch.tensor(angle, dtype=torch.float64))
    x = R.rotate(turn, torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64))
    wanted = torch.tensor([math.cos(angle), math.sin(angle), 0.0], dtype=torch.float64)
    torch.testing.assert_close(x, wanted, atol=1e-12, rtol=0)


def test_random_rotations_are_uniform():
    q = R.random_rotation(4000, Draws(1))
    torch.testing.assert_close(q.norm(dim=-1), torch.ones(4000))
    # Haar measure: the angle's distribution function is (t - sin t) / pi.
    angle = R.angle(q).sort().values
    law = (angle - angle.sin()) / math.pi
    steps = torch.arange(1, 4001) / 4000
    assert (law - steps).abs().max() < 1.63 / math.sqrt(4000)  # Kolmogorov, 1 %


def test_the_cubes_group_has_24_rotations():
    assert len(GROUP) == 24 and torch.equal(R.CUBE_GROUP[0], IDENTITY.float())
    near = (GROUP @ GROUP.T).abs() > 1 - EPS
    assert torch.equal(near, torch.eye(24, dtype=torch.bool))


def test_the_cubes_group_is_closed():
    products = R.multiply(GROUP.unsqueeze(1), GROUP.unsqueeze(0)).reshape(-1, 4)
    found = (products @ GROUP.T).abs() > 1 - EPS
    assert (found.sum(dim=1) == 1).all()
    inverses = (R.conjugate(GROUP) @ GROUP.T).abs() > 1 - EPS
    assert (inverses.sum(dim=1) == 1).all()


def test_the_cubes_group_maps_axes_to_axes():
    axes = R.rotate(GROUP.unsqueeze(1), torch.eye(3, dtype=torch.float64).expand(24, 3, 3))
    ones = torch.ones(24, 3, dtype=torch.float64)
    torch.testing.assert_close(axes.abs().amax(dim=-1), ones)
    torch.testing.assert_close(axes.norm(dim=-1), ones)


@given(quaternions(), st.integers(0, 23))
def test_reducing_forgets_which_face_is_which(q, face):
    reals = R.multiply(q, GROUP)[:, 0].abs().sort(descending=True).values
    assume(reals[0] - reals[1] > 1e-6)  # on the border of the domain either choice is right
    assert same(R.reduce_by_cube(R.multiply(q, GROUP[face])), R.reduce_by_cube(q))


@given(quaternions())
def test_reducing_takes_the_nearest_of_the_24(q):
    reduced = R.reduce_by_cube(q)
    assert reduced[0] >= 0
    orbit = R.multiply(q, GROUP)
    assert any(same(reduced, other) for other in orbit)
    assert R.angle(reduced) <= R.angle(orbit).min() + EPS
    # No two cubes differ by more (Handscomb 1958): 62.8 degrees.
    assert math.degrees(R.angle(reduced).item()) < 62.81


def test_everything_works_on_batches_and_keeps_the_type():
    rng = Draws(2)
    for dtype in (torch.float32, torch.float64):
        q = R.random_rotation(6, rng).to(dtype).view(2, 3, 4)
        p = R.random_rotation(3, rng).to(dtype)
        product = R.multiply(q, p)
        assert product.shape == (2, 3, 4) and product.dtype == dtype
        for function, size in ((R.to_columns, 6), (R.reduce_by_cube, 4), (R.to_rotvec, 3)):
            torch.testing.assert_close(R.from_columns(R.to_columns(q)), R.positive(q))
            found = function(q)
            assert found.shape == (2, 3, size) and found.dtype == dtype
            torch.testing.assert_close(found[1, 2], function(q[1, 2]))
