"""The learner's replay of a sequence is the worker's walk through it."""

import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sleight.policies.actor import Actor, forget
from sleight.policies.config import PolicyConfig
from sleight.policies.distributions import Bins, Distribution, Gaussian
from tests.policy_kinds import KINDS, config_of

SIZES = {"joints": 5, "block": 3}
MOTORS = 4


def _actor(memory: str = "lstm", head: str = "bins", seed: int = 0) -> Actor:
    torch.manual_seed(seed)
    actor = Actor(config_of(memory, head, hidden=8, embed=12), SIZES, MOTORS)
    with torch.no_grad():  # the head begins near zero, where nothing could be told apart
        actor.head.weight.mul_(100.0)
    return actor


def _terms(*shape: int, seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(*shape, size, generator=generator) for name, size in SIZES.items()}


def _parameters(distribution: Distribution) -> torch.Tensor:
    if isinstance(distribution, Bins):
        return distribution.log_probs.flatten(-2)
    assert isinstance(distribution, Gaussian)
    return torch.cat((distribution.mean, distribution.log_std), dim=-1)


def _walk(
    actor: Actor,
    terms: dict[str, torch.Tensor],
    carry: tuple[torch.Tensor, ...],
    starts: torch.Tensor,
) -> torch.Tensor:
    found = []
    for step, start in enumerate(starts):
        seen = {name: value[step] for name, value in terms.items()}
        distribution, carry = actor(seen, forget(carry, start))
        found.append(_parameters(distribution))
    return torch.stack(found)


@pytest.mark.parametrize(("memory", "head"), KINDS)
@settings(max_examples=12)
@given(data=st.data())
def test_replay_is_the_walk(memory: str, head: str, data: st.DataObject) -> None:
    length, count = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 6))
    flat = data.draw(st.lists(st.booleans(), min_size=length * count, max_size=length * count))
    starts = torch.tensor(flat).reshape(length, count)
    actor, terms = _actor(memory, head), _terms(length, count)
    carry = tuple(torch.randn_like(part) for part in actor.initial_carry(count))
    walked = _walk(actor, terms, carry, starts)
    replayed = _parameters(actor.unroll(terms, carry, starts))
    torch.testing.assert_close(replayed, walked, atol=1e-5, rtol=1e-5)


def test_a_residual_actor_acts_at_once_on_what_it_sees() -> None:
    actor, seen = _actor("residual"), _terms(2)
    with torch.no_grad():
        for value in actor.memory.parameters():
            value.zero_()  # a memory that says nothing
    mean = _parameters(actor(seen, actor.initial_carry(2))[0])
    assert not torch.allclose(mean[0], mean[1])


def test_a_residual_needs_equal_sizes() -> None:
    with pytest.raises(ValueError, match="hidden_size: got 8, allowed with residual: 12"):
        PolicyConfig(embedding_size=12, hidden_size=8, residual=True)


def test_without_resets_the_carry_reaches_the_end() -> None:
    actor, terms = _actor(), _terms(6, 2)
    starts = torch.zeros(6, 2, dtype=torch.bool)
    carry = tuple(torch.ones(2, 8) for _ in range(2))
    other = tuple(-torch.ones(2, 8) for _ in range(2))
    one, two = (_parameters(actor.unroll(terms, c, starts)) for c in (carry, other))
    assert ((one - two).abs().amax(dim=-1) > 1e-4).all()


def test_a_reset_forgets_everything_before_it_and_nothing_of_others() -> None:
    actor, starts = _actor(), torch.zeros(6, 3, dtype=torch.bool)
    starts[4, 1] = True
    carry = tuple(torch.ones(3, 8) for _ in range(2))
    before, after = _terms(6, 3), _terms(6, 3, seed=1)
    for name, value in before.items():
        after[name][4:] = value[4:]  # the two differ only before the reset
    one = _parameters(actor.unroll(before, carry, starts))
    two = _parameters(actor.unroll(after, tuple(-part for part in carry), starts))
    torch.testing.assert_close(one[4:, 1], two[4:, 1])
    assert ((one[4:, [0, 2]] - two[4:, [0, 2]]).abs().amax(dim=-1) > 1e-4).all()


def test_no_gradient_crosses_a_reset() -> None:
    actor, terms = _actor(), _terms(5, 2)
    starts = torch.zeros(5, 2, dtype=torch.bool)
    starts[3, 0] = True
    inputs = {name: value.clone().requires_grad_() for name, value in terms.items()}
    carry = tuple(torch.zeros(2, 8, requires_grad=True) for _ in range(2))
    _parameters(actor.unroll(inputs, carry, starts))[4].sum().backward()
    for value in inputs.values():
        assert value.grad is not None
        reached = value.grad.abs().amax(dim=-1) > 0  # (L, B)
        assert reached[:, 0].tolist() == [False, False, False, True, True]
        assert reached[:, 1].all()
    for part in carry:
        assert part.grad is not None
        assert (part.grad.abs().amax(dim=-1) > 0).tolist() == [False, True]


def test_forget_zeroes_the_worlds_that_start() -> None:
    carry = (torch.ones(3, 2), 2.0 * torch.ones(3, 2))
    hidden, cell = forget(carry, torch.tensor([True, False, True]))
    assert hidden.tolist() == [[0, 0], [1, 1], [0, 0]]
    assert cell.tolist() == [[0, 0], [2, 2], [0, 0]]


def test_nothing_is_kept_inside() -> None:
    actor, terms = _actor(), _terms(4)
    carry = actor.initial_carry(4)
    first, _ = actor(terms, carry)
    actor(_terms(4, seed=5), carry)
    again, _ = actor(terms, carry)
    assert torch.equal(_parameters(first), _parameters(again))


@pytest.mark.parametrize("std", [0.3, 0.6])
def test_first_actions_have_the_spread_that_the_config_says(std: float) -> None:
    config = PolicyConfig(head="bins", embedding_size=12, hidden_size=8, initial_std=std)
    actor = Actor(config, SIZES, MOTORS)
    distribution, _ = actor(_terms(2000), actor.initial_carry(2000))
    raw = distribution.sample(torch.Generator().manual_seed(0))
    # Bins follow a Gaussian that is cut at +-1, so they are a little narrower.
    grid = torch.linspace(-1, 1, 11)
    weight = torch.softmax(-0.5 * (grid / std) ** 2, dim=0)
    narrower = float((weight * grid**2).sum().sqrt())
    assert float(distribution.action(raw).std()) == pytest.approx(narrower, rel=0.03)
    gaussian = Actor(dataclasses.replace(config, head="gaussian"), SIZES, MOTORS)
    distribution, _ = gaussian(_terms(2000), gaussian.initial_carry(2000))
    assert isinstance(distribution, Gaussian)
    torch.testing.assert_close(distribution.log_std.exp(), torch.full((2000, MOTORS), std))
