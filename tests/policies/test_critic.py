"""The critic keeps its values when its scale follows the returns."""

import torch

from sleight.policies.config import PolicyConfig
from sleight.policies.critic import Critic

SIZES = {"state": 6, "world": 2}
CONFIG = PolicyConfig(critic_layers=(32, 16))


def _terms(*shape: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {name: torch.randn(*shape, size, generator=generator) for name, size in SIZES.items()}


def test_rescaling_keeps_every_value() -> None:
    critic = Critic(CONFIG, SIZES)
    terms = _terms(40)
    before = critic.value(terms).detach()
    for scale, shift in ((3.0, 10.0), (0.01, -5.0), (100.0, 0.0)):
        returns = shift + scale * torch.randn(500, generator=torch.Generator().manual_seed(1))
        critic.update_scale(returns.mean(), returns.std(), rate=0.5)
        after = critic.value(terms).detach()
        torch.testing.assert_close(after, before, atol=1e-4 * float(critic.std), rtol=1e-4)


def test_the_scale_goes_to_the_returns_mean_and_spread() -> None:
    critic = Critic(CONFIG, SIZES)
    returns = 7.0 + 3.0 * torch.randn(1000, generator=torch.Generator().manual_seed(1))
    critic.update_scale(returns.mean(), returns.std(), rate=0.25)
    # From mean 0 and spread 1, a quarter of the way.
    torch.testing.assert_close(critic.mean, 0.25 * returns.mean())
    torch.testing.assert_close(critic.std, 0.75 + 0.25 * returns.std())
    for _ in range(100):
        critic.update_scale(returns.mean(), returns.std(), rate=0.25)
    torch.testing.assert_close(critic.mean, returns.mean())
    torch.testing.assert_close(critic.std, returns.std())


def test_equal_returns_do_not_divide_by_nothing() -> None:
    critic = Critic(CONFIG, SIZES)
    for _ in range(300):
        critic.update_scale(torch.tensor(0.0), torch.tensor(0.0))
    assert critic.value(_terms(8)).isfinite().all()
    assert float(critic.std) >= 0.99e-2


def test_one_value_per_state() -> None:
    critic = Critic(CONFIG, SIZES)
    terms = _terms(3, 5)
    value = critic(terms)
    assert value.shape == (3, 5)
    alone = critic({name: term[1:2, 2] for name, term in terms.items()})
    torch.testing.assert_close(alone, value[1:2, 2])
