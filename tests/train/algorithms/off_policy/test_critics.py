"""Distributions over values: the projection, the lower of two, and what is said untrained."""

import pytest
import torch

from sleight.train.algorithms.off_policy.critics import Support, TwinCritics

SUPPORT = Support(-4.0, 6.0, 11, torch.device("cpu"))


def test_the_projection_is_that_of_a_loop() -> None:
    rng = torch.Generator().manual_seed(0)
    probability = torch.rand(20, 11, generator=rng).softmax(dim=-1)
    reward = 4 * torch.randn(20, generator=rng)
    discount = torch.rand(20, generator=rng).round(decimals=1)
    expected = torch.zeros(20, 11)
    for row in range(20):
        for atom in range(11):
            value = float(reward[row] + discount[row] * SUPPORT.values[atom])
            place = min(max(value, -4.0), 6.0) + 4.0
            for near in range(11):
                expected[row, near] += probability[row, atom] * max(0.0, 1.0 - abs(place - near))
    got = SUPPORT.project(probability, reward, discount)
    assert torch.allclose(got, expected, atol=1e-5)
    assert torch.allclose(got.sum(dim=-1), torch.ones(20), atol=1e-5)


@pytest.mark.parametrize(("reward", "expected"), [(1.5, 1.5), (6.0, 6.0), (9.0, 6.0), (-7.0, -4.0)])
def test_after_a_termination_the_value_is_the_reward_within_the_range(
    reward: float, expected: float
) -> None:
    even = torch.full((1, 11), 1 / 11)
    target = SUPPORT.project(even, torch.tensor([reward]), torch.zeros(1))
    assert float(target @ SUPPORT.values) == pytest.approx(expected, abs=1e-5)
    assert int((target > 1e-6).sum()) <= 2


def test_values_begin_near_zero_though_the_range_does_not() -> None:
    wide = Support(-40.0, 60.0, 101, torch.device("cpu"))
    critics = TwinCritics(7, (16, 16), wide)
    for logits in critics(torch.randn(30, 5), torch.randn(30, 2)):
        assert logits.shape == (30, 101)
        assert wide.mean(logits).abs().max() < 0.5


def test_lower_is_for_each_state_the_critic_that_expects_less() -> None:
    critics = TwinCritics(3, (8,), SUPPORT)
    with torch.no_grad():
        for network in (critics.first, critics.second):
            network[-1].weight.normal_(std=2.0)
    state, action = torch.randn(50, 2), torch.randn(50, 1)
    both = [logits.softmax(dim=-1) @ SUPPORT.values for logits in critics(state, action)]
    lower = critics.lower(state, action, SUPPORT)
    assert torch.allclose(lower @ SUPPORT.values, torch.minimum(*both), atol=1e-5)
    assert 0 < int((both[0] < both[1]).sum()) < 50
    assert torch.equal(critics.one(state, action), critics(state, action)[0])
