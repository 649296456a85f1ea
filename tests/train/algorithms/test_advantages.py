"""Generalized advantage estimation by hand, by its limits, and across episodes."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from sleight.train.rollout.batch import advantages


def _column(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64).unsqueeze(-1)


def _flags(*values: int) -> torch.Tensor:
    return torch.tensor(values).bool().unsqueeze(-1)


def test_three_steps_by_hand() -> None:
    # gamma = 0.5, lambda = 0.5, so the sum goes on with 0.25.
    # delta: 1 + 0.5 * 2 - 4 = -2;  2 + 0.5 * 6 - 2 = 3;  3 + 0.5 * 8 - 6 = 1
    # advantage: 1;  3 + 0.25 * 1 = 3.25;  -2 + 0.25 * 3.25 = -1.1875
    advantage, returns = advantages(
        _column(1, 2, 3), _column(4, 2, 6, 8), _column(0, 0, 0), _flags(0, 0, 0), _flags(0, 0, 0),
        0.5, 0.5,
    )  # fmt: skip
    assert advantage.flatten().tolist() == [-1.1875, 3.25, 1.0]
    assert returns.flatten().tolist() == [2.8125, 5.25, 7.0]


def test_a_termination_is_worth_nothing_afterwards() -> None:
    # The episode ends at the middle step. delta there: 2 - 2 = 0 (its next value, 6, is another's);
    # the first step: 1 + 0.5 * 2 - 4 = -2, then + 0.25 * 0.
    advantage, _ = advantages(
        _column(1, 2, 3), _column(4, 2, 6, 8), _column(9, 9, 9), _flags(0, 1, 0), _flags(0, 0, 0),
        0.5, 0.5,
    )  # fmt: skip
    assert advantage.flatten().tolist() == [-2.0, 0.0, 1.0]


def test_a_truncation_is_worth_the_value_of_the_state_that_was_cut_short() -> None:
    # As above, but the middle step goes on to a state worth 10: delta = 2 + 0.5 * 10 - 2 = 5,
    # and the first step gets -2 + 0.25 * 5 = -0.75.
    advantage, returns = advantages(
        _column(1, 2, 3), _column(4, 2, 6, 8), _column(9, 10, 9), _flags(0, 0, 0), _flags(0, 1, 0),
        0.5, 0.5,
    )  # fmt: skip
    assert advantage.flatten().tolist() == [-0.75, 5.0, 1.0]
    assert returns.flatten().tolist() == [3.25, 7.0, 7.0]


def _random(seed: int, length: int, worlds: int = 3) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)

    def normal(rows: int) -> torch.Tensor:
        return torch.randn(rows, worlds, generator=generator, dtype=torch.float64)

    ends = torch.rand(length, worlds, generator=generator)
    return {
        "reward": normal(length),
        "value": normal(length + 1),
        "final_value": normal(length),
        "terminated": ends < 0.15,
        "truncated": (ends >= 0.15) & (ends < 0.3),
    }


@given(st.integers(0, 200), st.integers(1, 12))
def test_with_lambda_one_the_returns_are_discounted_sums(seed: int, length: int) -> None:
    batch, gamma = _random(seed, length), 0.9
    _, returns = advantages(**batch, gamma=gamma, gae_lambda=1.0)
    for world in range(3):
        for first in range(length):
            total, weight = 0.0, 1.0
            for step in range(first, length):
                total += weight * float(batch["reward"][step, world])
                weight *= gamma
                if batch["terminated"][step, world]:
                    break
                if batch["truncated"][step, world]:
                    total += weight * float(batch["final_value"][step, world])
                    break
            else:
                total += weight * float(batch["value"][length, world])
            assert abs(total - float(returns[first, world])) < 1e-9


@given(st.integers(0, 200), st.integers(1, 12))
def test_with_lambda_zero_an_advantage_is_one_step_long(seed: int, length: int) -> None:
    batch, gamma = _random(seed, length), 0.9
    advantage, _ = advantages(**batch, gamma=gamma, gae_lambda=0.0)
    following = torch.where(batch["truncated"], batch["final_value"], batch["value"][1:])
    following = torch.where(batch["terminated"], 0.0, following)
    expected = batch["reward"] + gamma * following - batch["value"][:-1]
    torch.testing.assert_close(advantage, expected)


@given(st.integers(0, 200), st.integers(0, 8))
def test_nothing_leaks_from_the_next_episode(seed: int, cut: int) -> None:
    batch = _random(seed, 12)
    batch["terminated"][cut, 0], batch["truncated"][cut, 0] = True, False
    batch["terminated"][cut, 1], batch["truncated"][cut, 1] = False, True
    scrambled = {name: value.clone() for name, value in batch.items()}
    other = _random(seed + 1000, 12)
    for name, value in other.items():
        scrambled[name][cut + 1 :] = value[cut + 1 :]
    one, two = (advantages(**b, gamma=0.99, gae_lambda=0.95)[0] for b in (batch, scrambled))
    assert torch.equal(one[: cut + 1, :2], two[: cut + 1, :2])
    assert not torch.equal(one[cut + 1 :], two[cut + 1 :])


def test_worlds_do_not_touch_each_other() -> None:
    batch = _random(0, 10)
    together, _ = advantages(**batch, gamma=0.99, gae_lambda=0.95)
    for world in range(3):
        alone = {name: value[:, world : world + 1] for name, value in batch.items()}
        expected, _ = advantages(**alone, gamma=0.99, gae_lambda=0.95)
        assert torch.equal(together[:, world : world + 1], expected)
