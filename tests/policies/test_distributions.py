"""Laws of the two kinds of action distribution."""

import math

import pytest
import torch

from sleight.policies.distributions import Bins, Gaussian


def _bins(*shape: int, seed: int = 0) -> Bins:
    generator = torch.Generator().manual_seed(seed)
    return Bins(2.0 * torch.randn(*shape, generator=generator))


def test_probabilities_of_all_bins_sum_to_one() -> None:
    distribution = _bins(7, 3, 11)
    # One motor's bin varies; the other two stay at bin 0, whose probability divides out.
    total = torch.zeros(7)
    for number in range(11):
        raw = torch.zeros(7, 3, dtype=torch.long)
        raw[:, 1] = number
        total += distribution.log_prob(raw).exp()
    others = distribution.log_prob(torch.zeros(7, 3, dtype=torch.long)).exp()
    first = torch.softmax(_logits(distribution), dim=-1)[:, 1, 0]
    torch.testing.assert_close(total, others / first)


def _logits(distribution: Bins) -> torch.Tensor:
    # Logits are known up to a constant, and log-probabilities are one choice of it.
    return distribution.log_probs


def test_log_prob_and_entropy_agree_with_torch() -> None:
    distribution = _bins(5, 4, 11)
    reference = torch.distributions.Categorical(logits=_logits(distribution))
    raw = torch.randint(11, (5, 4), generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(distribution.log_prob(raw), reference.log_prob(raw).sum(-1))
    torch.testing.assert_close(distribution.entropy(), reference.entropy().sum(-1))
    uniform = Bins(torch.full((2, 4, 11), 3.0))
    torch.testing.assert_close(uniform.entropy(), torch.full((2,), 4 * math.log(11)))


def test_samples_come_as_often_as_they_are_likely() -> None:
    distribution = _bins(1, 2, 11, seed=3)
    many = Bins(_logits(distribution).expand(200_000, 2, 11))
    raw = many.sample(torch.Generator().manual_seed(0))
    assert raw.dtype == torch.long and raw.shape == (200_000, 2)
    for motor in range(2):
        frequency = torch.bincount(raw[:, motor], minlength=11) / len(raw)
        expected = torch.softmax(_logits(distribution), dim=-1)[0, motor]
        # Four standard deviations of a binomial share.
        allowed = 4 * (expected * (1 - expected) / len(raw)).sqrt() + 1e-6
        assert ((frequency - expected).abs() < allowed).all()
    # The motors are drawn apart from each other: the joint share is the product of the shares.
    both = ((raw[:, 0] == 3) & (raw[:, 1] == 5)).float().mean()
    shares = (raw[:, 0] == 3).float().mean() * (raw[:, 1] == 5).float().mean()
    assert abs(both - shares) < 4 * math.sqrt(shares / len(raw))


def test_a_seed_gives_the_same_samples() -> None:
    distribution = _bins(50, 20, 11)
    first, again, other = (
        distribution.sample(torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_mode_is_the_likeliest() -> None:
    distribution = _bins(30, 4, 11)
    best = distribution.log_prob(distribution.mode())
    for seed in range(20):
        assert (distribution.log_prob(distribution.sample(_generator(seed))) <= best).all()


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_eleven_bins_are_a_grid_from_minus_one_to_one() -> None:
    grid = _bins(11, 1, 11).action(torch.arange(11).unsqueeze(-1)).squeeze(-1)
    torch.testing.assert_close(grid, torch.linspace(-1.0, 1.0, 11))
    assert _bins(2, 1, 2).action(torch.tensor([[0], [1]])).flatten().tolist() == [-1.0, 1.0]


def test_gaussian_agrees_with_torch() -> None:
    mean = torch.randn(6, 20, generator=_generator(0))
    log_std = 0.3 * torch.randn(20, generator=_generator(1))
    ours, theirs = Gaussian(mean, log_std), torch.distributions.Normal(mean, log_std.exp())
    raw = ours.sample(_generator(2))
    torch.testing.assert_close(ours.log_prob(raw), theirs.log_prob(raw).sum(-1))
    torch.testing.assert_close(ours.entropy(), theirs.entropy().sum(-1))
    assert torch.equal(ours.mode(), mean)


def test_gaussian_samples_have_its_mean_and_spread() -> None:
    mean, log_std = torch.tensor([[0.4, -2.0]]), torch.tensor([-1.0, 0.5])
    raw = Gaussian(mean.expand(100_000, 2), log_std).sample(_generator(0))
    std = log_std.exp()
    assert ((raw.mean(0) - mean[0]).abs() < 4 * std / math.sqrt(100_000)).all()
    assert ((raw.std(0) / std - 1).abs() < 4 / math.sqrt(2 * 100_000)).all()


def test_gaussian_actions_are_clipped_and_scores_are_not() -> None:
    distribution = Gaussian(torch.zeros(1, 2), torch.zeros(2))
    assert distribution.action(torch.tensor([[3.0, -0.5]])).tolist() == [[1.0, -0.5]]
    far = distribution.log_prob(torch.tensor([[3.0, 0.0]]))
    assert far < distribution.log_prob(torch.tensor([[1.0, 0.0]]))


@pytest.mark.parametrize("head", ["bins", "gaussian"])
def test_the_gradient_of_a_sum_over_actions_is_nothing(head: str) -> None:
    """E[grad log p] = 0 for any distribution; for bins the sum over all bins gives it exactly."""
    if head == "bins":
        logits = torch.randn(1, 1, 11, generator=_generator(0)).requires_grad_()
        every = Bins(logits.expand(11, 1, 11))
        raw = torch.arange(11).unsqueeze(-1)
        weight = every.log_prob(raw).exp().detach()
        (weight * every.log_prob(raw)).sum().backward()
        assert logits.grad is not None
        assert logits.grad.abs().max() < 1e-6
        return
    mean = torch.zeros(1, requires_grad=True)
    log_std = torch.zeros(1, requires_grad=True)
    distribution = Gaussian(mean.expand(400_000, 1), log_std)
    distribution.log_prob(distribution.sample(_generator(0)).detach()).mean().backward()
    assert mean.grad is not None and log_std.grad is not None
    # Standard deviations of the two scores are 1 and sqrt(2).
    assert mean.grad.abs() < 4 / math.sqrt(400_000)
    assert log_std.grad.abs() < 4 * math.sqrt(2 / 400_000)
