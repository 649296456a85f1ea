"""What a teacher says, in the student's form: kept where it can be, and compared by KL."""

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from sleight.policies.config import PolicyConfig
from sleight.policies.distributions import Bins, Distribution, Gaussian
from sleight.policies.imitation import describe, divergence

GENERATOR = torch.Generator().manual_seed(0)
GAUSSIAN = PolicyConfig(head="gaussian")


def _normal(*shape: int) -> Tensor:
    return torch.empty(*shape).normal_(generator=GENERATOR)


def _gaussian(scale: float = 0.3) -> Gaussian:
    return Gaussian(scale * _normal(5, 4), 0.3 * _normal(4) - 1.0)


def _bins(count: int) -> Bins:
    return Bins(2.0 * _normal(5, 4, count))


def _centres(count: int) -> Tensor:
    return torch.linspace(-1.0, 1.0, count)


def test_between_gaussians_it_is_the_textbooks() -> None:
    teacher, student = _gaussian(), _gaussian()
    pair = [Normal(each.mean, each.log_std.exp()) for each in (teacher, student)]
    expected = kl_divergence(*pair).sum(dim=-1)
    torch.testing.assert_close(divergence(describe(teacher, GAUSSIAN), student), expected)


@pytest.mark.parametrize(
    ("distribution", "config"),
    [(_gaussian(), GAUSSIAN), (_bins(11), PolicyConfig(head="bins"))],
)
def test_who_says_the_same_is_nowhere_apart(
    distribution: Distribution, config: PolicyConfig
) -> None:
    apart = divergence(describe(distribution, config), distribution)
    torch.testing.assert_close(apart, torch.zeros(5), atol=1e-5, rtol=0)


@pytest.mark.parametrize("teacher", [_gaussian(), _bins(7), _bins(11)])
@pytest.mark.parametrize("student", [_gaussian(), _bins(11), _bins(5)])
def test_any_head_can_teach_any_other(teacher: Distribution, student: Distribution) -> None:
    """Steps against the gradient bring a student of either head to its teacher."""
    bins = student.log_probs.shape[-1] if isinstance(student, Bins) else 11
    head = "bins" if isinstance(student, Bins) else "gaussian"
    config = PolicyConfig(head=head, bins=bins)  # type: ignore[arg-type]  # one of the two
    told = describe(teacher, config)
    logits, log_std = torch.zeros(5, 4, bins), torch.zeros(5, 4)
    mean = torch.zeros(5, 4)
    weights = [logits] if head == "bins" else [mean, log_std]
    for weight in weights:
        weight.requires_grad_()
    optimizer = torch.optim.Adam(weights, lr=0.1)
    first = None
    for _ in range(200):
        apart = divergence(told, Bins(logits) if head == "bins" else Gaussian(mean, log_std))
        assert (apart >= -1e-4).all()
        first = apart.mean().item() if first is None else first
        optimizer.zero_grad()
        apart.mean().backward()
        optimizer.step()
    assert apart.mean().item() < 0.02 * first


def test_bins_of_a_gaussian_hold_what_its_clipped_actions_are() -> None:
    teacher = Gaussian(torch.tensor([[0.05, 3.0, -0.9]]), torch.tensor([0.2, 0.2, 0.2]).log())
    told = describe(teacher, PolicyConfig(head="bins", bins=11))["probability"]
    torch.testing.assert_close(told.sum(dim=-1), torch.ones(1, 3))
    drawn = teacher.action(
        Gaussian(teacher.mean.expand(200_000, 3), teacher.log_std[0]).sample(GENERATOR)
    )
    nearest = ((drawn + 1.0) * 5.0).round().long()
    counted = torch.stack([torch.bincount(column, minlength=11) for column in nearest.T])
    torch.testing.assert_close(told[0], counted / 200_000, atol=0.005, rtol=0)


@pytest.mark.parametrize("bins", [5, 7, 21])
def test_other_bins_keep_the_mean(bins: int) -> None:
    teacher = _bins(11)
    told = describe(teacher, PolicyConfig(head="bins", bins=bins))["probability"]
    torch.testing.assert_close(told.sum(dim=-1), torch.ones(5, 4))
    mean = (teacher.log_probs.exp() * _centres(11)).sum(dim=-1)
    torch.testing.assert_close((told * _centres(bins)).sum(dim=-1), mean)


def test_a_gaussian_of_bins_has_their_spread() -> None:
    # Half at -0.2, half at 0.2: variance 0.04, and that of a bin's width of 0.2, 0.04 / 12.
    logits = torch.full((1, 1, 11), -50.0)
    logits[..., 4] = logits[..., 6] = 0.0
    told = describe(Bins(logits), GAUSSIAN)
    torch.testing.assert_close(told["mean"], torch.zeros(1, 1), atol=1e-6, rtol=0)
    torch.testing.assert_close(told["std"], torch.tensor([[(0.04 + 0.04 / 12) ** 0.5]]))


def test_means_far_beyond_the_largest_action_are_not_chased() -> None:
    teacher = Gaussian(torch.tensor([[7.0, -1.2]]), torch.tensor([0.1, 0.2]).log())
    told = describe(teacher, GAUSSIAN)["mean"]
    torch.testing.assert_close(told, torch.tensor([[1.2, -1.2]]))
