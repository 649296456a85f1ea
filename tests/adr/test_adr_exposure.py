"""A planted effect is found where it is, an absent one is not, and intervals keep their word."""

import numpy as np
import pytest

from sleight.adr.exposure import regress, slices, worst
from sleight.adr.intervals import mean, proportion
from sleight.errors import DataError

NAMES = ("mass", "size", "gain", "delay")
ENDS = np.array([[-1.0, 1.0], [-0.5, 0.3], [-2.0, 1.0], [0.0, 0.7]])


def worlds(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """lambda (n, 4), and the same between -1 and 1."""
    z = np.random.default_rng(seed).uniform(-1, 1, (n, len(NAMES)))
    low, high = ENDS.T
    return low + (high - low) * (z + 1) / 2, z


def counts(rate: np.ndarray, seed: int) -> np.ndarray:
    """Successes until the first failure, whose mean is `rate`: skewed, and no bell curve."""
    return np.random.default_rng(seed).geometric(1 / (1 + np.clip(rate, 0.01, None))) - 1


def test_intervals_by_hand() -> None:
    # Wilson, 8 of 10, z 1.96: centre (8 + 1.92) / (10 + 3.84) = 0.717, reach 0.226.
    found = proportion(8, 10)
    assert (found.low, found.high) == pytest.approx((0.490, 0.943), abs=1e-3)
    assert proportion(0, 5).low == 0.0 and proportion(0, 5).high > 0.3
    # Mean 2, deviation 1, three values: t(0.975, 2) = 4.303, reach 4.303 / sqrt(3).
    found = mean([1, 2, 3])
    assert (found.value, found.high) == pytest.approx((2.0, 2 + 4.3027 / 3**0.5), abs=1e-3)
    assert np.isnan(mean([]).value) and mean([4.0]).data() == [4.0, None, None]


def test_planted_effects_are_found_and_named() -> None:
    lam, z = worlds(1500, 0)
    # mass: only heavy hurts; size: both ends hurt; gain: helps upward; delay: nothing.
    rate = 8 - 3 * z[:, 0] - 4 * z[:, 1] ** 2 + 2 * z[:, 2]
    found = {effect.parameter: effect for effect in regress(NAMES, lam, ENDS, counts(rate, 1))}
    truth = {"mass": (3, -3), "size": (-4, -4), "gain": (-2, 2), "delay": (0, 0)}
    for name, (low, high) in truth.items():
        assert found[name].at_low.low < low < found[name].at_low.high, name
        assert found[name].at_high.low < high < found[name].at_high.high, name
    assert {name for name, effect in found.items() if effect.exposed} == {"mass", "size", "gain"}
    assert next(iter(found)) == "size", "the largest loss first"


def test_intervals_cover_the_truth_and_absent_effects_are_rarely_named() -> None:
    inside, named, runs = 0, 0, 200
    for seed in range(runs):
        lam, z = worlds(200, seed)
        found = regress(NAMES, lam, ENDS, counts(5 - 2 * z[:, 0], 1000 + seed))
        heavy = next(effect for effect in found if effect.parameter == "mass")
        inside += heavy.at_high.low < -2 < heavy.at_high.high
        named += any(effect.exposed for effect in found if effect.parameter != "mass")
    # 95 % of 200 +- three standard errors; a name in vain in at most about one run of twenty.
    assert 0.90 < inside / runs < 0.99
    assert named / runs < 0.1


def test_few_trials_give_straight_lines_and_fewer_are_refused() -> None:
    lam, z = worlds(40, 3)
    found = regress(NAMES, lam, ENDS, 3 * z[:, 0])
    assert found[0].parameter == "mass" and found[0].at_low.value == pytest.approx(-3)
    assert found[0].at_high.value == pytest.approx(3)
    with pytest.raises(DataError, match="--trials: got 29, allowed .* 4 parameters: 30 or more"):
        regress(NAMES, lam[:29], ENDS, z[:29, 0])
    with pytest.raises(DataError, match="size: got a range without width"):
        regress(NAMES, lam, ENDS * [[1], [0], [1], [1]], z[:, 0])


def test_equal_successes_expose_to_nothing() -> None:
    lam, _ = worlds(100, 4)
    found = regress(NAMES, lam, ENDS, np.full(100, 50.0))
    assert not any(effect.exposed for effect in found)
    assert all(effect.at_low.value == pytest.approx(0, abs=1e-9) for effect in found)


def test_slices_hold_every_trial_once() -> None:
    values, successes = np.arange(10.0), np.array([0] * 5 + [4] * 5)
    found = slices(values, successes, 2)
    assert [(s.low, s.high, s.trials) for s in found] == [(0.0, 4.5, 5), (4.5, 9.0, 5)]
    assert [s.successes.value for s in found] == [0.0, 4.0]
    assert sum(s.trials for s in slices(np.round(values / 4), successes, 4)) == 10
    assert [s.trials for s in slices(np.ones(6), np.ones(6), 4)] == [6]


def test_the_worst_stratum_is_not_the_unluckiest() -> None:
    lam, z = worlds(4000, 5)
    columns = {name: lam[:, i] for i, name in enumerate(NAMES)}
    result = np.where(z[:, 3] > 0.5, 2.0, 6.0) + np.random.default_rng(6).normal(0, 1, 4000)
    found = worst(columns, result)
    assert found is not None and found.parameter == "delay"
    assert found.low == pytest.approx(0.7 * 0.75, abs=0.02) and found.high > 0.69
    # Of chance alone the lowest slice is low; measured on other trials it is as good as all.
    means, lowest = [], []
    for seed in range(60):
        chance = np.random.default_rng(seed).normal(0, 1, 400)
        same = worst({name: column[:400] for name, column in columns.items()}, chance)
        assert same is not None
        means.append(same.successes.value)
        each = [slices(lam[:400, i], chance) for i in range(len(NAMES))]
        lowest.append(min(s.successes.value for found in each for s in found))
    assert np.mean(lowest) < -0.1
    assert abs(np.mean(means)) < 3 * np.std(means) / 60**0.5
    assert worst({"one": [1.0, 2.0]}, [1, 2]) is None
